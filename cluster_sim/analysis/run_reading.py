"""A finished run, read once: its tables, and what is worked out of them, each thing when it is first asked for.

A table is read at most once by one reading. Those with a row a guest or fewer are held, because comparison, sums,
hypotheses and guest memory all take from them. `windows` and `transfers` grow with time: one pass of batches sums
them up, and so are `workloads` and `hosts`, of which only the sums are wanted.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property

import pyarrow as pa

from cluster_sim.analysis.answers.criteria import criteria_of
from cluster_sim.analysis.comparison import Row, RowsByBaseline, compare, with_prices
from cluster_sim.analysis.guest_memory import FaultRow, MemoryRow, fault_rows, memory_rows
from cluster_sim.analysis.overloads.finding import find_overloads, is_suspect
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.run_figures import RunFigures
from cluster_sim.analysis.strata import Labels, VariantLabels, by_stratum, labels_by_axis, path_axes_of, variant_labels
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.host_use import HostUse, host_use
from cluster_sim.analysis.summaries.slowest import slowest
from cluster_sim.analysis.summaries.sums import Sums, guest_sums, workload_sums
from cluster_sim.analysis.summaries.window_series import Series, window_series
from cluster_sim.results.ledger import Category
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.reader import Results


class RunReading:
    """What comparison, answers, charts, page and texts know of one run; RunDirectoryError where it is damaged."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.prices: PriceIntervals | None = None

    def with_prices(self, prices: PriceIntervals) -> "RunReading":
        """The same reading, whose rows have price intervals; what was read is not read again."""
        other = copy(self)
        other.prices = prices
        for made_of_rows in ("rows", "rows_by_stratum"):
            other.__dict__.pop(made_of_rows, None)
        return other

    @property
    def manifest(self) -> Manifest:
        """What was run, how, and with what."""
        return self.results.manifest

    @cached_property
    def guests(self) -> pa.Table:
        """The table `guests`."""
        return self.results.table("guests")

    @cached_property
    def variants(self) -> Mapping[str, VariantLabels]:
        """What each variant is called, in the run's order."""
        return variant_labels(self.manifest)

    @cached_property
    def path_axes(self) -> tuple[str, ...]:
        """The axes that tell paths apart."""
        return path_axes_of(self.manifest)

    @cached_property
    def stratum_axes(self) -> Mapping[str, Sequence[str]]:
        """The other axes, with their labels."""
        return labels_by_axis(self.variants.values())

    @cached_property
    def paths(self) -> list[str]:
        """All paths, in the run's order: what colours are given by."""
        return list(dict.fromkeys(each.path for each in self.variants.values()))

    @cached_property
    def strata(self) -> list[str]:
        """All strata, in the run's order."""
        return list(dict.fromkeys(each.stratum for each in self.variants.values()))

    @cached_property
    def groups(self) -> list[str]:
        """Guest groups, in the order in which they first occur."""
        return list(dict.fromkeys(key[1] for key in self.guest_sums))

    @cached_property
    def figures(self) -> RunFigures:
        """All figures by variant, group and replication."""
        return RunFigures(self.manifest, self.guests, self.results.table("placements"))

    @cached_property
    def by_baseline(self) -> RowsByBaseline:
        """The comparison, with the run's own baseline and with others."""
        return RowsByBaseline(self.baseline, lambda baseline: compare([self], baseline))

    @property
    def baseline(self) -> Labels:
        """The labels that variants are compared with; empty where the definition names none."""
        return self.manifest.baseline

    @property
    def judged(self) -> frozenset[str]:
        """The figures that the definition judges by."""
        return frozenset(each.figure for each in criteria_of(self.manifest.judge))

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The comparison with the run's own baseline, and price intervals where there are any."""
        rows = self.by_baseline.rows
        return rows if self.prices is None else with_prices(rows, self.prices)

    @cached_property
    def rows_by_stratum(self) -> Mapping[tuple[str, str], Sequence[Row]]:
        """The same by stratum, outside the baseline's axes, and group."""
        return by_stratum(self.rows, self.baseline)

    @cached_property
    def guest_sums(self) -> Mapping[Key, Sums]:
        """Sums and latencies by (variant, group), in the run's order."""
        return self._in_order(guest_sums(self.guests))

    @cached_property
    def workload_sums(self) -> Mapping[Key, Sums]:
        """The same by (variant, group, queue's role, workload); empty where the run has no such table."""
        return self._in_order(workload_sums(self.results))

    @cached_property
    def slowest(self) -> Mapping[Key, Mapping[Category, float]]:
        """Where the slowest hundredth's time went, by (variant, group); empty where the run recorded none."""
        return slowest(self.results, self.guest_sums)

    @cached_property
    def window_series(self) -> Mapping[Key, Series]:
        """What guests held and did window by window, by (variant, group); empty where the run recorded none."""
        return window_series(self.results)

    @cached_property
    def host_uses(self) -> Mapping[str, HostUse]:
        """What each variant used of its hosts."""
        return host_use(self.results)

    @property
    def host_use(self) -> Mapping[str, Mapping[str, float]]:
        """Percent of each host resource in use, by variant: means over hosts and replications."""
        return {variant: use.mean for variant, use in self.host_uses.items()}

    @cached_property
    def overloads(self) -> Mapping[tuple[str, str], Overload]:
        """Work offered at a rate that is not sustained, by (variant, group)."""
        durations_ns = {variant: each.duration_ns for variant, each in self.variants.items()}
        if not any(is_suspect(sums, durations_ns[key[0]]) for key, sums in self.guest_sums.items()):
            return {}
        return find_overloads(self.manifest, self.guest_sums, self.workload_sums, self.host_uses)

    @cached_property
    def memory_rows(self) -> Sequence[MemoryRow]:
        """What the run did to guest memory, a row a variant."""
        return memory_rows(self.variants, self.results.table("conversions"), self.guests)

    @cached_property
    def fault_rows(self) -> Sequence[FaultRow]:
        """What was done against the rules, and what it came to."""
        return fault_rows(self.variants, self.results.table("faults"))

    def _in_order(self, found: Mapping[Key, Sums]) -> dict[Key, Sums]:
        """By the run's order of variants: files come in the order of their names."""
        ranks = {variant: rank for rank, variant in enumerate(self.variants)}
        return {key: found[key] for key in sorted(found, key=lambda key: ranks[key[0]])}
