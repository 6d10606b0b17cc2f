"""A viewer's access link: at which instants it has carried so many bytes, in exact arithmetic."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from cluster_sim.integers import NS_PER_S, Int64s

UNITS_PER_BYTE = 8 * NS_PER_S
"""What a byte takes of a link whose capacity is counted in (bits a second) × ns."""


@dataclass(frozen=True, slots=True)
class AccessLink:
    """A link whose rate is constant from each of `steps` (from_ns, bits a second) to the next, repeated for ever.

    A rate of 0 is an outage. There is no delay besides the rate: no handshake, no round trip, no loss.
    """

    steps: tuple[tuple[int, int], ...]
    period_ns: int
    carried: tuple[int, ...] = field(init=False, repr=False)
    """What it carries in a period up to the end of each step, in (bits a second) × ns."""

    def __post_init__(self) -> None:
        starts_ns = [from_ns for from_ns, _ in self.steps]
        ends_ns = [*starts_ns[1:], self.period_ns]
        if starts_ns[:1] != [0] or any(begin >= end for begin, end in zip(starts_ns, ends_ns, strict=True)):
            raise ValueError(
                f"link: found steps from {starts_ns} ns in a period of {self.period_ns} ns, "
                "allowed: the first from 0, each later than the one before, all before the period's end"
            )
        rates = [bits_per_s for _, bits_per_s in self.steps]
        if min(rates) < 0 or max(rates) == 0:
            raise ValueError(f"link: found rates of {rates} bit/s, allowed: 0 or more, not all 0")
        spans_ns = [end_ns - from_ns for from_ns, end_ns in zip(starts_ns, ends_ns, strict=True)]
        carried = accumulate(rate * span_ns for rate, span_ns in zip(rates, spans_ns, strict=True))
        object.__setattr__(self, "carried", tuple(carried))

    def carried_before(self, at_ns: int) -> int:
        """What a link that is never idle carries from 0 to an instant, in (bits a second) × ns."""
        rounds, rest_ns = divmod(at_ns, self.period_ns)
        step = bisect_right(self.steps, rest_ns, key=lambda pair: pair[0]) - 1
        from_ns, bits_per_s = self.steps[step]
        before = self.carried[step - 1] if step else 0
        return rounds * self.carried[-1] + before + bits_per_s * (rest_ns - from_ns)

    def _instant(self, carried: int) -> int:
        """The first ns at which a link that is never idle has carried so much, more than nothing."""
        rounds, rest = divmod(carried - 1, self.carried[-1])
        step = bisect_left(self.carried, rest + 1)
        from_ns, bits_per_s = self.steps[step]
        before = self.carried[step - 1] if step else 0
        return rounds * self.period_ns + from_ns - (before - rest - 1) // bits_per_s

    def arrivals(self, start_ns: int, sizes_bytes: Int64s) -> Int64s:
        """Instants at which frames have come whole, sent back to back from `start_ns` on."""
        begin = self.carried_before(start_ns)
        return np.array(
            [self._instant(begin + total * UNITS_PER_BYTE) for total in accumulate(sizes_bytes.tolist())], np.int64
        )


def constant_link(bits_per_s: int) -> AccessLink:
    """A link of one rate."""
    return AccessLink(((0, bits_per_s),), NS_PER_S)
