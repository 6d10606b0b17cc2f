"""Orders and samples of whole numbers by a key, without doubles: the same on every machine."""

import numpy as np
import numpy.typing as npt

from cluster_sim.chance.compiled_draws import mix_numbers
from cluster_sim.integers import Int64s


def hashes(first: int, count: int, key: int) -> npt.NDArray[np.uint64]:
    """A hash of each of `first`, `first` + 1 …, shape (count,)."""
    mixed = np.empty(count, np.int64)
    mix_numbers(first, key, mixed)
    return mixed.view(np.uint64)


def shuffled(count: int, key: int) -> Int64s:
    """All of [0, count), in an order of which each is as likely."""
    order: Int64s = np.argsort(hashes(0, count, key), kind="stable")
    return order


def sampled(count: int, bound: int, key: int) -> Int64s:
    """`count` different numbers of [0, bound), every choice as likely.

    Where most are asked for, doubles would be the rule; then the first of a shuffled order are taken.
    """
    assert count <= bound
    if 2 * count > bound:
        return shuffled(bound, key)[:count]
    chosen: Int64s = np.zeros(0, np.int64)
    asked = 0
    while len(chosen) < count:
        more = 2 * (count - len(chosen)) + 64
        hashed = hashes(asked, more, key)
        asked += more
        drawn = (hashed >> np.uint64(11)).astype(np.float64) * (bound / 2.0**53)
        candidates = np.concatenate([chosen, drawn.astype(np.int64)])
        _, first = np.unique(candidates, return_index=True)
        chosen = candidates[np.sort(first)]
    return chosen[:count]
