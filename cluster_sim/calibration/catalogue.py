"""All that is measured, in the order in which it is."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster_sim.calibration import calls, copies, exits, faults, shootdowns
from cluster_sim.calibration.machine import Machine, machine
from cluster_sim.calibration.sampling import Effort, Measure, Measured, Refused, measured


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured on a machine, as it was before and after."""

    before: Machine
    after: Machine
    found: tuple[Measured | Refused, ...]


def measures(on: Machine) -> list[Measure]:
    """All measures for a machine."""
    return [*calls.measures(), *faults.measures(), *shootdowns.measures(), *exits.measures(on), *copies.measures()]


def calibrate(effort: Effort, on_progress: Callable[[str, int, int], None] = lambda *_: None) -> Calibration:
    """Measure all; `on_progress` is told the cost, its number and how many there are."""
    before = machine()
    todo = measures(before)
    found = []
    for number, measure in enumerate(todo):
        on_progress(measure.cost, number, len(todo))
        found.append(measured(measure, effort))
    return Calibration(before, machine(), tuple(found))
