"""Digests that do not depend on batches, parts that are whole or not there, histograms within their error."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.results import histogram
from cluster_sim.results.columns import schema
from cluster_sim.results.parts import (
    Part,
    PartLocation,
    PartWriter,
    SegmentedWriter,
    damage_of,
    fingerprint,
    text_of_labels,
)
from cluster_sim.results.storage import storage_of


def rows(count: int, first: int = 0) -> pa.RecordBatch:
    declared = schema("hosts")
    numbers = np.arange(first, first + count)
    label = pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), ["the host"])
    columns = [label if pa.types.is_dictionary(each.type) else pa.array(numbers).cast(each.type) for each in declared]
    return pa.RecordBatch.from_arrays(columns, schema=declared)


def written(directory: Path, *batches: pa.RecordBatch) -> Part:
    writer = PartWriter(storage_of(directory), PartLocation("hosts", "only", 0), "all")
    for batch in batches:
        writer.write(batch)
    return writer.close()


@pytest.mark.parametrize("cut", [0, 1, 70_000, 131_072, 199_999])
def test_neither_digest_nor_file_depends_on_the_batches(tmp_path: Path, cut: int) -> None:
    whole = written(tmp_path / "whole", rows(200_000))
    cut_up = written(tmp_path / "cut", rows(cut), rows(200_000 - cut, cut))
    assert cut_up == whole
    assert (tmp_path / "whole" / whole.path).read_bytes() == (tmp_path / "cut" / cut_up.path).read_bytes()
    assert pq.read_metadata(tmp_path / "whole" / whole.path).num_row_groups == 2


def test_another_value_another_order_or_another_column_is_another_digest(tmp_path: Path) -> None:
    digests = {
        written(tmp_path / str(number), batch).digest
        for number, batch in enumerate((rows(10), rows(10, 1), rows(10).take(pa.array([1, 0, *range(2, 10)])), rows(9)))
    }
    assert len(digests) == 4


@pytest.mark.parametrize("labels", [["a"], ["it's"] * 3, ["a", "", "it's", "a"]])
def test_labels_are_digested_as_python_writes_them(labels: list[str]) -> None:
    column = pa.array(["unused", *labels]).dictionary_encode().slice(1)
    assert text_of_labels(column) == repr(labels).encode()


def test_a_file_tells_within_which_bounds_its_identities_lie(tmp_path: Path) -> None:
    group = pq.read_metadata(tmp_path / written(tmp_path, rows(10, 5)).path).row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    assert (columns["host_id"].statistics.min, columns["host_id"].statistics.max) == (5, 14)
    assert columns["cpu_busy_ns"].statistics is None
    assert "BYTE_STREAM_SPLIT" in columns["cpu_busy_ns"].encodings


def test_a_part_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    writer = PartWriter(storage_of(tmp_path), PartLocation("hosts", "only", 0), "all")
    writer.write(rows(200_000))
    assert not (tmp_path / writer.relative).exists()
    assert (tmp_path / writer.temporary).exists()
    part = writer.close()
    assert (tmp_path / writer.relative).exists()
    assert not (tmp_path / writer.temporary).exists()
    assert part.rows == 200_000


def test_an_empty_part_can_be_read(tmp_path: Path) -> None:
    part = written(tmp_path)
    assert pq.read_table(tmp_path / part.path, partitioning=None).schema.equals(schema("hosts"))


def test_the_fingerprint_is_of_the_set_of_parts() -> None:
    one, other = Part("hosts", "a", 0, "x", 1, "d1"), Part("hosts", "b", 0, "y", 1, "d2")
    assert fingerprint([one, other]) == fingerprint([other, one])
    assert fingerprint([one]) != fingerprint([one, other])


latencies = st.lists(st.one_of(st.integers(0, 300), st.integers(0, 1 << 50)), min_size=1, max_size=60)


@given(values=latencies, share=st.floats(0.001, 1))
def test_a_quantile_is_right_within_the_stated_error(values: list[int], share: float) -> None:
    buckets, counts = histogram.count(np.array(values, np.int64))
    exact = sorted(values)[max(int(np.ceil(share * len(values))), 1) - 1]
    assert abs(histogram.quantile(buckets, counts, share) - exact) <= exact * histogram.RELATIVE_ERROR


@settings(max_examples=50)
@given(one=latencies, other=latencies)
def test_histograms_merge_into_that_of_all_values(one: list[int], other: list[int]) -> None:
    parts = [histogram.count(np.array(values, np.int64)) for values in (one, other)]
    merged = histogram.merge(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    whole = histogram.count(np.array(one + other, np.int64))
    assert [column.tolist() for column in merged] == [column.tolist() for column in whole]


def test_the_quantile_of_nothing_is_undefined() -> None:
    assert np.isnan(histogram.quantile(np.zeros(0, np.int64), np.zeros(0, np.int64), 0.5))


@pytest.mark.parametrize("count", [0, 10, 200_000])
def test_a_part_that_is_whole_has_no_damage_and_one_that_was_touched_says_what(tmp_path: Path, count: int) -> None:
    part, storage = written(tmp_path, rows(count)), storage_of(tmp_path)
    assert damage_of(storage, part) is None
    path = tmp_path / part.path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "allowed: Parquet" in str(damage_of(storage, part))
    path.unlink()
    assert "found nothing" in str(damage_of(storage, part))
    written(tmp_path, rows(count + 1))
    assert f"found {count + 1} rows" in str(damage_of(storage, part))
    if count:
        written(tmp_path, rows(count, 1))
        assert "found other values" in str(damage_of(storage, part))


def test_a_table_that_grows_ends_its_parts_with_windows_however_often_it_is_interrupted(tmp_path: Path) -> None:
    windows = [10_000, 50_000, 70_000, 140_000, 0, 20_000]
    digests = []
    for interrupted in (False, True):
        storage = storage_of(tmp_path / str(interrupted))
        writer = SegmentedWriter(storage, PartLocation("hosts", "only", 0), "hosts-00000")
        for number, count in enumerate(windows):
            writer.write(rows(count, 1000 * number))
            writer.end_window(is_last=number == len(windows) - 1)
            if interrupted and number < len(windows) - 1:
                parts, waiting = writer.parts, writer.waiting
                writer = SegmentedWriter(storage, PartLocation("hosts", "only", 0, "again"), "hosts-00000")
                writer.parts, writer.waiting = parts, waiting
        digests.append(writer.parts)
    assert digests[0] == digests[1]
    assert [part.rows for part in digests[0]] == [130_000, 140_000, 20_000]
