"""Compiled functions that read or write at an index in each way that the engine does, and what comes of it."""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.decorators import compiled, compiled_at_o1, inlined

ROW = np.dtype([("before", np.int64), ("ledger", np.int64, 3), ("after", np.int64)], align=True)
LENGTH = 3
INDICES = (-LENGTH, -1, 0, LENGTH - 1, LENGTH)


@by_reference
class State(NamedTuple):
    """Three words, rows and lines of a table in the midst of larger arrays, so that a stray index hurts nobody."""

    words: npt.NDArray[np.int64]
    rows: npt.NDArray[np.void]
    table: npt.NDArray[np.int64]


def state() -> State:
    """Each array counts from 100 on, in the order of memory, and is seen from its fourth line on."""
    rows = np.zeros(9, ROW)
    rows.view(np.int64)[:] = np.arange(100, 100 + 9 * 5)
    return State(np.arange(100, 109)[3:6], rows[3:6], np.arange(100, 127).reshape(9, 3)[3:6])


@compiled
def read(host: State, index: int) -> int:
    """An array's word."""
    return int(host.words[index])


@compiled_at_o1
def read_at_o1(host: State, index: int) -> int:
    """The same, compiled otherwise."""
    return int(host.words[index])


@inlined
def short(host: State, index: int) -> int:
    """The same, compiled into its callers."""
    return int(host.words[index])


@compiled
def through_a_call(host: State, index: int) -> int:
    """What a function that it calls reads."""
    return read(host, index)


@compiled
def through_an_inlined_call(host: State, index: int) -> int:
    """What a function that is compiled into it reads."""
    return short(host, index)


@compiled
def row(host: State, index: int) -> int:
    """A record's field."""
    return int(host.rows[index].before)


@compiled
def in_a_row(host: State, index: int) -> int:
    """A word of a record's own array."""
    return int(host.rows[1].ledger[index])


@compiled
def table_row(host: State, index: int) -> int:
    """A table's row, then a word of it."""
    return int(host.table[index][0])


@compiled
def table_cell(host: State, index: int) -> int:
    """A table's cell."""
    return int(host.table[index, 0])


@compiled
def write(host: State, index: int) -> int:
    """Set an array's word."""
    host.words[index] = 7
    return 7


@compiled
def write_to_a_row(host: State, index: int) -> int:
    """Set a record's field."""
    host.rows[index].after = 7
    return 7


WAYS: tuple[Callable[[State, int], int], ...] = (
    read,
    read_at_o1,
    through_a_call,
    through_an_inlined_call,
    row,
    in_a_row,
    table_row,
    table_cell,
    write,
    write_to_a_row,
)


def outcome(way: Callable[[State, int], int], index: int) -> int | str:
    """What is read, or `IndexError`."""
    try:
        return way(state(), index)
    except IndexError:
        return "IndexError"


if __name__ == "__main__":
    found = {way.__name__: [outcome(way, index) for index in INDICES] for way in WAYS}
    print(json.dumps(found))  # noqa: T201 - what it is for
