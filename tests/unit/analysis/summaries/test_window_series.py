"""Time series against windows filled by hand."""

import numpy as np

from cluster_sim.analysis.summaries.window_series import empty, thinned


def test_windows_are_joined_where_a_chart_could_not_show_them() -> None:
    sums = empty()
    sums.grow(480)
    sums.rows[:] = 2
    sums.ends_ns[:] = np.arange(480)
    sums.totals["delivered"][:] = 2 * np.arange(480)
    series = thinned(sums)
    assert len(series.ends_ns) == 240
    assert (series.ends_ns[0], series.means["delivered"][0]) == (1, 0.5)
