"""Price intervals in words: two ends, or what stands in the place of an end at which nothing is delivered."""

import math

from cluster_sim.analysis.answers.phrases import amount
from cluster_sim.analysis.price_intervals.interval import PriceInterval


def price_text(found: PriceInterval | None) -> str:
    """Such as `0.41 to 0.63`, or `from 0.41; at 3 of 40 samples it delivers nothing`; a dash where none is known."""
    if found is None:
        return "–"
    has_low, has_high = found.low > 0, found.high < math.inf
    if has_low and has_high:
        ends = f"{amount(found.low)} to {amount(found.high)}"
    elif has_low:
        ends = f"from {amount(found.low)}"
    elif has_high:
        ends = f"up to {amount(found.high)}"
    else:
        ends = "anything"
    return f"{ends}; {found.losses}" if found.losses else ends
