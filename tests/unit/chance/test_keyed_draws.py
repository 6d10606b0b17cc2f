"""Draws by name: each depends on its key alone, is uniform, and is the same on every machine."""

import hashlib

import numpy as np
import pytest

from cluster_sim.chance.keyed_draws import draw

EXPECTED_DRAWS = [531, 493, 737, 98]


def test_a_draw_depends_on_its_key_alone_and_is_uniform() -> None:
    assert draw(10**9, 1, 0, "guest", 3, "phase") == draw(10**9, 1, 0, "guest", 3, "phase")
    assert draw(10**9, 1, "0") != draw(10**9, "1", 0)
    draws = np.array([draw(10, seed, "uniform") for seed in range(10_000)])
    counts = np.bincount(draws, minlength=10)
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 27.9, "chi-square, 9 degrees of freedom, one in a thousand"


def test_a_draw_is_the_same_on_every_machine() -> None:
    assert [draw(1000, 1, "a", n) for n in range(4)] == EXPECTED_DRAWS


def test_a_draw_is_the_keys_blake2b_scaled_below_the_bound() -> None:
    value = int.from_bytes(hashlib.blake2b(b"int:1\x1fstr:a", digest_size=8).digest(), "little")
    for bound in (1, 2, 1000, 1 << 62):
        assert draw(bound, 1, "a") == value * bound // (1 << 64)


def test_parts_of_a_key_do_not_run_together() -> None:
    assert draw(1 << 62, 1, 23) != draw(1 << 62, 12, 3)
    assert draw(1 << 62, "ab", "c") != draw(1 << 62, "a", "bc")


def test_nothing_can_be_drawn_below_nothing() -> None:
    with pytest.raises(AssertionError):
        draw(0, 1)
