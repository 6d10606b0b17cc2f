"""A file is there whole or not at all, whoever writes it and wherever writing fails."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster_sim.results.atomic_file import partial_name, put, replacing
from cluster_sim.results.columns import schema
from cluster_sim.results.parts import PartLocation, write_part
from cluster_sim.results.storage import Storage

ROOM_BYTES = 1 << 16
TOO_MUCH = bytes(4 * ROOM_BYTES)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond ROOM_BYTES: the kernel refuses the rest as it does on a full disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def parquet(path: Path) -> None:
    noise = np.arange(4 * ROOM_BYTES, dtype=np.int64) ** 2
    with replacing(path) as temporary:
        pq.write_table(pa.table({"noise": noise}), temporary, compression="none", use_dictionary=False)


def arrow_stream(path: Path) -> None:
    Storage(str(path.parent)).put(path.name, TOO_MUCH)


WAYS: dict[str, Callable[[Path], None]] = {
    "bytes": lambda path: put(path, TOO_MUCH),
    "a table": parquet,
    "Arrow's file system": arrow_stream,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_leaves_what_was_there_and_nothing_else(way: str, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    put(path, b"before")
    with full_disk(), pytest.raises(OSError, match=r"File too large"):
        WAYS[way](path)
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("way", WAYS)
def test_with_room_the_file_takes_the_place_of_the_one_before(way: str, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    put(path, b"before")
    WAYS[way](path)
    assert path.stat().st_size >= len(TOO_MUCH)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_tables_part_that_finds_no_room_leaves_no_file(tmp_path: Path) -> None:
    fields = schema("windows")
    rows = 4 * ROOM_BYTES
    noise = (np.arange(rows, dtype=np.int64) * 0x9E3779B97F4A7C1) >> 1
    batch = pa.record_batch(
        [
            pa.array(noise.astype(np.float64) if pa.types.is_floating(field.type) else noise).cast(
                field.type, safe=False
            )
            if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
            else pa.array([""] * rows, field.type)
            for field in fields
        ],
        schema=fields,
    )
    with full_disk(), pytest.raises(OSError, match=r"File too large"):
        write_part(Storage(str(tmp_path)), PartLocation("windows", "x", 0), "host", [batch])
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_nothing_is_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with replacing(tmp_path / "mine") as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_a_folder_has_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        put(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_two_writers_of_one_file_have_temporary_names_of_their_own() -> None:
    assert partial_name("t.parquet") == ".t.parquet.partial"
    assert partial_name("t.parquet", "a") == ".t.parquet.a.partial"
