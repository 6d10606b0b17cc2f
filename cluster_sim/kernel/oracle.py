"""Model and kernel side by side: replay sequences on both, compare, and shorten what differs."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cluster_sim.kernel.capabilities import Capabilities
from cluster_sim.kernel.sequences import Call, sequence
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DEFAULT_RULES
from cluster_sim.memory.system_calls.model import SystemCalls
from cluster_sim.memory.system_calls.replies import Reply

CALLS_A_SEQUENCE = 200
DIED = -1
"""In the place of an outcome: the tested process ended; the value is its exit status."""
Presence = list[tuple[int, int, int]]
Observed = tuple[int, int, Presence]
"""What a call gave: errno or signal, value read, page-table entries of all mappings after it."""

MakeModel = Callable[[], SystemCalls]


@dataclass(frozen=True, slots=True)
class Difference:
    """A call on which model and kernel disagree, at the end of the shortest sequence found."""

    calls: tuple[Call, ...]
    model: Observed
    kernel: Observed


@dataclass(frozen=True, slots=True)
class OracleReport:
    """What a replay found."""

    seed: int
    calls: int
    coverage: Counter[str]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]


class Worker:
    """The tested process, started anew when it dies."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        if self.process is not None and self.process.poll() is not None:
            self.end()
        if self.process is None:
            command = [sys.executable, "-m", "cluster_sim.kernel.worker"]
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self.process

    def answers(self, calls: Sequence[Call]) -> Iterator[Observed]:
        """Carry out calls on fresh VMs; an answer each."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(calls) + "\n")
        process.stdin.flush()
        for _ in calls:
            line = process.stdout.readline()
            if not line:
                yield DIED, process.wait(), []
                return
            outcome, value, presence = json.loads(line)
            yield outcome, value, [(slot, view, mask) for slot, view, mask in presence]

    def end(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None


@contextmanager
def worker() -> Iterator[Worker]:
    """A tested process for as long as it is needed."""
    started = Worker()
    try:
        yield started
    finally:
        started.end()


def compare(
    calls: Sequence[Call], tested: Worker, make_model: MakeModel, coverage: Counter[str]
) -> tuple[int, Observed, Observed] | None:
    """Carry out a sequence on both; (number of the first call that differs, model's answer, kernel's), or None."""
    model = make_model()
    found = None
    for number, observed in enumerate(tested.answers(calls)):
        if found is not None:
            continue
        name, *arguments = calls[number]
        reply: Reply = getattr(model, str(name))(*arguments)
        expected = (reply.outcome, reply.value, model.presence())
        if expected != observed:
            found = number, expected, observed
        else:
            coverage.update(reply.rules)
    return found


def shortest(calls: Sequence[Call], tested: Worker, make_model: MakeModel) -> Difference:
    """Leave out calls, first many at once and then one by one, for as long as the last one still differs."""
    shortest = list(calls)
    found = compare(shortest, tested, make_model, Counter())
    assert found is not None, "a difference that does not come again"
    shortest = shortest[: found[0] + 1]
    size = len(shortest) // 2
    while size > 0:
        start = 0
        while start < len(shortest):
            shorter = shortest[:start] + shortest[start + size :]
            again = compare(shorter, tested, make_model, Counter()) if shorter else None
            if again is None:
                start += size
            else:
                shortest, found = shorter[: again[0] + 1], again
        size //= 2
    return Difference(tuple(shortest), found[1], found[2])


def replay(
    calls: int,
    seed: int,
    capabilities: Capabilities,
    *,
    make_model: MakeModel | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> OracleReport:
    """Replay so many random calls, 200 a sequence; the first difference ends it."""
    make = make_model or (lambda: SystemCalls(DEFAULT_RULES, has_conversion=capabilities.has_conversion))
    coverage: Counter[str] = Counter()
    left_out = tuple(capabilities.left_out.values())
    replayed = 0
    with worker() as tested:
        while replayed < calls:
            length = min(CALLS_A_SEQUENCE, calls - replayed)
            chosen = sequence(seed, replayed // CALLS_A_SEQUENCE, length, without=frozenset(capabilities.left_out))
            found = compare(chosen, tested, make, coverage)
            if found is not None:
                difference = shortest(chosen[: found[0] + 1], tested, make)
                return OracleReport(seed, replayed + found[0] + 1, coverage, (difference,), left_out)
            replayed += len(chosen)
            on_progress(replayed)
    return OracleReport(seed, replayed, coverage, (), left_out)


def outcome_name(code: int) -> str:
    """An answer by its name."""
    if code == DIED:
        return "the tested process died"
    return Outcome(code).name if code in set(Outcome) else f"errno {code}"
