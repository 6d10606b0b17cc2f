"""The runs behind price intervals as a study: kept beside the run, so that none is made twice, and shared out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.price_intervals.whole_runs import priced_runs
from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.point_evaluator import Evaluator, Progress
from cluster_sim.analysis.studies.study_store import STUDY, StudyRecord, StudyStore, read_study
from cluster_sim.experiments.driver import Executor
from cluster_sim.experiments.manifests import versions
from cluster_sim.experiments.pools import pool_of

FOLDER: Final = "prices"
SAMPLES: Final = 28
"""Joint samples unless told otherwise: a new draw of all costs lies in their range 27 times of 29."""
LEAST: Final = 20
"""Samples whose range holds a new draw nine times of ten."""
INLINE_MOST: Final = 400
"""Points up to which starting Ray takes longer than it saves."""


def check_samples(samples: int) -> int:
    """A number of samples, if an interval can be told of it; 0 is for none."""
    if samples != 0 and samples < LEAST:
        raise StudyError("--prices", found=str(samples), allowed=f"0, or {LEAST} samples or more")
    return samples


def whole_intervals(
    reading: RunReading,
    samples: int,
    *,
    executor: Executor | None = None,
    actors: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> PriceIntervals:
    """Price intervals of a run from whole runs; what an earlier call ran is taken from beside the run.

    Without an `executor`, few points run in this process and many on Ray. Ctrl-C keeps what is done.
    """
    asked = priced_runs(reading, check_samples(samples))
    with store_of_run(reading, samples) as store:
        missing = len(asked.scenarios) * (samples + 1) - len(store.points)
        where = executor or ("inline" if missing <= INLINE_MOST else "ray")
        try:
            with pool_of(where, actors) as pool:
                found = asked.run(Evaluator(pool, store, on_progress))
        except BaseException as error:
            store.close("interrupted" if isinstance(error, KeyboardInterrupt) else "failed", [])
            raise
        store.close("complete", [])
        return found


@contextmanager
def store_of_run(reading: RunReading, samples: int) -> Iterator[StudyStore]:
    """The store in the run's directory; one that is forgotten afterwards, where that cannot be written."""
    record = StudyRecord(
        kind="prices",
        experiment=reading.manifest.experiment,
        question=reading.manifest.question,
        asked={"samples": samples},
        versions=versions(),
    )
    with TemporaryDirectory(prefix="cluster-sim-prices-") as elsewhere:
        storage = reading.results.storage
        try:
            store = opened_store(storage.local_path / FOLDER if storage.is_local else Path(elsewhere), record)
        except OSError:
            store = opened_store(Path(elsewhere), record)
        yield store


def opened_store(directory: Path, record: StudyRecord) -> StudyStore:
    """A store with the points that the same program left there; those of another are forgotten."""
    store = StudyStore(directory, record)
    store.folder.mkdir(parents=True, exist_ok=True)
    is_ours = (directory / STUDY).is_file() and read_study(directory).versions == record.versions
    if is_ours:
        store.read()
    else:
        store.forget()
    store.write_record(record)
    return store
