"""Draws by number: the values that are published for splitmix64, and plain Python twins in whole numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.chance.compiled_draws import BITS, DRAWS, SPACING, STORED, WORK, around, below, exponential, uniform

PUBLISHED = {
    1234567: (
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ),
    0: (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F),
}
"""First outputs of splitmix64 by its seed: Vigna's reference in C, prng.di.unimi.it/splitmix64.c."""
MASK = (1 << 64) - 1
KEYS = st.integers(0, (1 << 62) - 1)


def splitmix64(seed: int, number: int) -> int:
    """Output `number` of splitmix64, from 0 on."""
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_uniform(key: int, number: int, which: int) -> int:
    """The 31 bits below the sign of one output."""
    return splitmix64(key, number * DRAWS + which) >> 32 & (1 << BITS) - 1


def plain_exponential(mean: int, key: int, number: int, which: int) -> int:
    """Von Neumann: falling runs of draws; the first of odd length gives the fraction, those before it the whole."""
    whole, draw = 0, which
    while True:
        run = [plain_uniform(key, number, draw)]
        draw += 1
        while True:
            following = plain_uniform(key, number, draw)
            draw += 1
            if following >= run[-1]:
                break
            run.append(following)
        if len(run) % 2 == 1 or draw > which + 120:
            high, low = divmod(mean, 1 << 20)
            return whole * mean + (run[0] * high >> BITS - 20) + (run[0] * low >> BITS)
        whole += 1


def plain_around(mean: int, percent: int, key: int, number: int, which: int) -> int:
    """Evenly from `percent` below the mean to `percent` above it, by whole numbers only."""
    most = mean // 100 * percent + mean % 100 * percent // 100
    high, low = divmod(2 * most + 1, 1 << 20)
    drawn = plain_uniform(key, number, which)
    return mean - most + (drawn * high >> BITS - 20) + (drawn * low >> BITS)


@given(KEYS, st.integers(0, 1 << 30), st.integers(0, 1 << 50), st.integers(0, 100))
def test_a_draw_around_a_mean_is_the_plain_one_and_lies_within_its_spread(
    key: int, number: int, mean: int, percent: int
) -> None:
    drawn = around(mean, percent, key, number, STORED)
    assert drawn == plain_around(mean, percent, key, number, STORED)
    most = mean // 100 * percent + mean % 100 * percent // 100
    assert mean - most <= drawn <= mean + most


def test_draws_around_a_mean_have_that_mean_and_reach_both_ends() -> None:
    drawn = [around(1_000, 10, 7, number, WORK) for number in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(1_000, abs=2)
    assert (min(drawn), max(drawn)) == (900, 1_100)
    assert {around(1_000, 0, 7, number, WORK) for number in range(100)} == {1_000}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_the_twin_gives_what_is_published(seed: int) -> None:
    assert tuple(splitmix64(seed, number) for number in range(len(PUBLISHED[seed]))) == PUBLISHED[seed]


@pytest.mark.parametrize("seed", PUBLISHED)
def test_a_draw_is_31_bits_of_what_is_published(seed: int) -> None:
    drawn = [uniform(seed, 0, which) for which in range(len(PUBLISHED[seed]))]
    assert drawn == [value >> 32 & 0x7FFFFFFF for value in PUBLISHED[seed]]


@given(KEYS, st.integers(0, 1 << 40), st.integers(0, DRAWS - 1))
def test_uniform_is_its_plain_twin(key: int, number: int, which: int) -> None:
    assert uniform(key, number, which) == plain_uniform(key, number, which)


@given(st.integers(1, 1 << BITS), KEYS, st.integers(0, 1 << 20), st.integers(0, DRAWS - 1))
def test_below_scales_a_draw_and_rounds_down(bound: int, key: int, number: int, which: int) -> None:
    found = below(bound, key, number, which)
    assert found == plain_uniform(key, number, which) * bound // (1 << BITS)
    assert 0 <= found < bound


@given(st.integers(0, 10**13), KEYS, st.integers(0, 1 << 20), st.sampled_from((WORK, SPACING)))
def test_exponential_is_its_plain_twin(mean: int, key: int, number: int, which: int) -> None:
    assert exponential(mean, key, number, which) == plain_exponential(mean, key, number, which)


def test_no_two_numbers_or_purposes_share_a_draw() -> None:
    """The last draw of a transfer is just before the first of the next."""
    drawn = {uniform(7, number, which) for number in range(4) for which in range(DRAWS)}
    assert len(drawn) == 4 * DRAWS, "1,024 draws of 31 bits collide once in 4,000 keys; not under this one"


def test_exponential_draws_have_the_mean_and_the_tail_that_they_should() -> None:
    """20,000 draws: the mean's standard deviation is 1/141 of it, the share beyond one mean is 1/e."""
    mean = 1_000_000
    drawn = [exponential(mean, 3, number, WORK) for number in range(20_000)]
    assert abs(sum(drawn) / len(drawn) / mean - 1) < 4 / math.sqrt(20_000)
    beyond = sum(value > mean for value in drawn) / len(drawn)
    assert abs(beyond - math.exp(-1)) < 4 * math.sqrt(math.exp(-1) * (1 - math.exp(-1)) / 20_000)
