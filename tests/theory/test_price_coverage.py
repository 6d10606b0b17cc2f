"""Price intervals against random cost tables: how often they hold the ratio of a run at such prices."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import yaml

from cluster_sim import load, open_results, run
from cluster_sim.analysis.price_intervals.price_study import SAMPLES
from cluster_sim.analysis.price_intervals.sampled_costs import SampledCosts, sampled_costs
from cluster_sim.analysis.price_intervals.whole_runs import known_scenarios, priced_runs
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.study_figures import figures_of_point
from cluster_sim.analysis.studies.study_store import ByGroup
from cluster_sim.experiments.pools import InlinePool
from cluster_sim.runtime.study_point import Point

TABLES = 200
OTHER_SEED = 777
DEFINITION = {
    "name": "coverage",
    "question": "Does the interval hold what it says?",
    "seed": 3,
    "replications": 1,
    "duration": "100ms",
    "record": "summary",
    "cluster": {"hosts": 1, "host": {"cpus": 8, "memory": "16GiB"}},
    "protection": "pkvm",
    "guests": [
        {
            "name": "raw",
            "count_per_host": 1,
            "vcpus": 2,
            "memory": "1GiB",
            "workloads": [
                {
                    "kind": "video",
                    "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
                    "buffers": 4,
                    "deadline": "16ms",
                }
            ],
        }
    ],
    "axes": {
        "io_path": {
            "bounce": {"kind": "swiotlb", "mapping": "per_transfer"},
            "convert": {"kind": "convert", "granule": "4KiB"},
        }
    },
    "baseline": {"io_path": "bounce"},
}


def evaluate(stage: str, points: Sequence[Point]) -> list[ByGroup]:
    """Figures of points, in this process and kept nowhere."""
    del stage
    return [found for _, found in InlinePool().evaluate(points, figures_of_point)]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RunReading:
    """A finished run of two paths."""
    folder = tmp_path_factory.mktemp("coverage")
    file = folder / "coverage.yaml"
    file.write_text(yaml.safe_dump(DEFINITION), encoding="utf-8")
    return RunReading(open_results(run(load(file), folder / "results", executor="inline").directory))


def test_a_price_interval_holds_the_ratio_at_nine_of_ten_random_cost_tables_or_more(reading: RunReading) -> None:
    """Whole ranges of 28 samples hold a further draw 27 times of 29 where it is drawn alike."""
    prices = priced_runs(reading, SAMPLES).run(evaluate)
    scenarios = known_scenarios(reading)
    costs = sampled_costs(scenarios, TABLES, reading.manifest.seed)
    draws = np.random.default_rng(OTHER_SEED)
    alone = SampledCosts(TABLES, {name: draws.random(TABLES).tolist() for name in costs.shares}, costs.profiles)
    folder = reading.manifest.traces_folder.resolve()
    points = [
        Point(alone.scenario(label, scenario, number), folder, reading.manifest.seed, 0)
        for number in range(TABLES)
        for label, scenario in scenarios.items()
    ]
    found = evaluate("", points)
    labels = list(scenarios)
    mine, base = labels.index("convert"), labels.index("bounce")
    for figure in ("p50", "host CPU"):
        interval = prices.ratio("convert", "bounce", "raw", figure)
        assert interval is not None
        assert interval.samples == SAMPLES
        ratios = [found[at + mine]["raw"][figure] / found[at + base]["raw"][figure] for at in range(0, len(found), 2)]
        held = sum(interval.low <= ratio <= interval.high for ratio in ratios) / TABLES
        assert held >= 0.90, figure
        run_ratio = prices.run_ratio("convert", "bounce", "raw", figure)
        assert run_ratio is not None
        assert interval.low <= run_ratio <= interval.high
        spread = math.log(interval.high / interval.low)
        assert spread < 1.5 * np.ptp(np.log(ratios)), "and it is no wider than the ratios lie apart"
