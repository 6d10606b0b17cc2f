"""Studies interrupted, resumed, damaged: what is stored is not run again, what is not as written is refused."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies import Asked, crossover
from cluster_sim.analysis.studies.point_evaluator import Progress
from cluster_sim.analysis.studies.study_store import ByGroup, key_of
from cluster_sim.experiments.pools import InlinePool
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.study_point import Point
from tests.unit.analysis.studies.lone_guest import lone_guest

ASKED = Asked("frame_size=64KiB..2MiB", "swiotlb,pool", grid=4, replications=1)
POINTS = 2 * 4

Digest = Callable[[Point, pa.Table], ByGroup]


class Counting:
    """Counts the points that are run, and stops a study before one of them."""

    def __init__(self, stop_before: int | None = None, error: BaseException | None = None) -> None:
        self.ran, self.stop_before, self.error = 0, stop_before, error or KeyboardInterrupt()

    def evaluate(self, pool: InlinePool, points: Sequence[Point], digest: Digest) -> Iterator[tuple[int, ByGroup]]:
        for number, point in enumerate(points):
            if self.ran == self.stop_before:
                raise self.error
            self.ran += 1
            yield number, next(EVALUATE(pool, [point], digest))[1]

    def as_method(self) -> Callable[[InlinePool, Sequence[Point], Digest], Iterator[tuple[int, ByGroup]]]:
        """What stands for a pool's own method: a function, so that it is given the pool."""

        def evaluate(pool: InlinePool, points: Sequence[Point], digest: Digest) -> Iterator[tuple[int, ByGroup]]:
            return self.evaluate(pool, points, digest)

        return evaluate


EVALUATE = InlinePool.evaluate


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(InlinePool, "evaluate", counting.as_method())
    return counting


def study(folder: Path, *, resume: bool = False, asked: Asked = ASKED) -> Path:
    return crossover(lone_guest(folder), asked, folder / "results", executor="inline", resume=resume).directory


def status(folder: Path) -> str:
    (path,) = (folder / "results").glob("lone/crossover-*/study.json")
    return str(json.loads(path.read_text())["status"])


def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path, count: Counting) -> None:
    count.stop_before = 5
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path)
    assert status(tmp_path) == "interrupted"
    count.stop_before = None
    directory = study(tmp_path, resume=True)
    assert count.ran == POINTS
    assert status(tmp_path) == "complete"
    resumed = pq.read_table(directory / "crossover.parquet")
    assert resumed.equals(pq.read_table(study(tmp_path) / "crossover.parquet"))
    assert count.ran == 2 * POINTS


def test_a_point_that_fails_leaves_the_others(tmp_path: Path, count: Counting) -> None:
    count.stop_before, count.error = 3, RunFailedError("a point failed: Oops: no")
    with pytest.raises(RunFailedError, match="a point failed"):
        study(tmp_path)
    assert status(tmp_path) == "failed"
    count.stop_before = None
    study(tmp_path, resume=True)
    assert count.ran == POINTS


def test_a_finished_study_is_read_and_not_run(tmp_path: Path, count: Counting) -> None:
    study(tmp_path)
    study(tmp_path, resume=True)
    assert count.ran == POINTS


def test_what_asks_something_else_is_not_resumed(tmp_path: Path) -> None:
    study(tmp_path)
    with pytest.raises(StudyError, match="which asked something else") as refused:
        study(tmp_path, resume=True, asked=Asked("frame_size=64KiB..1MiB", "swiotlb,pool", grid=4, replications=1))
    assert "--resume: found no study" in str(refused.value)


def test_points_of_another_version_are_not_mixed_in(tmp_path: Path) -> None:
    path = study(tmp_path) / "study.json"
    record = json.loads(path.read_text())
    record["versions"]["cluster-sim"] = "0.0.1"
    path.write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"found points of cluster-sim 0\.0\.1, allowed: cluster-sim "):
        study(tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "other columns", "other name"])
def test_a_damaged_file_of_points_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    directory = study(tmp_path)
    (path,) = (directory / "points").glob("*.parquet")
    written = bytearray(path.read_bytes())
    match damage:
        case "flipped":
            for index in range(100, len(written) // 2):
                written[index] ^= 0x55
            path.write_bytes(written)
        case "short":
            path.write_bytes(written[: len(written) // 2])
        case "empty":
            path.write_bytes(b"")
        case "other columns":
            pq.write_table(pq.read_table(path).drop_columns(["mean"]), path)
        case _:
            path = path.rename(path.with_name("mine.parquet"))
    with pytest.raises(StudyError, match="found a damaged file") as refused:
        study(tmp_path, resume=True)
    assert str(path) in str(refused.value)


def test_a_study_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (study(tmp_path) / "study.json").write_text("{")
    with pytest.raises(StudyError, match=r"study\.json: found no readable study"):
        study(tmp_path, resume=True)


def test_half_written_files_are_swept_up(tmp_path: Path, count: Counting) -> None:
    half = study(tmp_path) / "points" / ".00007.parquet.partial"
    half.write_bytes(b"half")
    study(tmp_path, resume=True)
    assert not half.exists()
    assert count.ran == POINTS


def test_a_points_name_is_its_content(tmp_path: Path) -> None:
    one, other = (variant.scenario for variant in lone_guest(tmp_path).variants[:2])
    assert key_of(Point(one, tmp_path, 1, 0)) == key_of(Point(one.model_copy(), Path("/elsewhere"), 1, 0))
    names = {
        key_of(Point(scenario, tmp_path, *chance)) for scenario in (one, other) for chance in ((1, 0), (1, 1), (2, 0))
    }
    assert len(names) == 6


def test_progress_counts_the_points_of_each_round_to_their_end(tmp_path: Path) -> None:
    seen: list[Progress] = []
    crossover(lone_guest(tmp_path), ASKED, tmp_path / "results", executor="inline", on_progress=seen.append)
    assert seen[0] == Progress("round 1", 0, POINTS)
    assert seen[-1] == Progress("round 1", POINTS, POINTS)
