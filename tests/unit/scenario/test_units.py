"""Sizes, durations and rates: what is read, what is refused, and that formats round-trip."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from cluster_sim.scenario.units import (
    DURATION,
    LARGEST,
    RATE,
    SIZE,
    Quantity,
    format_bytes,
    format_duration,
    format_rate,
)

AMOUNTS = st.integers(min_value=0, max_value=LARGEST)


@pytest.mark.parametrize(
    ("quantity", "written", "expected"),
    [
        (SIZE, "64MiB", 64 << 20),
        (SIZE, "1.5KiB", 1536),
        (SIZE, "2 kB", 2000),
        (SIZE, "1TiB", 1 << 40),
        (SIZE, 0, 0),
        (SIZE, "0", 0),
        (DURATION, "33ms", 33_000_000),
        (DURATION, "16.666667ms", 16_666_667),
        (DURATION, "2min", 120 * 10**9),
        (DURATION, "7ns", 7),
        (DURATION, "1000000s", 10**15),
        (RATE, "25GB/s", 25 * 10**9),
        (RATE, "10Gb/s", 1_250_000_000),
        (RATE, "3Mb/s", 375_000),
        (RATE, "100MiB/s", 100 << 20),
    ],
)
def test_an_amount_is_read_as_people_write_it(quantity: Quantity, written: object, expected: int) -> None:
    assert quantity.parse(written) == expected


@pytest.mark.parametrize(
    ("quantity", "written", "allowed"),
    [
        (SIZE, 64, "a number with its unit, for example 4GiB"),
        (SIZE, 1.5, "with its unit"),
        (SIZE, float("nan"), "with its unit"),
        (SIZE, "64", "a size such as 4GiB"),
        (SIZE, "-1B", "a size such as"),
        (SIZE, "64mb", "in B, KiB, MiB"),
        (SIZE, "0.3B", "a whole number of bytes"),
        (SIZE, "9000000TiB", "at most"),
        (SIZE, True, "a size such as"),
        (SIZE, False, "a size such as"),
        (SIZE, None, "a size such as"),
        (SIZE, ["1B"], "a size such as"),
        (DURATION, "1h", "in ns, us, ms, s, min"),
        (DURATION, "0.5ns", "a whole number of nanoseconds"),
        (DURATION, "1000000.000000001s", "at most 1000000000000000 nanoseconds"),
        (DURATION, "16667min", "at most 1000000000000000 nanoseconds"),
        (RATE, "1b/s", "a whole number of bytes a second"),
        (RATE, "25GB", "a rate in B/s"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_way_out(quantity: Quantity, written: object, allowed: str) -> None:
    with pytest.raises(PydanticCustomError) as refusal:
        quantity.parse(written)
    assert allowed in str((refusal.value.context or {})["allowed"])


@given(AMOUNTS)
def test_every_size_reads_back_from_its_text(size: int) -> None:
    assert SIZE.parse(format_bytes(size)) == size


@given(st.integers(min_value=0, max_value=DURATION.largest))
def test_every_duration_reads_back_from_its_text(duration: int) -> None:
    assert DURATION.parse(format_duration(duration)) == duration


@given(AMOUNTS)
def test_every_rate_reads_back_from_its_text(rate: int) -> None:
    assert RATE.parse(format_rate(rate)) == rate


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())))
def test_reading_yields_a_whole_number_or_a_refusal_whatever_comes(written: object) -> None:
    with contextlib.suppress(PydanticCustomError):
        assert 0 <= SIZE.parse(written) <= LARGEST


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (format_bytes(64 << 20), "64MiB"),
        (format_bytes(3_110_400), "3110400B"),
        (format_duration(16_666_667), "16.666667ms"),
        (format_duration(90 * 10**9), "90s"),
        (format_rate(25 * 10**9), "25GB/s"),
    ],
)
def test_amounts_are_written_in_a_unit_that_fits(text: str, written: str) -> None:
    assert text == written
