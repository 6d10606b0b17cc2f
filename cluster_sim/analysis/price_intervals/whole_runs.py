"""Price intervals from whole runs: each variant once at the table's prices and at each joint sample of all costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster_sim.analysis.price_intervals.intervals import PriceIntervals, SampledFigure
from cluster_sim.analysis.price_intervals.reduction import reduced_scenarios
from cluster_sim.analysis.price_intervals.sampled_costs import SampledCosts, sampled_costs
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.point_evaluator import PointEvaluation
from cluster_sim.analysis.studies.study_store import ByGroup
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.spec import ScenarioSpec

STAGE = "prices"


@dataclass(frozen=True)
class PricedRuns:
    """What is to be run for the price intervals of a run; `left_out` says how it is shorter than the run itself."""

    reading: RunReading
    scenarios: Mapping[str, ScenarioSpec]
    costs: SampledCosts
    left_out: str

    @property
    def samples(self) -> int:
        """How many joint samples of the costs."""
        return self.costs.samples

    @property
    def how(self) -> str:
        """In a sentence, what the intervals are from."""
        cut = f" ({self.left_out})" if self.left_out else ""
        return (
            f"Price intervals are from whole runs: every variant once{cut} at each of {self.samples} joint samples "
            "of all costs within their ranges."
        )

    def points(self) -> list[Point]:
        """All variants at the table's prices, then at one sample after the other."""
        manifest = self.reading.manifest
        folder = manifest.traces_folder.resolve()
        every = [*self.scenarios.values()]
        for number in range(self.samples):
            every += [self.costs.scenario(variant, one, number) for variant, one in self.scenarios.items()]
        return [Point(scenario, folder, manifest.seed, 0) for scenario in every]

    def run(self, evaluate: PointEvaluation) -> PriceIntervals:
        """Run them, and give the intervals of all ratios."""
        found = evaluate(STAGE, self.points())
        labels = list(self.scenarios)
        at_table: Mapping[str, ByGroup] = dict(zip(labels, found, strict=False))
        at_samples = {label: found[len(labels) + first :: len(labels)] for first, label in enumerate(labels)}

        def sampled(variant: str, group: str, figure: str) -> SampledFigure | None:
            here = at_table.get(variant, {}).get(group, {}).get(figure)
            if here is None:
                return None
            nothing = float("nan")
            return SampledFigure(here, [each.get(group, {}).get(figure, nothing) for each in at_samples[variant]])

        return PriceIntervals(self.reading.figures, sampled, self.samples, is_quick=False, how=self.how)


def priced_runs(reading: RunReading, samples: int) -> PricedRuns:
    """What is to be run for `samples` samples; variants whose scenarios this version does not know are left out."""
    scenarios = known_scenarios(reading)
    folder: Path = reading.manifest.traces_folder.resolve()
    cut, left_out = reduced_scenarios(reading, scenarios, folder)
    return PricedRuns(reading, cut, sampled_costs(cut, samples, reading.manifest.seed), left_out)


def known_scenarios(reading: RunReading) -> dict[str, ScenarioSpec]:
    """The scenarios of a run's variants, as far as this version knows them."""
    known: dict[str, ScenarioSpec] = {}
    for variant, record in reading.manifest.variants.items():
        try:
            known[variant] = ScenarioSpec.model_validate(record.scenario)
        except ValueError:  # of another version
            continue
    return known
