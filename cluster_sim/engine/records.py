"""Rows of transfers: room for them in a host's state, copies, columns of those that ended; empty wait queues."""

from collections.abc import Sequence

import numpy as np

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import WAIT_QUEUE, HostState, Int32s, Lists
from cluster_sim.engine.shared_resources import room_for_jobs
from cluster_sim.engine.state import NOBODY
from cluster_sim.integers import Int64s

WORD_BYTES = 8
ROWS_TURNED_AT_ONCE = 8


def word_of(kind: np.dtype[np.void], field: str, number: int = 0) -> int:
    """The word of a record in which a field lies, or one number of a field that has several."""
    assert kind.fields is not None
    return kind.fields[field][1] // WORD_BYTES + number


def rows_of(records: Records, rows: Int32s | Int64s) -> Records:
    """Copies of some rows, in the order asked for."""
    return lumps_of(records)[rows].view(records.dtype)


def joined_rows(parts: Sequence[Records], kind: np.dtype[np.void]) -> Records:
    """Parts one after the other."""
    return np.concatenate([lumps_of(part) for part in parts]).view(kind) if parts else np.zeros(0, kind)


def with_room(records: Records, more: int) -> Records:
    """The same rows, and `more` after them that are zero."""
    larger = np.zeros(len(records) + more, records.dtype)
    lumps_of(larger)[: len(records)] = lumps_of(records)
    return larger


def lumps_of(records: Records) -> Records:
    """The same rows, each as one lump of bytes: NumPy else copies them field by field."""
    return records.view(np.dtype((np.void, records.dtype.itemsize)))


def columns_of(records: Records, rows: Int32s | Int64s, words: Int64s) -> Int64s:
    """Some words of some rows, in the order asked for: an array a word."""
    columns = np.empty((len(words), len(rows)), np.int64)
    turn(records.view(np.int64).reshape(len(records), -1), rows.astype(np.int64, copy=False), words, columns)
    return columns


@compiled
def turn(records: Int64s, rows: Int64s, words: Int64s, columns: Int64s) -> None:
    """Put some words of some rows into columns: few rows at a time, so that they stay in the cache."""
    for begin in range(0, len(rows), ROWS_TURNED_AT_ONCE):
        end = min(begin + ROWS_TURNED_AT_ONCE, len(rows))
        for k in range(len(words)):
            for i in range(begin, end):
                columns[k, i] = records[rows[i], words[k]]


def empty_wait_queues(count: int) -> Records:
    """Wait queues that nobody waits in."""
    wait_queues = np.zeros(count, WAIT_QUEUE)
    wait_queues["first"] = NOBODY
    return wait_queues


def empty_lists(rows: int) -> Lists:
    """All rows free."""
    return Lists(
        free=np.arange(rows - 1, -1, -1, dtype=np.int32),
        ready=np.zeros(max(rows, 1), np.int32),
        done=np.zeros(rows, np.int32),
    )


def with_more_rows(state: HostState, more: int) -> HostState:
    """The same state with room for `more` transfers."""
    old = len(state.transfers)
    rows = old + more
    cursor = state.cursor[0]
    free, ready, first = int(cursor["free"]), int(cursor["ready"]), int(cursor["ready_first"])
    assert cursor["done"] == 0
    transfers, timers, messages = (with_room(each, more) for each in (state.transfers, state.timers, state.messages))
    jobs, lists = room_for_jobs(rows, len(state.shares) - 1), empty_lists(rows)
    jobs[:, :old] = state.jobs
    lists.ready[:ready] = np.roll(state.lists.ready, -first)[:ready]
    lists.free[:more] = np.arange(rows - 1, old - 1, -1, dtype=np.int32)
    lists.free[more : more + free] = state.lists.free[:free]
    cursor["free"] = free + more
    cursor["ready_first"] = 0
    return state._replace(transfers=transfers, timers=timers, jobs=jobs, lists=lists, messages=messages)
