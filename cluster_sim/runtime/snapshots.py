"""Snapshots: the state of a shard's hosts or guests at a window's end, as an Arrow file that says what it is of.

The tree of plain data is JSON in the file's metadata, the arrays are its rows; a digest over all of it is checked
before anything is read, and nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from pydantic import JsonValue

from cluster_sim.refusal import InputError
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.snapshot_state import Array, SavedState

FORMAT: Final = b"cluster-sim snapshot 2"
BATCH_BYTES: Final = 32 << 20
"""Arrays are written in batches of about this size, so that no second copy of a whole state is ever in memory."""
SNAPSHOTS_LEAST: Final = 2
"""So many there are at least, once written: where the newest cannot be read, the one before it serves."""
SCHEMA = pa.schema(
    [
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("shape", pa.list_(pa.int64()), nullable=False),
        pa.field("data", pa.large_binary(), nullable=False),
    ]
)


class SnapshotError(InputError):
    """A snapshot that cannot be used."""


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """Where the snapshots of one shard of one run lie: `hosts` and `guests`, a pair a window."""

    storage: Storage
    folder: str

    def name(self, window: int, half: str) -> str:
        """The file of one half, at the beginning of a window."""
        return f"{self.folder}/{window:08d}.{half}.arrow"

    def windows(self, halves: Sequence[str] = ("hosts", "guests")) -> list[int]:
        """Windows at whose beginning there is a snapshot of each half, the newest first."""
        found: dict[int, set[str]] = {}
        for file in self.storage.files(self.folder):
            window, _, half = file.removesuffix(".arrow").partition(".")
            if file.endswith(".arrow") and window.isdigit():
                found.setdefault(int(window), set()).add(half)
        return sorted((window for window, has in found.items() if has >= set(halves)), reverse=True)

    def save(self, window: int, half: str, saved: SavedState) -> int:
        """Write one half; its bytes before compression."""
        self.storage.make_folder(self.folder)
        return write_snapshot(self.storage, self.name(window, half), saved)

    def load(self, window: int, half: str) -> SavedState:
        """Read one half; SnapshotError when it is damaged."""
        return read_snapshot(self.storage, self.name(window, half))

    def forget_old(self, newest: int) -> None:
        """Remove all but the last snapshots up to `newest`, which is complete."""
        whole = sorted(window for window in self.windows() if window <= newest)
        needed = whole[-SNAPSHOTS_LEAST:]
        for file in self.storage.files(self.folder):
            window = file.partition(".")[0]
            if window.isdigit() and int(window) < newest and int(window) not in needed:
                self.storage.remove(f"{self.folder}/{file}")

    def clear(self) -> None:
        """Remove all of them."""
        self.storage.remove_folder(self.folder)


def digest_of(tree: bytes, arrays: Sequence[Array]) -> str:
    """Digest of all that a snapshot holds."""
    digest = hashlib.sha256(tree)
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def write_snapshot(storage: Storage, name: str, saved: SavedState) -> int:
    """Write a saved state under a name; its bytes before compression."""
    tree = json.dumps(saved.tree, separators=(",", ":")).encode()
    arrays = [np.ascontiguousarray(array) for array in saved.arrays]
    schema = SCHEMA.with_metadata({"format": FORMAT, "tree": tree, "digest": digest_of(tree, arrays)})
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with storage.writing(name) as sink, pa.ipc.new_file(sink, schema, options=options) as file:
        for some in batches_of(arrays):
            file.write_batch(batch_of(some, schema))
    return len(tree) + sum(array.nbytes for array in arrays)


def batches_of(arrays: Sequence[Array]) -> Iterator[Sequence[Array]]:
    """Arrays in their order, so many at a time that they are not much more than BATCH_BYTES."""
    first = size_bytes = 0
    for end, array in enumerate(arrays, 1):
        size_bytes += array.nbytes
        if size_bytes >= BATCH_BYTES or end == len(arrays):
            yield arrays[first:end]
            first, size_bytes = end, 0


def batch_of(arrays: Sequence[Array], schema: pa.Schema) -> pa.RecordBatch:
    """A row an array."""
    columns = [
        pa.array([json.dumps(np.lib.format.dtype_to_descr(array.dtype)) for array in arrays], pa.string()),
        pa.array([list(array.shape) for array in arrays], pa.list_(pa.int64())),
        pa.array([array.reshape(-1).view(np.uint8).data if array.size else b"" for array in arrays], pa.large_binary()),
    ]
    return pa.record_batch(columns, schema=schema)


def read_snapshot(storage: Storage, name: str) -> SavedState:
    """The saved state under a name, whose arrays can be written to."""
    where = storage.path(name)
    try:
        with storage.filesystem.open_input_file(storage.path(name)) as source, pa.ipc.open_file(source) as file:
            metadata = file.schema.metadata or {}
            if metadata.get(b"format") != FORMAT:
                raise SnapshotError(where, "another file", FORMAT.decode())
            arrays: list[Array] = []
            for number in range(file.num_record_batches):
                rows = file.get_batch(number)
                arrays += [array_of(*fields) for fields in zip(*map(rows.column, SCHEMA.names), strict=True)]
    except FileNotFoundError:
        raise SnapshotError(where, "nothing", "a snapshot") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise SnapshotError(where, reason, "a snapshot as it was written") from error
    tree = metadata[b"tree"]
    if digest_of(tree, arrays).encode() != metadata.get(b"digest"):
        raise SnapshotError(where, "other values", "those that were written")
    return SavedState(json.loads(tree), arrays)


def array_of(dtype: pa.Scalar, shape: pa.Scalar, data: pa.Scalar) -> Array:
    """One row's array, in memory of its own."""
    described = json.loads(dtype.as_py())
    kind = np.lib.format.descr_to_dtype(tuples(described))  # type: ignore[arg-type]  # JSON
    return np.frombuffer(bytearray(data.as_buffer()), kind).reshape(shape.as_py())


def tuples(described: JsonValue) -> object:
    """NumPy's description of a type, in which JSON turned tuples into lists."""
    if not isinstance(described, list):
        return described
    fields = [field for field in described if isinstance(field, list)]
    return [(name, tuples(kind), *(tuple(shape) for shape in shapes)) for name, kind, *shapes in fields]  # type: ignore[arg-type]  # JSON
