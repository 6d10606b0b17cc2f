"""Orders and samples by a key: each number once, every one as likely, by the hash that compiled draws use."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.chance.compiled_draws import BITS, DRAWS, uniform
from cluster_sim.chance.samples import hashes, sampled, shuffled


@pytest.mark.parametrize(("count", "bound"), [(1, 1), (3, 1000), (400, 1000), (600, 1000), (1000, 1000)])
def test_sampled_numbers_are_different_and_inside(count: int, bound: int) -> None:
    for key in (1, 2):
        chosen = sampled(count, bound, key)
        assert len(set(chosen.tolist())) == count
        assert 0 <= chosen.min() <= chosen.max() < bound
    if 1 < count < bound:
        assert sampled(count, bound, 1).tolist() != sampled(count, bound, 2).tolist()


def test_sampled_numbers_lie_evenly() -> None:
    halves = [int((sampled(1000, 1 << 20, key) < 1 << 19).sum()) for key in range(20)]
    assert 9600 < sum(halves) < 10400, "20,000 draws, a standard deviation of 71"


@pytest.mark.parametrize("bound", [401, 999, 4096])
def test_few_of_many_are_the_hashes_scaled_in_their_order_without_doubles(bound: int) -> None:
    """Number k is the next new one of hash × bound / 2**64."""
    drawn = (int(value) >> 11 for value in hashes(0, 4000, 5))
    expected = list(dict.fromkeys(value * bound >> 53 for value in drawn))[:200]
    assert sampled(200, bound, 5).tolist() == expected


def test_a_shuffled_order_is_that_of_the_hashes() -> None:
    hashed = [int(value) for value in hashes(0, 100, 7)]
    assert shuffled(100, 7).tolist() == sorted(range(100), key=hashed.__getitem__)


def test_the_hash_gives_the_values_published_for_splitmix64() -> None:
    """Numbers 1, 2, 3 under key 0 are the outputs of seed 0 (Vigna, splitmix64.c)."""
    assert hashes(1, 3, 0).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(st.integers(0, 1 << 20), st.integers(0, DRAWS - 1))
def test_hash_and_draw_are_one(number: int, which: int) -> None:
    """The hash of n under key 0 is output n - 1 of seed 0, of which a compiled draw is 31 bits."""
    (hashed,) = hashes(number * DRAWS + which + 1, 1, 0).tolist()
    assert uniform(0, number, which) == hashed >> 32 & (1 << BITS) - 1


@given(st.integers(0, 1 << 40), st.integers(1, 50), st.integers(0, (1 << 62) - 1))
def test_a_number_has_its_hash_wherever_the_range_begins(first: int, count: int, key: int) -> None:
    whole = hashes(first, count + 1, key)
    assert np.array_equal(hashes(first + 1, count, key), whole[1:])
