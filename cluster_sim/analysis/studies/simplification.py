"""Cutting scenarios to fewer hosts and a shorter time, where that changes no guest's surroundings."""

from dataclasses import replace
from typing import Final

from cluster_sim.analysis.studies.designs import wrong_with
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import ArrivalSpec, ScenarioSpec
from cluster_sim.scenario.units import format_duration
from cluster_sim.scenario.workload_spec import LadderVideo
from cluster_sim.scenario.workload_traits import traits_of

SHORT_NS: Final = 200_000_000
"""Long enough for a dozen frames a guest: prices, not rare events, are what a sensitivity study is about."""


def simpler(experiment: Experiment) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment on fewer hosts and for a shorter time, where that changes no guest's surroundings, and how."""
    folder = experiment.source.parent
    cut, told = [], dict[str, None]()
    for variant in experiment.variants:
        scenario, changes = simpler_scenario(variant.scenario)
        if changes and not wrong_with(scenario, folder):
            told |= dict.fromkeys(changes)
            cut.append(replace(variant, scenario=scenario))
        else:
            cut.append(variant)
    return replace(experiment, variants=tuple(cut)), tuple(told)


def simpler_scenario(scenario: ScenarioSpec, short_ns: int = SHORT_NS) -> tuple[ScenarioSpec, list[str]]:
    """One host where hosts are apart and all the same; a short time where no guest comes, boots or plays."""
    workloads = [traits_of(workload) for group in scenario.guests for workload in group.workloads]
    told: list[str] = []
    is_apart = all(group.count is None for group in scenario.guests) and not any(
        workload.to is not None for workload in workloads
    )
    if is_apart and scenario.cluster.hosts > 1 and not scenario.faults:
        told.append(f"cluster.hosts {scenario.cluster.hosts} taken as 1")
        scenario = scenario.model_copy(update={"cluster": scenario.cluster.model_copy(update={"hosts": 1})})
    settles = all(group.arrive == ArrivalSpec() for group in scenario.guests) and not any(
        workload.boots or isinstance(workload.trace, LadderVideo) for workload in workloads
    )
    if settles and scenario.duration > short_ns and not scenario.faults:
        told.append(f"duration {format_duration(scenario.duration)} taken as {format_duration(short_ns)}")
        shorter = {"duration": short_ns, "window": min(scenario.window, short_ns)}
        scenario = scenario.model_copy(update=shorter)
    return scenario, told
