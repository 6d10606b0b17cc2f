"""Why a path delivers nothing: by the drop reason that dominates, or because nothing ended."""

import math
from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "pool full": "its {pool} pool cannot hold the frame",
    "too large": "its device takes a buffer as one mapping, and swiotlb gives none above 256 KiB",
    "no buffer": "no buffer was free",
    "guest died": "its guests died",
    "guest left": "its guests left",
    "replaced": "each frame was replaced by a newer one",
    "ring empty": "its ring was not refilled",
    "unfinished": "no frame ended before the run did",
}
"""By the figure that counts them."""
WITHOUT_SLOTS: Final = "buffers found no slots in its {pool} pool, and its device did not start"


def is_silent(figures: Mapping[str, float]) -> bool:
    """Whether nothing was delivered, of a group that was run."""
    return figures.get("throughput", math.nan) == 0


def why_nothing(figures: Mapping[str, float]) -> str:
    """The reason in a clause, from a group's figures."""
    size = figures.get("pool", math.nan)
    pool = "bounce" if math.isnan(size) else f"{size:,.0f} MiB"
    if count_of(figures, "no slots") and not count_of(figures, "too large"):
        return WITHOUT_SLOTS.format(pool=pool)
    most = max(REASONS, key=lambda name: count_of(figures, name))
    if count_of(figures, most):
        return REASONS[most].format(pool=pool)
    return "all of it was dropped" if count_of(figures, "dropped") else "nothing was asked of it"


def count_of(figures: Mapping[str, float], name: str) -> float:
    """A figure, 0 where it is undefined."""
    value = figures.get(name, 0.0)
    return 0.0 if math.isnan(value) else value
