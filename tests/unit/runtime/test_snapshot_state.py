"""State as plain data and arrays, and back: what moves is kept, what is definition is not, nothing else is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from cluster_sim.moving import Moving
from cluster_sim.results.storage import storage_of
from cluster_sim.runtime.snapshot_state import SavedState, SavedStateError, restore, saved_state_of
from cluster_sim.runtime.snapshots import SnapshotError, SnapshotFolder, read_snapshot, write_snapshot
from cluster_sim.workloads.adaptive import Asked

RECORD = np.dtype([("a", np.int64), ("b", np.int32, (2,)), ("c", np.bool_)], align=True)


@dataclass(frozen=True)
class Definition:
    value: int


class Arrays(NamedTuple):
    records: np.ndarray[tuple[int], np.dtype[np.void]]
    number: int


@dataclass
class Inner:
    number: int = 0


class Outer:
    inner: Moving[Inner]
    arrays: Moving[Arrays]
    by_key: Moving[dict[tuple[int, int], Inner]]
    asked: Moving[list[Asked]]
    names: Moving[set[int]]
    batches: Moving[list[pa.RecordBatch]]
    definition: Moving[Definition]

    def __init__(self) -> None:
        self.inner = Inner()
        self.arrays = Arrays(np.zeros(2, RECORD), 0)
        self.by_key = {(1, 2): Inner()}
        self.asked = []
        self.names = set()
        self.batches = []
        self.definition = Definition(7)
        self.other = "mine"


def moved() -> Outer:
    outer = Outer()
    outer.inner.number = 1 << 70
    outer.arrays = Arrays(np.array([(1, (2, 3), True), (4, (5, 6), False), (7, (8, 9), True)], RECORD), 3)
    outer.by_key[1, 2].number = np.int64(9)  # type: ignore[assignment]  # as numpy hands numbers out
    outer.asked = [Asked(1, 2, 3, 4, 5)]
    outer.names = {3, 1}
    outer.batches = [pa.record_batch({"x": pa.array(["a", "b"])})]
    outer.other = "theirs"
    return outer


def there_and_back(tmp_path: Path, outer: Outer) -> Outer:
    storage = storage_of(tmp_path)
    write_snapshot(storage, "one.arrow", saved_state_of(outer))
    fresh = Outer()
    restore(fresh, read_snapshot(storage, "one.arrow"))
    return fresh


def test_what_moves_comes_back_and_what_is_defined_stays(tmp_path: Path) -> None:
    back = there_and_back(tmp_path, moved())
    assert back.inner.number == 1 << 70
    assert back.arrays.number == 3
    assert (back.arrays.records == moved().arrays.records).all()
    assert back.arrays.records.dtype.isalignedstruct
    assert back.arrays.records.flags.writeable
    assert back.by_key[1, 2].number == 9
    assert back.asked == [Asked(1, 2, 3, 4, 5)]
    assert back.names == {1, 3}
    assert back.batches[0].equals(moved().batches[0])
    assert back.other == "mine"


@pytest.mark.parametrize(
    "tree",
    [
        {"record": "Popen", "fields": {"args": "rm"}},
        {"moving": {"other": 1}},
        {"moving": {"__class__": 1}},
        {"named": {"nothing": 1}},
        {"definition": "Other"},
        {"made up": 1},
    ],
)
def test_state_that_does_not_fit_is_refused(tree: object) -> None:
    with pytest.raises(SavedStateError, match="allowed"):
        restore(Outer(), SavedState(tree, []))  # type: ignore[arg-type]  # what a file may hold


def test_an_object_that_does_not_say_what_moves_is_refused() -> None:
    with pytest.raises(SavedStateError, match="Moving"):
        saved_state_of(object())


@pytest.mark.parametrize("byte", [10, 200, -200, -20])
def test_a_flipped_bit_anywhere_is_noticed(tmp_path: Path, byte: int) -> None:
    storage = storage_of(tmp_path)
    write_snapshot(storage, "one.arrow", saved_state_of(moved()))
    path = tmp_path / "one.arrow"
    data = bytearray(path.read_bytes())
    before = bytes(data)
    data[byte] ^= 4
    path.write_bytes(bytes(data))
    try:
        saved = read_snapshot(storage, "one.arrow")
    except SnapshotError:
        return
    path.write_bytes(before)  # a bit of padding that means nothing
    assert saved.tree == read_snapshot(storage, "one.arrow").tree


def test_only_the_newest_two_pairs_are_kept_and_half_a_pair_is_none(tmp_path: Path) -> None:
    folder = SnapshotFolder(storage_of(tmp_path), "snapshots/a/0/key")
    for window in (2, 4, 6, 8):
        for half in ("hosts", "guests"):
            folder.save(window, half, saved_state_of(moved()))
        folder.forget_old(window)
    folder.save(10, "hosts", saved_state_of(moved()))
    assert folder.windows() == [8, 6]
    folder.clear()
    assert folder.windows() == []
