"""Errors of analyses: what a program asks of them by name, and the text that a user sees."""

from cluster_sim.analysis.problems import (
    MOST_TOLD,
    ComparisonError,
    IncomparableRunsError,
    StudyError,
    UnrunnableScenarioError,
)
from cluster_sim.scenario.problems import Contradiction

SEED = Contradiction("seed", "1 in old and 2 in new", "one seed")


def test_an_error_has_what_was_found_and_what_is_allowed_apart_from_its_text() -> None:
    error = ComparisonError("--by", found="'x'", allowed="io_path | group")
    assert (error.where, error.found, error.allowed) == ("--by", "'x'", "io_path | group")
    assert str(error) == "--by: found 'x', allowed: io_path | group"


def test_runs_that_disagree_are_told_by_run_a_line_a_field() -> None:
    error = IncomparableRunsError({"new": [SEED]})
    assert error.by_run == {"new": [SEED]}
    assert str(error) == "runs that cannot be compared:\nseed: found 1 in old and 2 in new, allowed: one seed"


def test_of_a_run_that_disagrees_in_everything_the_first_fields_are_told_and_the_others_counted() -> None:
    exactly, more = [SEED] * MOST_TOLD, [SEED] * (MOST_TOLD + 2)
    assert len(str(IncomparableRunsError({"new": exactly})).splitlines()) == 1 + MOST_TOLD
    lines = str(IncomparableRunsError({"new": more, "other": [SEED]})).splitlines()
    assert lines[MOST_TOLD + 1 :] == ["and 2 more fields of new", lines[1]]


def test_a_scenario_that_cannot_be_run_is_told_with_all_that_contradicts_it() -> None:
    error = UnrunnableScenarioError("--vary vcpus at 9", [SEED, Contradiction("window", "2s", "at most 1s")])
    assert isinstance(error, StudyError)
    assert str(error) == (
        "--vary vcpus at 9: seed: found 1 in old and 2 in new, allowed: one seed; window: found 2s, allowed: at most 1s"
    )
