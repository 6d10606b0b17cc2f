"""One way to load a definition: all that is wrong with it at once, whichever room finds it."""

from pathlib import Path

import pytest

from cluster_sim.planning.load_checked import load_checked
from cluster_sim.scenario.problems import DefinitionError
from cluster_sim.scenario.spec import CostOverride
from tests.main_job import MAIN_JOB

PKVM = ("protection=pkvm", "io_path=convert-4k")


def test_a_shipped_definition_loads_by_its_name_with_overrides() -> None:
    experiment = load_checked(Path(MAIN_JOB), PKVM)
    assert [variant.scenario.protection for variant in experiment.variants] == ["pkvm"]


def test_what_contradicts_itself_and_what_names_no_profile_are_told_together() -> None:
    with pytest.raises(DefinitionError) as refused:
        load_checked(Path(MAIN_JOB), [*PKVM, "window=90min", "profile=none.such"])
    assert [problem.field for problem in refused.value.problems] == ["--set window", "--set profile"]


def test_costs_of_a_profile_are_laid_under_the_definitions_own() -> None:
    name = "pkvm.share_4k"
    costs = {name: CostOverride(value=1.0, unit="us", why="measured here")}
    (variant,) = load_checked(Path(MAIN_JOB), PKVM, costs).variants
    assert variant.scenario.costs[name].value == 1.0
    own = f"costs={{{name}: {{value: 2, unit: us, why: said here}}}}"
    (variant,) = load_checked(Path(MAIN_JOB), [*PKVM, own], costs).variants
    assert variant.scenario.costs[name].value == 2.0
