"""Draws by number, for compiled code: whole numbers only, so that they are the same on every machine.

A draw is splitmix64 (Steele, Lea and Flood 2014) of a stream's key, a transfer's number and the draw's own number.
"""

from cluster_sim.compiling.decorators import compiled, compiled_at_o1, inlined
from cluster_sim.integers import Int64s

GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND = 0x94D049BB133111EB - (1 << 64)
BITS = 31
HALF_BITS = 20
PERCENT = 100
DRAWS = 256
"""Draws that one transfer may make."""

SIZE = 0
DIRECTION = 1
WORK = 2
STORED = 129
SPACING = 130
"""First draw of each purpose; those after WORK and SPACING belong to them. Clients think by those of SPACING."""


@inlined
def mix(z: int) -> int:
    """splitmix64's finalizer, on 64 bits that wrap around."""
    z = (z ^ ((z >> 30) & ((1 << 34) - 1))) * FIRST
    z = (z ^ ((z >> 27) & ((1 << 37) - 1))) * SECOND
    return z ^ ((z >> 31) & ((1 << 33) - 1))


@compiled_at_o1
def mix_numbers(first: int, key: int, mixed: Int64s) -> None:
    """Fill `mixed` with splitmix64 of `first`, `first` + 1 … under a key."""
    for i in range(len(mixed)):
        mixed[i] = mix(GOLDEN * (first + i + key))


@compiled
def uniform(key: int, number: int, which: int) -> int:
    """A whole number in [0, 2**31), every one as likely."""
    z = mix(key + GOLDEN * (number * DRAWS + which + 1))
    return (z >> (63 - BITS)) & ((1 << BITS) - 1)


@compiled
def below(bound: int, key: int, number: int, which: int) -> int:
    """A whole number in [0, bound), for bounds up to 2**31."""
    return uniform(key, number, which) * bound >> BITS


@inlined
def part(amount: int, draw: int) -> int:
    """`amount` × `draw` / 2**31, for amounts of which the plain product has no room."""
    high = amount >> HALF_BITS
    low = amount & ((1 << HALF_BITS) - 1)
    return ((draw * high) >> (BITS - HALF_BITS)) + ((draw * low) >> BITS)


@compiled
def around(mean: int, percent: int, key: int, number: int, which: int) -> int:
    """A whole number at most `percent` of the mean above or below it, every one as likely."""
    most = mean // PERCENT * percent + mean % PERCENT * percent // PERCENT
    return mean - most + part(2 * most + 1, uniform(key, number, which))


@compiled
def exponential(mean: int, key: int, number: int, which: int) -> int:
    """An exponentially distributed whole number, by von Neumann's comparison of uniform draws (1951); no logarithm.

    A run of falling draws of odd length gives its first draw as the fraction; each run of even length adds a mean.
    """
    whole = 0
    draw = which
    while True:
        first = uniform(key, number, draw)
        draw += 1
        last = first
        length = 1
        while True:
            following = uniform(key, number, draw)
            draw += 1
            if following >= last:
                break
            last = following
            length += 1
        if length % 2 == 1 or draw > which + 120:
            return whole * mean + part(mean, first)
        whole += 1
