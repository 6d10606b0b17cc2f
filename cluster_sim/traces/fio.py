"""Reads the logs that fio writes with `write_iolog` and replays with `read_iolog`, versions 2 and 3.

Version 3 begins each line with microseconds since the log was begun. Version 2 has no times but waits, which fio's
manual gives in microseconds: requests lie at the sum of the waits above them.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from cluster_sim.traces.log import FOUND_LENGTH_MAX, RequestRows, whole_lines
from cluster_sim.traces.requests import RequestTrace

FIRST_LINES: Final = ("fio version 2 iolog", "fio version 3 iolog")
_FILE_ACTIONS: Final = ("add", "open", "close")
_TRANSFERS: Final = ("read", "write")
_NO_TRANSFERS: Final = ("trim", "sync", "datasync", "sync_file_range")
_FIRST_LINE: Final = re.compile(r"fio version [0-9]+ iolog")


def read_fio(path: Path) -> RequestTrace:
    """Return the reads and writes of a log; syncs and trims are counted and left out. Raises TraceError."""
    lines = whole_lines(path)
    rows = RequestRows(path, line=1)
    _, first = next(lines, (1, ""))
    if first not in FIRST_LINES:
        raise rows.refused(repr(first[:FOUND_LENGTH_MAX]) if first else "nothing", " or ".join(FIRST_LINES))
    log = _Log(rows, version=FIRST_LINES.index(first) + 2)
    for number, line in lines:
        rows.line = number
        log.take(line)
    return rows.trace(f"fio iolog {log.version}", {"no data is transferred": log.left_out})


class _Log:
    """A log that is being read: its clock, and which files are added and open."""

    def __init__(self, rows: RequestRows, *, version: int) -> None:
        self.rows, self.version = rows, version
        self.now_us = 0
        self.added: set[str] = set()
        self.opened: set[str] = set()
        self.left_out: Counter[str] = Counter()

    def take(self, line: str) -> None:
        """Take one line's words, or say which is wrong."""
        if _FIRST_LINE.fullmatch(line):
            raise self.rows.refused("the beginning of another log", "one log: fio appends to a file that is there")
        words = line.split()
        if self.version == 3 and words:
            self._advance_to(self.rows.number("time", words.pop(0)))
        if len(words) == 2:
            self._file_action(*words)
        elif len(words) == 4:
            self._io_action(*words)
        else:
            time = "time, " if self.version == 3 else ""
            allowed = f"{time}file, action; or {time}file, action, offset, length"
            raise self.rows.refused(repr(line[:FOUND_LENGTH_MAX]), allowed)

    def _advance_to(self, time_us: int) -> None:
        if time_us < self.now_us:
            raise self.rows.refused(f"time {time_us}", f"a time that is not before the line above, {self.now_us}")
        self.now_us = time_us

    def _file_action(self, name: str, action: str) -> None:
        if action not in _FILE_ACTIONS:
            raise self.rows.refused(f"action {action[:FOUND_LENGTH_MAX]!r} without a range", ", ".join(_FILE_ACTIONS))
        if action == "add":
            self.added.add(name)
        elif action == "open":
            if name not in self.added:
                raise self.rows.refused(f"{name} opened", "a file that is added above")
            self.opened.add(name)
        else:
            if name not in self.opened:
                raise self.rows.refused(f"{name} closed", "a file that is open")
            self.opened.remove(name)

    def _io_action(self, name: str, action: str, offset: str, length: str) -> None:
        first, second = self.rows.number("offset", offset), self.rows.number("length", length)
        if action == "wait" and self.version == 2:
            self.now_us += first
            return
        if action not in (*_TRANSFERS, *_NO_TRANSFERS):
            wait = " or wait" if self.version == 2 else "; version 3 has times, no wait"
            allowed = ", ".join((*_TRANSFERS, *_NO_TRANSFERS)) + wait
            raise self.rows.refused(f"action {action[:FOUND_LENGTH_MAX]!r}", allowed)
        if name not in self.opened:
            raise self.rows.refused(f"{action} of {name}", "a file that is open")
        if action in _NO_TRANSFERS:
            self.left_out[action] += 1
            return
        self.rows.add(
            at_ns=1000 * self.now_us,
            offset_bytes=first,
            size_bytes=second,
            is_write=action == "write",
            target=name,
        )
