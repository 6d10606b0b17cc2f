"""What a study stores as it goes on: figures of its points by content, and what it is and came to.

A study's folder lies beside the runs of its definition. Points lie in `points/`, some at a time, each file written
under a temporary name and then renamed, with checksums; `study.json` says what is studied, how it stands and what it
found.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue, ValidationError

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.study_figures import UNITS, Figures
from cluster_sim.results.atomic_file import PARTIAL, put, replacing
from cluster_sim.results.manifest import Record
from cluster_sim.results.run_directory import RunDirectoryError, check_name
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.workload_spec import path_in, trace_fields

POINTS_A_FILE: Final = 32
STUDY: Final = "study.json"
SCHEMA: Final = pa.schema(
    [pa.field("key", pa.string(), nullable=False), pa.field("guest_group", pa.string(), nullable=False)]
    + [pa.field(name, pa.float64(), nullable=False, metadata={"unit": unit.encode()}) for name, unit in UNITS.items()]
)
VERSIONED: Final = ("cluster-sim", "numba", "numpy")

ByGroup = Mapping[str, Figures]


class StudyRecord(Record):
    """What a study is, how it stands, and what it found."""

    format: Literal[1] = 1
    kind: Literal["crossover", "sensitivity", "prices"]
    experiment: str
    question: str
    asked: dict[str, JsonValue]
    versions: dict[str, str]
    status: Literal["running", "complete", "interrupted", "failed"] = "running"
    found: tuple[dict[str, JsonValue], ...] = ()


def opening(
    kind: Literal["crossover", "sensitivity"], experiment: Experiment, asked: dict[str, JsonValue]
) -> StudyRecord:
    """What is known of a study before its first point."""
    return StudyRecord(
        kind=kind,
        experiment=experiment.spec.name,
        question=experiment.spec.question,
        asked={**asked, "definition": digest_of_json(experiment.spec.model_dump(mode="json"))},
        versions={name: metadata.version(name) for name in VERSIONED},
    )


def digest_of_json(value: JsonValue) -> str:
    """A digest over plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def digest_of_file(path: Path) -> str:
    """A digest over a trace, read once."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def key_of(point: Point) -> str:
    """A point's name by its content: scenario, traces, seed and replication."""
    traces = {
        trace: digest_of_file(path_in(point.folder, trace))
        for group in point.scenario.guests
        for workload in group.workloads
        for _, trace in trace_fields(workload)
    }
    return digest_of_json([point.scenario.plain(), dict(traces), point.seed, point.replication])


class StudyStore:
    """The folder of one study, and the points that it holds."""

    def __init__(self, directory: Path, record: StudyRecord) -> None:
        self.directory = directory
        self.record = record
        self.points: dict[str, ByGroup] = {}
        self.unwritten: dict[str, ByGroup] = {}
        self.files = 0

    @property
    def folder(self) -> Path:
        """Where the points lie."""
        return self.directory / "points"

    def add(self, key: str, figures: ByGroup) -> None:
        """Store a point; some are written at a time."""
        self.points[key] = self.unwritten[key] = figures
        if len(self.unwritten) >= POINTS_A_FILE:
            self.flush()

    def flush(self) -> None:
        """Write the points that are not yet."""
        if not self.unwritten:
            return
        rows = [
            {"key": key, "guest_group": group, **figures}
            for key, groups in self.unwritten.items()
            for group, figures in groups.items()
        ]
        path = self.folder / f"{self.files:05d}.parquet"
        table = pa.Table.from_pylist(rows, SCHEMA)
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
        self.unwritten, self.files = {}, self.files + 1

    def close(
        self, status: Literal["complete", "interrupted", "failed"], found: Sequence[dict[str, JsonValue]]
    ) -> None:
        """Write the rest, and how the study stands."""
        self.flush()
        self.write_record(self.record.model_copy(update={"status": status, "found": tuple(found)}))

    def write_record(self, record: StudyRecord) -> None:
        """Write `study.json`."""
        self.record = record
        put(self.directory / STUDY, (record.model_dump_json(indent=1) + "\n").encode())

    def forget(self) -> None:
        """Remove the points of an earlier study."""
        for path in [*self.folder.glob("*.parquet"), *self.folder.glob(f".*{PARTIAL}")]:
            path.unlink()

    def read(self) -> None:
        """Take the points that an earlier call stored; StudyError at a file that is not as it was written."""
        for path in self.folder.glob(f".*{PARTIAL}"):
            path.unlink()
        paths = sorted(self.folder.glob("*.parquet"))
        for path in paths:
            for key, group, figures in read_points(path):
                self.points[key] = {**self.points.get(key, {}), group: figures}
        self.files = 1 + max((int(path.stem) for path in paths), default=-1)


def read_points(path: Path) -> list[tuple[str, str, Figures]]:
    """The points of one file: key, guest group, figures."""
    try:
        int(path.stem)
        table = pq.read_table(path, page_checksum_verification=True, partitioning=None)
        if table.schema != SCHEMA:
            raise damaged(path)
        columns = [table.column(name).to_pylist() for name in UNITS]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(path) from error
    keys, groups = (table.column(name).to_pylist() for name in ("key", "guest_group"))
    return [
        (key, group, dict(zip(UNITS, values, strict=True)))
        for key, group, *values in zip(keys, groups, *columns, strict=True)
    ]


def damaged(path: Path) -> StudyError:
    """A file that is not as it was written."""
    return StudyError(
        str(path), found="a damaged file", allowed="points as they were kept; remove it and they run again"
    )


def read_study(directory: Path) -> StudyRecord:
    """What a study's folder says of itself."""
    path = directory / STUDY
    try:
        return StudyRecord.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise StudyError(str(path), found="no readable study", allowed=f"a {STUDY} of format 1") from error


def open_study(results: Path, record: StudyRecord, *, resume: bool) -> StudyStore:
    """The folder of a study, new or gone on with; its name holds a digest of what is asked.

    To resume needs a study that asked the same with the same versions; not to resume begins anew and forgets the
    points of an earlier one.
    """
    try:
        parent = results / check_name(record.experiment)
        directory = parent / f"{record.kind}-{digest_of_json(dict(record.asked))[:12]}"
        store = StudyStore(directory, record)
        if resume:
            check_resumable(directory, record)
        store.folder.mkdir(parents=True, exist_ok=True)
        if resume:
            store.read()
        else:
            store.forget()
        store.write_record(record)
    except OSError as error:
        raise RunDirectoryError(str(error.filename), f"cannot keep the study: {error.strerror}") from error
    return store


def check_resumable(directory: Path, record: StudyRecord) -> None:
    """StudyError unless the folder holds a study that asked the same, of the same versions."""
    if not (directory / STUDY).is_file():
        others = sorted(path.name for path in directory.parent.glob(f"{record.kind}-*") if path.is_dir())
        known = f"; there are {', '.join(others[:5])}, which asked something else" if others else ""
        raise StudyError(
            "--resume", found=f"no study {directory}", allowed=f"the definition and options of one begun{known}"
        )
    earlier = read_study(directory)
    differing = [name for name in VERSIONED if earlier.versions.get(name) != record.versions.get(name)]
    if differing:
        found = ", ".join(f"{name} {earlier.versions.get(name, 'nothing')}" for name in differing)
        allowed = ", ".join(f"{name} {record.versions[name]}" for name in differing)
        raise StudyError("--resume", found=f"points of {found}", allowed=f"{allowed}; without --resume it begins anew")
