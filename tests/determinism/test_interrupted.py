"""Every kind of work, stopped in the middle and gone on with: the very tables of a run that nothing stopped."""

from pathlib import Path

import pytest

from cluster_sim import load
from cluster_sim.experiments.driver import Finished, Means, run_experiment
from cluster_sim.experiments.resume import complete_run
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.run_progress import ProgressReport
from tests.determinism.test_every_kind import EVERYTHING, KINDS, SHORT, definition_of

SMALL: dict[str, tuple[str | Path, tuple[str, ...]]] = {
    **{name: (definition_of(name), (*SHORT, *sets)) for name, sets in KINDS.items()},
    "everything": (EVERYTHING, ("window=1s",)),  # of two windows: each further one takes as long as all other kinds
}


class StopError(Exception):
    """What a test stops a run with."""


def experiment_run(name: str, results: Path, stop_at: int | None = None) -> Finished:
    def stop(progress: ProgressReport) -> None:
        if progress.windows == stop_at:
            raise StopError

    workload, sets = SMALL[name]
    return run_experiment(
        load(workload, sets), results, means=Means("inline", snapshot_every=1), name="run", on_progress=stop
    )


@pytest.mark.parametrize("name", SMALL)
def test_a_run_that_was_stopped_after_any_window_ends_with_the_tables_of_one_that_was_not(
    name: str, tmp_path: Path
) -> None:
    whole = experiment_run(name, tmp_path / "whole")
    files = {path.relative_to(whole.directory): path.read_bytes() for path in whole.directory.rglob("*.parquet")}
    experiment = load(*SMALL[name])
    windows = -(-experiment.spec.duration // experiment.spec.window)
    assert windows > 1
    for stop_at in range(2, windows + 2):
        results = tmp_path / str(stop_at)
        with pytest.raises(RunFailedError):
            experiment_run(name, results, stop_at)
        finished = complete_run(results / experiment.spec.name, means=Means("inline"))
        assert finished.fingerprint == whole.fingerprint
        assert files == {
            path.relative_to(finished.directory): path.read_bytes() for path in finished.directory.rglob("*.parquet")
        }
