"""All that is measured, in the order in which it is, and going through it several times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster_sim.calibration import calls, chains, copies, exits, faults, flushes, shootdowns
from cluster_sim.calibration.machine import Machine, machine
from cluster_sim.calibration.sampling import Effort, Measure, Measured, Refused, RefusedError, Round, summarised

OnProgress = Callable[[str, int, int], None]
"""Told what is measured next: its cost, how many were done, how many there are to do."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured on a machine, as it was before and after."""

    before: Machine
    after: Machine
    found: tuple[Measured | Refused, ...]

    @property
    def measured(self) -> tuple[Measured, ...]:
        """What has a figure."""
        return tuple(each for each in self.found if isinstance(each, Measured))


def measures(on: Machine) -> list[Measure]:
    """All measures for a machine."""
    return [
        *calls.measures(on),
        *faults.measures(on),
        *shootdowns.measures(on),
        *exits.measures(on),
        *flushes.measures(on),
        *copies.measures(on),
        *chains.measures(),
    ]


def nobody(cost: str, done: int, total: int) -> None:
    """Tell nobody."""


def calibrate(effort: Effort, on_progress: OnProgress = nobody) -> Calibration:
    """Measure all that this machine can give."""
    before = machine()
    found = gone_through(measures(before), effort, on_progress)
    return Calibration(before, machine(), found)


def gone_through(
    todo: Sequence[Measure], effort: Effort, on_progress: OnProgress = nobody
) -> tuple[Measured | Refused, ...]:
    """Go through some measures as often as the effort says; one that is refused once is refused."""
    rounds: dict[str, list[Round]] = {measure.cost: [] for measure in todo}
    refused: dict[str, str] = {}
    total = effort.passes * len(todo)
    for done in range(total):
        measure = todo[done % len(todo)]
        on_progress(measure.cost, done, total)
        if measure.cost in refused:
            continue
        try:
            rounds[measure.cost] += measure.rounds(effort)
        except RefusedError as error:
            refused[measure.cost] = str(error)
    return tuple(
        Refused(measure, refused[measure.cost])
        if measure.cost in refused
        else summarised(measure, rounds[measure.cost])
        for measure in todo
    )
