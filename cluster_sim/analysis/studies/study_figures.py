"""The figures that a study can follow, and those of one point, a guest group at a time."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from cluster_sim.analysis.figures import DROPPED, FIGURES, figures_of
from cluster_sim.analysis.guest_table import GuestTable
from cluster_sim.analysis.problems import StudyError
from cluster_sim.integers import Int64s
from cluster_sim.runtime.study_point import VARIANT, Point

MEAN: Final = "mean"
"""Mean latency: from exact sums, while quantiles come from histograms with steps of 1/128."""

LOST_WORK: Final = "lost"
"""Of submitted frames, those dropped, and those left behind beyond what is in flight on average."""

UNITS: Final[Mapping[str, str]] = {MEAN: "us", LOST_WORK: "%"} | {
    figure.name: figure.unit for figure in FIGURES if figure.name != "refused"
}
"""Figures that a study can follow, and their units."""

Figures = Mapping[str, float]


def check_figure(name: str) -> str:
    """A figure's name, if a study can follow it."""
    if name not in UNITS:
        raise StudyError("--figure", found=repr(name), allowed=" | ".join(UNITS))
    return name


def figures_of_point(point: Point, table: pa.Table) -> dict[str, dict[str, float]]:
    """All figures of each guest group of one point, from its table `guests`."""
    duration_s = point.scenario.duration / 1e9
    guests = GuestTable(table)
    found = {}
    for group in guests.groups(VARIANT):
        rows = np.concatenate(list(guests.rows(VARIANT, group).values()))
        figures = figures_of(guests, rows, 1, duration_s)
        delivered = int(guests.columns["delivered"][rows].sum())
        latency_ns = int(guests.columns["latency_ns_sum"][rows].sum())
        figures[MEAN] = latency_ns / delivered / 1e3 if delivered else math.nan
        figures[LOST_WORK] = lost_percent(guests, rows, duration_s)
        found[group] = {name: figures[name] for name in UNITS}
    return found


def lost_percent(guests: GuestTable, rows: Int64s, duration_s: float) -> float:
    """Dropped and left behind, of what was submitted; not a number where nothing was."""
    total = {name: int(column[rows].sum()) for name, column in guests.columns.items()}
    submitted, delivered = total["submitted"], total["delivered"]
    if not submitted:
        return math.nan
    latency_s = total["latency_ns_sum"] / delivered / 1e9 if delivered else 0.0
    in_flight = submitted / duration_s * latency_s + len(rows)
    behind = max(0.0, total["unfinished"] - in_flight)
    return 100 * (sum(total[name] for name in DROPPED if name != "dropped_guest_left") + behind) / submitted
