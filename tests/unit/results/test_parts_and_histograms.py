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
from cluster_sim.results.parts import Part, PartWriter, fingerprint


def rows(count: int, first: int = 0) -> pa.RecordBatch:
    declared = schema("hosts")
    numbers = np.arange(first, first + count)
    return pa.RecordBatch.from_arrays([pa.array(numbers).cast(field.type) for field in declared], schema=declared)


def written(directory: Path, *batches: pa.RecordBatch) -> Part:
    writer = PartWriter(directory, "hosts", "only", 0, "all")
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


def test_a_part_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, "hosts", "only", 0, "all")
    writer.write(rows(200_000))
    assert not writer.path.exists()
    assert writer.temporary.exists()
    part = writer.close()
    assert writer.path.exists()
    assert not writer.temporary.exists()
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
