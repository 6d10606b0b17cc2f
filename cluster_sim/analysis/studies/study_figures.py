"""The figures that a study can follow, and those of one point, a guest group at a time."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from cluster_sim.analysis.figures import FIGURES, figures_of
from cluster_sim.analysis.guest_table import GuestTable
from cluster_sim.analysis.problems import StudyError
from cluster_sim.runtime.study_point import VARIANT

MEAN: Final = "mean"
"""Mean latency: from exact sums, while quantiles come from histograms with steps of 1/128."""

UNITS: Final[Mapping[str, str]] = {MEAN: "us"} | {
    figure.name: figure.unit for figure in FIGURES if figure.name != "refused"
}
"""Figures that a study can follow, and their units."""

Figures = Mapping[str, float]


def check_figure(name: str) -> str:
    """A figure's name, if a study can follow it."""
    if name not in UNITS:
        raise StudyError("--figure", found=repr(name), allowed=" | ".join(UNITS))
    return name


def figures_by_group(table: pa.Table, duration_s: float) -> dict[str, dict[str, float]]:
    """All figures of each guest group of one point."""
    guests = GuestTable(table)
    found = {}
    for group in guests.groups(VARIANT):
        rows = np.concatenate(list(guests.rows(VARIANT, group).values()))
        figures = figures_of(guests, rows, 1, duration_s)
        delivered = int(guests.columns["delivered"][rows].sum())
        latency_ns = int(guests.columns["latency_ns_sum"][rows].sum())
        figures[MEAN] = latency_ns / delivered / 1e3 if delivered else math.nan
        found[group] = {name: figures[name] for name in UNITS}
    return found
