"""A lone transfer of each variant of each shipped definition: every step is told by its prices, to the nanosecond."""

from pathlib import Path

import pytest

from cluster_sim import load
from cluster_sim.analysis.lone_transfer.explanation import explain

SHIPPED = sorted(path.stem for path in Path("workloads").glob("*.yaml"))


@pytest.mark.parametrize("workload", SHIPPED)
def test_terms_sum_to_each_step_whatever_is_done_ahead_or_behind(workload: str) -> None:
    experiment = load(workload)
    for variant in experiment.variants:
        for found in explain(variant.scenario, experiment.source.parent):
            for step in (*found.steps, *found.between):
                assert sum(term.each_ns * term.count for term in step.terms) == step.spent_ns, (variant.label, step)


def test_what_is_done_ahead_waits_for_the_lock_that_what_is_done_behind_holds() -> None:
    experiment = load("conversion_strategies")
    (variant,) = [each for each in experiment.variants if each.label == "tdx.ahead.g4"]
    (found,) = explain(variant.scenario, experiment.source.parent)
    waits = [step for step in found.between if step.category == "lock_wait"]
    assert [term.price for step in waits for term in step.terms if term.count] == [
        "wait for what is done ahead or behind"
    ] * len(waits)
    assert sum(step.spent_ns for step in waits) > 0
