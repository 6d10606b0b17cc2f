"""What `compare` and `report` share where they make price intervals: options, progress, and what they refuse."""

from typing import Annotated

import typer

from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.price_intervals.price_study import check_samples, whole_intervals
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.cli.studying import with_progress
from cluster_sim.experiments.driver import Executor

PriceSamples = Annotated[
    int, typer.Option(min=0, help="Joint samples of all costs at which the run is made anew; 0 for no price intervals.")
]
Somewhere = Annotated[
    Executor | None,
    typer.Option(help="Where runs are added or made anew: on Ray, or in this process if they are few."),
]


def check_pricing(samples: int, runs: int) -> None:
    """Refuse too few samples, and samples of the costs of several runs."""
    if check_samples(samples) and runs > 1:
        raise ComparisonError("--prices", found=f"{runs} runs", allowed="one run, whose costs are sampled")


def intervals_of(reading: RunReading, samples: int, executor: Executor | None, actors: int | None) -> PriceIntervals:
    """The price intervals of a run, behind a progress bar; after Ctrl-C the same command goes on."""
    return with_progress(
        lambda on_progress: whole_intervals(
            reading, samples, executor=executor, actors=actors, on_progress=on_progress
        ),
        again="",
    )
