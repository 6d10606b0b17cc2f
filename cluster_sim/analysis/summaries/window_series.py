"""One pass over `windows`: what a guest of each variant's group held and did, window by window."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cluster_sim.analysis.summaries.batches import Key, batches, by_key, integers
from cluster_sim.integers import Int64s
from cluster_sim.results.reader import Results

GAUGES = ("slots_used", "shared_bytes", "split_huge_pages")
COUNTERS = ("submitted", "delivered", "dropped", "late")
SUMMED = (*GAUGES, *COUNTERS)
POINTS_MAX = 240


@dataclass(frozen=True, slots=True)
class Series:
    """Means over the guests that were there and over replications, a point a window or some of them together."""

    ends_ns: Int64s
    means: Mapping[str, "np.ndarray[tuple[int], np.dtype[np.float64]]"]


@dataclass
class WindowSums:
    """Sums by window, and the rows behind them."""

    ends_ns: Int64s
    rows: Int64s
    totals: dict[str, Int64s]

    def grow(self, windows: int) -> None:
        """Make room for so many windows."""
        more = windows - len(self.rows)
        if more > 0:
            self.ends_ns, self.rows = (np.pad(array, (0, more)) for array in (self.ends_ns, self.rows))
            self.totals = {name: np.pad(array, (0, more)) for name, array in self.totals.items()}


def window_series(results: Results) -> dict[Key, Series]:
    """By (variant, group); empty where the run recorded none."""
    if not results.has("windows"):
        return {}
    found: dict[Key, WindowSums] = {}
    columns = ("variant", "guest_group", "window", "ends_ns", *SUMMED)
    for batch in batches(results, "windows", columns):
        windows, ends_ns = integers(batch, "window"), integers(batch, "ends_ns")
        values = {name: integers(batch, name) for name in SUMMED}
        for key, rows in by_key(batch, "variant", "guest_group"):
            sums = found.setdefault(key, empty())
            mine = windows[rows]
            sums.grow(int(mine.max()) + 1)
            sums.ends_ns[mine] = ends_ns[rows]
            np.add.at(sums.rows, mine, 1)
            for name, array in values.items():
                np.add.at(sums.totals[name], mine, array[rows])
    return {key: thinned(sums) for key, sums in found.items()}


def empty() -> WindowSums:
    """Nothing summed up yet."""
    return WindowSums(np.zeros(0, np.int64), np.zeros(0, np.int64), {name: np.zeros(0, np.int64) for name in SUMMED})


def thinned(sums: WindowSums) -> Series:
    """Means a guest and window; neighbouring windows are joined where there are more than a chart can show."""
    present = np.flatnonzero(sums.rows)
    stride = -(-len(present) // POINTS_MAX)
    starts = np.arange(0, len(present), stride)
    rows = np.add.reduceat(sums.rows[present], starts)
    means = {name: np.add.reduceat(array[present], starts) / rows for name, array in sums.totals.items()}
    lasts = np.minimum(starts + stride, len(present)) - 1
    return Series(sums.ends_ns[present][lasts], means)
