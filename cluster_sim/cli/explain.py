"""`cluster-sim explain`: one transfer of each path, step by step."""

from cluster_sim.analysis.lone_transfer.explanation import explain as explain_scenario
from cluster_sim.cli.options import Profiles, Sets, Workload, console, experiment_of, refusing_bad_input
from cluster_sim.report.explanation import explanation


def explain(workload: Workload, *, sets: Sets = None, profiles: Profiles = None) -> None:
    """Print one frame's way along each path, alone on its host: steps, costs, their sum and their sources."""
    with refusing_bad_input():
        experiment = experiment_of(workload, sets, profiles)
    out = console()
    for variant in experiment.variants:
        for explained in explain_scenario(variant.scenario, experiment.source.parent):
            out.print(explanation(variant.label, explained), highlight=False)
