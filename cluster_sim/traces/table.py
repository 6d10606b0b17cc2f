"""What the Arrow forms of all traces share: told apart by kind, read column by column, written whole or not at all."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster_sim.refusal import InputError
from cluster_sim.results.atomic_file import replacing

if TYPE_CHECKING:
    import pyarrow as pa

SIZE_BYTES_MAX: Final = 2**31 - 1
"""The largest frame or request."""

_KIND_KEY: Final = b"trace"


class TraceError(InputError):
    """An input that is no trace: which file and place in it, what was found, what is allowed."""

    def __init__(self, path: Path, found: str, allowed: str, *, at: str = "") -> None:
        super().__init__(f"{path}: {at}" if at else str(path), found, allowed)
        self.path, self.at = path, at
        self.args = (path, found, allowed)


def not_text(path: Path) -> TraceError:
    """Return the refusal of a file that is no UTF-8 text, with the line of its first wrong byte."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return TraceError(path, f"byte {line[error.start]:#04x}", "UTF-8 text", at=f"line {number}")
    raise AssertionError(path)


class TraceKind(StrEnum):
    """What one row of a trace file is."""

    FRAMES = "frames"
    REQUESTS = "requests"


def trace_kind(path: Path) -> TraceKind:
    """Return which kind of trace a Parquet file holds, by its schema alone; raises TraceError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    allowed = "a Parquet file of frames or requests"
    _check_is_file(path, allowed)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _no_parquet(path, error, allowed) from error
    kind = _kind_of(schema)
    if kind is None:
        raise TraceError(path, f"the columns {', '.join(schema.names)[:80]}", allowed)
    return kind


def read_table(path: Path, kind: TraceKind) -> "pa.Table":
    """Read a Parquet file that is not plainly of another kind; raises TraceError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    allowed = f"a Parquet file of {kind}"
    _check_is_file(path, allowed)
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise _no_parquet(path, error, allowed) from error
    if _kind_of(table.schema) not in {None, kind}:
        raise TraceError(path, f"a trace of {_kind_of(table.schema)}", f"a trace of {kind}")
    return table


def column_of(table: "pa.Table", field: "pa.Field", path: Path) -> "pa.ChunkedArray":
    """Return a column that is there once, of its type and without nulls."""
    if table.column_names.count(field.name) != 1:
        raise TraceError(path, ", ".join(table.column_names), f"one column {field.name} ({field.type})")
    column = table[field.name]
    if column.type != field.type:
        raise TraceError(path, str(column.type), str(field.type), at=f"column {field.name}")
    if column.null_count:
        row = column.is_null().to_numpy().argmax()
        raise TraceError(path, "null", str(field.type), at=f"row {row}, {field.name}")
    return column


def described_schema(columns: "Iterable[tuple[str, pa.DataType, str, str]]") -> "pa.Schema":
    """Return a schema of columns without nulls: name, type, unit and meaning."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(name, kind, nullable=False, metadata={"unit": unit, "description": description})
            for name, kind, unit, description in columns
        ]
    )


def marked_metadata(kind: TraceKind, fields: dict[str, str]) -> dict[str, str]:
    """Return schema metadata with the mark of the kind."""
    return {_KIND_KEY.decode(): str(kind), **fields}


def is_marked(table: "pa.Table", kind: TraceKind) -> bool:
    """Whether a table carries the mark of this kind."""
    return bool((table.schema.metadata or {}).get(_KIND_KEY) == kind.encode())


def write_table(table: "pa.Table", path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    import pyarrow.parquet as pq

    try:
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")
    except OSError as error:
        raise TraceError(path, error.strerror or str(error), "a file that can be written") from error


def _kind_of(schema: "pa.Schema") -> TraceKind | None:
    """Return the kind that a mark or, in files without one, the frames' first column tells."""
    mark = (schema.metadata or {}).get(_KIND_KEY)
    for kind in TraceKind:
        if mark == kind.encode():
            return kind
    return TraceKind.FRAMES if mark is None and "frame_index" in schema.names else None


def _check_is_file(path: Path, allowed: str) -> None:
    if not path.is_file():
        raise TraceError(path, "a directory" if path.is_dir() else "no file", allowed)


def _no_parquet(path: Path, error: Exception, allowed: str) -> TraceError:
    first_line = str(error).partition("\n")[0]
    return TraceError(path, f"what is not Parquet ({first_line})", allowed)
