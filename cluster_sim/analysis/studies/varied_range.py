"""The range over which a crossover varies a field: the one asked for, or as far as scenarios can be run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cluster_sim.analysis.problems import StudyError, UnrunnableScenarioError
from cluster_sim.analysis.studies.designs import wrong_with
from cluster_sim.analysis.studies.varied_field import Varied
from cluster_sim.scenario.spec import ScenarioSpec

SHRINKS_MOST: Final = 40
NEARER: Final = 0.85


def scenario_at(field: Varied, base: ScenarioSpec, step: int, folder: Path) -> ScenarioSpec:
    """A scenario at a step; StudyError if it cannot be run."""
    scenario = field.scenario(base, step)
    wrong = wrong_with(scenario, folder)
    if wrong:
        raise UnrunnableScenarioError(f"--vary {field.name} at {field.shown(step)}", wrong)
    return scenario


def parse_limits(field: Varied, text: str) -> tuple[int, int]:
    """`64KiB..8MiB` as steps."""
    first, dots, last = (end.strip() for end in text.partition(".."))
    try:
        low, high = field.step_of(first), field.step_of(last)
    except (ValueError, ArithmeticError):
        low, high, dots = 0, 0, ""
    if not dots or not 0 <= low < high:
        example = f"{field.shown(field.nominal)}..{field.shown(2 * field.nominal)}"
        raise StudyError(
            f"--vary {field.name}", found=repr(text), allowed=f"LOW..HIGH with LOW below HIGH, such as {example}"
        )
    return low, high


def default_limits(field: Varied, scenarios: Sequence[ScenarioSpec], folder: Path) -> tuple[int, int]:
    """As far from the definition's value as scenarios can be run."""

    def fits(step: int) -> bool:
        try:
            return all(scenario_at(field, scenario, step, folder) for scenario in scenarios)
        except StudyError:
            return False

    ends = []
    for end in (field.least, field.most):
        step = end
        for _ in range(SHRINKS_MOST):
            if fits(step) or step == field.nominal:
                break
            step = nearer(step, field)
        ends.append(step)
    if ends[0] >= ends[1]:
        raise StudyError(
            f"--vary {field.name}",
            found=f"no range around {field.shown(field.nominal)}",
            allowed=f"{field.name}=LOW..HIGH",
        )
    return ends[0], ends[1]


def nearer(step: int, field: Varied) -> int:
    """A step some way nearer to the definition's value, by ratio; the next one where there is nothing between."""
    if field.is_choice or abs(step - field.nominal) <= 2 or not step * field.nominal:
        return step + (1 if step < field.nominal else -1)
    middle = round(field.nominal * (step / field.nominal) ** NEARER)
    return middle if middle != step else field.nominal
