"""Whatever a definition says, loading it answers: it holds and can be planned, or what is wrong is told by field."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cluster_sim
from cluster_sim.planning.guest_layout import lay_out
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.inputs import logs_of, workload_sizes
from cluster_sim.planning.placement import place_guests
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.load import MOST_NODES, Experiment
from cluster_sim.scenario.problems import DefinitionError
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.shipped import workloads_directory
from tests.unit.scenario.mutations import SHIPPED, definitions, overrides

GUESTS_MOST = 64
BUFFERS_MOST = 200_000
HOST_BYTES_MOST = 1 << 42
CHANCE = (1, 0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workload file to be written, beside the shipped traces."""
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "traces").symlink_to(workloads_directory() / "traces")
    return folder / "x.yaml"


def loaded(file: Path | str, *sets: str) -> Experiment | None:
    """What loads, or None when all that is wrong was told: in words, and with a field unless the text is no YAML."""
    try:
        return cluster_sim.load(file, sets)
    except DefinitionError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.found
        assert problem.allowed
        assert problem.field or "YAML" in str(problem) or str(MOST_NODES) in problem.allowed
    return None


def is_small(scenario: ScenarioSpec, folder: Path) -> bool:
    """Whether one of its hosts can be planned in a moment."""
    counts = [group.count_per_host or group.count or 0 for group in scenario.guests]
    if sum(counts) > GUESTS_MOST or scenario.cluster.host.memory > HOST_BYTES_MOST:
        return False
    sizes, protection = workload_sizes(scenario, folder), PROTECTIONS[scenario.protection]
    layouts = [lay_out(scenario, group, 0, sizes, protection) for group in scenario.guests]
    buffers = [sum(each.count for each in layout.buffers) for layout in layouts]
    return sum(count * each for count, each in zip(counts, buffers, strict=True)) <= BUFFERS_MOST


def plan_one_host(experiment: Experiment) -> None:
    """Plan host 0 of the first variant, if it is small."""
    scenario, folder = experiment.variants[0].scenario, experiment.source.parent
    if is_small(scenario, folder):
        sizes, logs = workload_sizes(scenario, folder), logs_of(scenario, folder)
        run_guests = RunGuests(scenario, sizes, place_guests(scenario, CHANCE))
        plan = plan_host(scenario, profile_of(scenario), sizes, run_guests=run_guests, logs=logs)
        assert len(plan.state.guests) == len(plan.guests)


@settings(max_examples=300)
@given(definitions())
def test_a_definition_with_changes_can_be_planned_or_is_told_what_is_wrong(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    experiment = loaded(file)
    if experiment is not None:
        plan_one_host(experiment)


@settings(max_examples=100)
@given(overrides())
def test_an_override_holds_or_is_told_what_is_wrong(override: tuple[str, str]) -> None:
    name, text = override
    loaded(name, text)


@settings(max_examples=100)
@given(st.sampled_from(sorted(SHIPPED)), st.integers(min_value=0), st.integers(0, 40), st.text(max_size=5))
def test_text_that_is_cut_and_pasted_holds_or_is_told_what_is_wrong(
    file: Path, name: str, at: int, length: int, pasted: str
) -> None:
    text = (workloads_directory() / f"{name}.yaml").read_text("utf-8")
    begin = at % len(text)
    file.write_text(text[:begin] + pasted + text[begin + length :], encoding="utf-8")
    loaded(file)
