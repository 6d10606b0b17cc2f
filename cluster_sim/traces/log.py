"""What readers of request logs share: whole lines by number, and requests collected with every bound checked."""

from array import array
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cluster_sim.traces.requests import AT_NS_MAX, OFFSET_BYTES_MAX, RequestOrigin, RequestTrace, checked_requests
from cluster_sim.traces.table import SIZE_BYTES_MAX, TraceError

FOUND_LENGTH_MAX = 60


def whole_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers from 1; a last line without its end was cut off."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                found = f"{line[:FOUND_LENGTH_MAX]!r} without the end of the line"
                raise TraceError(path, found, "a whole last line", at=f"line {number}")
            yield number, line.rstrip("\r\n")


def whole_number(text: str) -> int | None:
    """Read up to 18 decimal digits, None if it is anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


@dataclass
class RequestRows:
    """The requests of a log read so far; `line` is the place in the file of what is being read."""

    path: Path
    line: int = 0
    at_ns: "array[int]" = field(default_factory=lambda: array("q"))
    offset_bytes: "array[int]" = field(default_factory=lambda: array("q"))
    size_bytes: "array[int]" = field(default_factory=lambda: array("q"))
    is_write: bytearray = field(default_factory=bytearray)
    targets: set[Hashable] = field(default_factory=set)

    def add(self, *, at_ns: int, offset_bytes: int, size_bytes: int, is_write: bool, target: Hashable) -> None:
        """Take one request, or say what of it cannot be."""
        if self.at_ns and at_ns < self.at_ns[-1]:
            raise self.refused(f"{at_ns} ns", f"a time that is not before the request above, {self.at_ns[-1]} ns")
        if not 0 <= at_ns <= AT_NS_MAX:
            raise self.refused(f"{at_ns} ns", f"0 to {AT_NS_MAX} ns")
        if not 0 <= offset_bytes <= OFFSET_BYTES_MAX:
            raise self.refused(f"an offset of {offset_bytes} bytes", f"0 to {OFFSET_BYTES_MAX} bytes")
        if not 1 <= size_bytes <= SIZE_BYTES_MAX:
            raise self.refused(f"a size of {size_bytes} bytes", f"1 to {SIZE_BYTES_MAX} bytes")
        self.at_ns.append(at_ns)
        self.offset_bytes.append(offset_bytes)
        self.size_bytes.append(size_bytes)
        self.is_write.append(is_write)
        self.targets.add(target)

    def refused(self, found: str, allowed: str) -> TraceError:
        """Return the refusal of what stands in this line."""
        return TraceError(self.path, found, allowed, at=f"line {self.line}")

    def number(self, name: str, text: str) -> int:
        """Read a whole number, or refuse it by its name."""
        value = whole_number(text)
        if value is None:
            raise self.refused(f"{name} {text[:FOUND_LENGTH_MAX]!r}", "a whole number of at most 18 digits")
        return value

    def trace(self, log_format: str, left_out: dict[str, Counter[str]]) -> RequestTrace:
        """Return the requests as a trace whose first is at 0; `left_out` counts the other lines by reason."""
        reasons = [f"{counted(counts)}: {reason}" for reason, counts in left_out.items() if counts]
        if not self.at_ns:
            raise TraceError(self.path, "; ".join(["no requests", *reasons]), "one request or more")
        at_ns = np.array(self.at_ns, dtype=np.int64)
        trace = RequestTrace(
            origin=RequestOrigin(log_format=log_format, left_out="; ".join(reasons), target_count=len(self.targets)),
            at_ns=at_ns - at_ns[0],
            offset_bytes=np.array(self.offset_bytes, dtype=np.int64),
            size_bytes=np.array(self.size_bytes, dtype=np.int64),
            is_write=np.frombuffer(self.is_write, dtype=np.bool_).copy(),
        )
        return checked_requests(trace, self.path)


def counted(counts: Counter[str]) -> str:
    """Return `3 sync, 1 trim`, by name."""
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
