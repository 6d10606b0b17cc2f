"""Quick price intervals: lone transfers repriced at joint samples of all costs, without running anything anew.

What is asked of a pair of variants is worked out when it is asked, once for each variant.
"""

from functools import cache
from typing import Final

from cluster_sim.analysis.lone_transfer.explanation import ExplainedTransfer
from cluster_sim.analysis.lone_transfer.repricing import LoneTransfers
from cluster_sim.analysis.lone_transfer.step_prices import PricedTerm
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals, SampledFigure
from cluster_sim.analysis.price_intervals.sampled_costs import SampledCosts, sampled_costs
from cluster_sim.analysis.price_intervals.whole_runs import known_scenarios
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.platform.provenance import ProvenanceError
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.traces.table import TraceError

LATENCIES: Final = ("p50", "p99")
RUNNERS: Final = {"guest CPU": "guest", "host CPU": "host"}
"""Figures of which a lone transfer tells how they move with the costs, and whose time they are."""


def quick_intervals(reading: RunReading, samples: int) -> PriceIntervals:
    """Price intervals of latencies and CPU times, by lone transfers at `samples` joint samples of the costs."""
    scenarios = known_scenarios(reading)
    folder = reading.manifest.traces_folder
    costs = sampled_costs(scenarios, samples, reading.manifest.seed)

    @cache
    def lone_of(variant: str) -> LoneTransfers | None:
        return lone_transfers(LoneTransfers(scenarios[variant], folder, {})) if variant in scenarios else None

    @cache
    def sampled(variant: str, group: str, figure: str) -> SampledFigure | None:
        lone = lone_of(variant)
        return None if lone is None else repriced(lone, group, figure, variant, costs)

    how = f"Price intervals are quick: lone transfers repriced at {samples} joint samples of all costs."
    return PriceIntervals(reading.figures, sampled, samples, is_quick=True, how=how)


def lone_transfers(lone: LoneTransfers) -> LoneTransfers | None:
    """The transfers, if their traces are there and this version can plan them."""
    try:
        assert lone.explained is not None
    except (TraceError, OSError, ValueError):
        return None
    return lone


def repriced(lone: LoneTransfers, group: str, figure: str, variant: str, costs: SampledCosts) -> SampledFigure | None:
    """What a group's lone transfers have of a figure, at the table's prices and at each sample; None where nothing."""
    if lone.latency_ns(group) is None:
        return None
    terms = [term for each in lone.of(group) for term in terms_of(each, figure)]
    at_table = sum(term.count * term.each_ns for term in terms)
    if not at_table:
        return None
    found = []
    for number in range(costs.samples):
        try:
            profile = profile_of(costs.scenario(variant, lone.scenario, number))
        except ProvenanceError:  # a price below nothing, which no machine has
            found.append(float("nan"))
            continue
        found.append(float(lone.repriced_ns(group, profile, terms)))
    return SampledFigure(float(at_table), found)


def terms_of(transfer: ExplainedTransfer, figure: str) -> list[PricedTerm]:
    """The prices in a transfer that a figure is made of: all of its latency, or what one side's CPUs take."""
    if figure in LATENCIES:
        return [term for step in transfer.steps for term in step.terms]
    steps = (*transfer.steps, *transfer.between)
    return [term for step in steps if step.runner == RUNNERS.get(figure) for term in step.terms]
