"""Transfers of some hosts that have ended: taken as rows, written as columns, many at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import TRANSFER, Int32s
from cluster_sim.engine.records import columns_of, word_of
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.endings import DROP_LABELS, ENDING_LABELS, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.results.parts import ROWS_A_PART, SegmentedWriter, label_array
from cluster_sim.runtime.batches import as_batch
from cluster_sim.runtime.host_sums import LABEL_OF_ROLE, LABELS
from cluster_sim.runtime.host_tables import HostTables

DIRECTION_LABELS = tuple(direction.name.lower() for direction in Direction)
FIELDS = {
    **{name: (name, 0) for name in ("origin_ns", "submitted_ns", "deadline_ns", "handed_ns", "ended_ns")},
    **{name: (name, 0) for name in ("direction", "outcome", "is_intact", "conversions", "converted_pages", "exits")},
    "frame_index": ("frame", 0),
    "frame_bytes": ("bytes", 0),
    "drop_reason": ("reason", 0),
    "guest_cpu_ns": ("cpu_ns", 0),
    "host_cpu_ns": ("cpu_ns", 1),
    **{f"{who}_copied_bytes": ("copied_bytes", number) for number, who in enumerate(("guest", "host", "engine"))},
    **{f"{category.label}_ns": ("ledger", category.value) for category in Category},
}
"""The field of a transfer's row that each column comes from, and which of its numbers."""
STREAM = 0
"""The word before those of FIELDS."""
WORDS = np.array([word_of(TRANSFER, "stream"), *(word_of(TRANSFER, *field) for field in FIELDS.values())], np.int64)
ROWS_OF_A_HOST = 8192
"""So many rows of a host come before those of others in the same file, however long the window."""
ROWS_AT_ONCE = 4096
"""Few enough to wait until then, enough that a batch of them costs little more than its columns."""


class Recorder:
    """Writes what ended on hosts that share files; rows wait for more of them, beyond a window's end."""

    def __init__(self, writer: SegmentedWriter, tables: Sequence[HostTables]) -> None:
        self.writer = writer
        self.streams = Streams(tables)
        self.waiting: list[Int64s] = []
        self.rows = 0

    def take(self, host: int, columns: Sequence[Int64s]) -> None:
        """Take what ended on a host: columns of some rows, then of some more, an array a word of WORDS."""
        for some in columns:
            some[STREAM] += self.streams.first[host]
            self.rows += some.shape[1]
        self.waiting += columns
        if self.rows >= ROWS_AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write all that waits."""
        if self.rows:
            stream, *columns = self.waiting[0] if len(self.waiting) == 1 else np.concatenate(self.waiting, axis=1)
            own = own_columns(dict(zip(FIELDS, columns, strict=True)))
            self.writer.write(as_batch("transfers", self.streams.of(stream) | own))
        self.waiting, self.rows = [], 0

    def end_window(self, *, is_last: bool) -> None:
        """End a window: what makes a part full, or is the last, waits no longer."""
        if is_last or self.writer.rows + self.rows >= ROWS_A_PART:
            self.write()
        self.writer.end_window(is_last=is_last)


@dataclass(slots=True)
class Reading:
    """Reads out what ended on a host; it is recorded at the window's end, and before that where it is much."""

    host: int
    recorder: Recorder
    columns: list[Int64s] = field(default_factory=list)
    rows: int = 0

    def read(self, transfers: Records, rows: Int32s) -> None:
        """Read out some rows, by (stream, frame)."""
        order = np.lexsort((transfers["frame"][rows], transfers["stream"][rows]))
        self.columns.append(columns_of(transfers, rows[order], WORDS))
        self.rows += len(rows)
        if self.rows >= ROWS_OF_A_HOST:
            self.record()

    def record(self) -> None:
        """Have all recorded that was read out."""
        self.recorder.take(self.host, self.columns)
        self.columns, self.rows = [], 0


class Streams:
    """What is the same for all transfers of a stream, for all streams of some hosts."""

    def __init__(self, tables: Sequence[HostTables]) -> None:
        streams = [(each, stream) for each in tables for stream in each.engine.streams]
        placed_guests = [each.placed_guests[stream.guest] for each, stream in streams]
        names = [placed.group.name for placed in placed_guests]
        counts = [len(each.engine.streams) for each in tables]
        self.first = dict(zip((each.host for each in tables), np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
        """Where each host's streams begin."""
        self.groups = list(dict.fromkeys(names))
        self.group = np.array([self.groups.index(name) for name in names], np.int8)
        self.label = np.array([LABELS.index(LABEL_OF_ROLE[stream.queue.role]) for _, stream in streams], np.int8)
        self.numbers = {
            "host_id": np.array([each.host for each, _ in streams], np.int32),
            "guest_id": np.array([placed.guest for placed in placed_guests], np.int32),
            "workload": np.array([stream.queue.workload for _, stream in streams], np.int32),
            "job": np.array([stream.queue.job for _, stream in streams], np.int32),
        }

    def of(self, numbers: Int64s) -> dict[str, npt.NDArray[np.generic] | pa.Array]:
        """The columns of transfers, each of one of the streams."""
        return {
            **{name: values[numbers] for name, values in self.numbers.items()},
            "guest_group": label_array(self.groups, self.group[numbers]),
            "part": label_array(LABELS, self.label[numbers]),
        }


def own_columns(of_field: Mapping[str, Int64s]) -> dict[str, npt.NDArray[np.generic] | pa.Array]:
    """The columns of transfers that their own rows tell."""
    return {
        **of_field,
        "direction": label_array(DIRECTION_LABELS, of_field["direction"]),
        "latency_ns": of_field["ended_ns"] - of_field["submitted_ns"],
        "outcome": label_array(ENDING_LABELS, of_field["outcome"]),
        "drop_reason": label_array(DROP_LABELS, of_field["drop_reason"]),
        "is_late": (of_field["outcome"] == Ending.DELIVERED) & (of_field["handed_ns"] > of_field["deadline_ns"]),
        "is_intact": of_field["is_intact"] != 0,
    }
