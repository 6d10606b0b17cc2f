"""Errors carry where, found and allowed; their text is made of these, and both survive the way between processes."""

import pickle
from pathlib import Path

import pytest

from cluster_sim.actors.placement_groups import ClusterError
from cluster_sim.platform.formulas import FormulaError
from cluster_sim.platform.provenance import ProvenanceError
from cluster_sim.refusal import InputError, Refusal
from cluster_sim.results.run_directory import RunDirectoryError
from cluster_sim.results.storage import StorageError
from cluster_sim.runtime.snapshot_state import SavedStateError
from cluster_sim.runtime.snapshots import SnapshotError
from cluster_sim.scenario.problems import DefinitionError, Problem
from cluster_sim.traces.table import TraceError

BOTH = (Refusal("a", "1", "2"), Refusal("b", "3", "4"))
TOLD = [
    (InputError("--set", "'x'", "a.b=value"), "--set: found 'x', allowed: a.b=value"),
    (SavedStateError("", "no pair", "pairs"), "found no pair, allowed: pairs"),
    (RunDirectoryError("runs/a", "cannot be read: no such file"), "runs/a: cannot be read: no such file"),
    (StorageError("s9://b", "no scheme", "a path"), "s9://b: found no scheme, allowed: a path"),
    (SnapshotError("x.arrow", "nothing", "a snapshot"), "x.arrow: found nothing, allowed: a snapshot"),
    (ProvenanceError.of(BOTH), "a: found 1, allowed: 2\nb: found 3, allowed: 4"),
    (ClusterError.of(BOTH), "a: found 1, allowed: 2\nb: found 3, allowed: 4"),
    (FormulaError("no formula", "a + b"), "found no formula, allowed: a + b"),
    (TraceError(Path("t"), "no frames", "one or more"), "t: found no frames, allowed: one or more"),
    (TraceError(Path("t"), "x", "y", at="line 3"), "t: line 3: found x, allowed: y"),
    (DefinitionError([Problem("x.yaml", 7, "a.b", "1", "2")]), "x.yaml:7: a.b: found 1, allowed: 2"),
    (DefinitionError([Problem("x.yaml", None, "", "1", "2")]), "x.yaml: found 1, allowed: 2"),
]


@pytest.mark.parametrize(("error", "text"), TOLD, ids=[text for _, text in TOLD])
def test_an_error_is_told_as_ever_here_and_in_another_process(error: InputError, text: str) -> None:
    assert str(error) == text
    there = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just made, as Ray sends it
    assert type(there) is type(error)
    assert (str(there), there.refusals) == (text, error.refusals)


def test_an_error_of_several_refusals_tells_the_first_by_its_own_fields() -> None:
    error = ProvenanceError.of(BOTH)
    assert (error.where, error.found, error.allowed) == ("a", "1", "2")
    assert error.refusals == BOTH
