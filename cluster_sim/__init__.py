"""cluster-sim: simulates how protected virtual machines move data.

The rooms in reading order: `scenario` says what to simulate, `platform` what a technology is and costs, `memory`
what happens to pages and bounce slots, `io_paths` how one transfer goes, `workloads` what guests ask, `planning`
makes one host's tables of it, `engine` runs these in virtual time, `runtime` runs hosts and guests window by window,
`actors` does so on Ray, `experiments` goes from the first run to the last, `results` holds the tables, `analysis` and
`report` make statements of them, `cli` is the command line. docs/architecture.md follows one transfer through them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from cluster_sim.analysis.answers.answer import Answer
    from cluster_sim.analysis.comparison import Row
    from cluster_sim.analysis.paired import Method
    from cluster_sim.experiments.driver import Executor, Finished
    from cluster_sim.results.reader import Results
    from cluster_sim.scenario.load import Experiment

__all__ = ["answer", "charts", "compare", "load", "open_results", "run"]


def load(workload: Path | str, sets: "Sequence[str]" = ()) -> "Experiment":
    """Read and check a workload file, or a shipped one by name; DefinitionError tells all that is wrong with it."""
    from cluster_sim.planning.load_checked import load_checked

    return load_checked(Path(workload), sets)


def run(
    experiment: "Experiment",
    results: Path | str = "results",
    *,
    executor: "Executor" = "ray",
    actors: int | None = None,
    address: str | None = None,
    name: str | None = None,
) -> "Finished":
    """Run all runs of an experiment; the tables lie in the directory that is returned."""
    from cluster_sim.experiments.driver import Means, run_experiment

    means = Means(executor, actors, address)
    return run_experiment(experiment, results, means=means, name=name)


def open_results(path: Path | str) -> "Results":
    """Open a run's directory, or the newest run below a workload's."""
    from cluster_sim.results.reader import open_results as open_run

    return open_run(path)


def compare(
    results: "Results | Sequence[Results]",
    baseline: "dict[str, str] | None" = None,
    *,
    interval: "Method" = "t",
    prices: int = 0,
) -> "list[Row]":
    """Figures of each variant and guest group, of a run or of several, with ratios to the baseline in pairs.

    With `prices`, one run is made anew at so many joint samples of all costs, and its ratios have price intervals.
    """
    from cluster_sim.analysis.comparison import compare as compare_runs
    from cluster_sim.analysis.comparison import with_prices
    from cluster_sim.analysis.price_intervals.price_study import whole_intervals
    from cluster_sim.analysis.problems import ComparisonError
    from cluster_sim.analysis.run_reading import RunReading
    from cluster_sim.results.reader import Results

    runs = [RunReading(run) for run in ([results] if isinstance(results, Results) else results)]
    rows = compare_runs(runs, baseline, interval=interval)
    if prices and len(runs) > 1:
        raise ComparisonError("prices", found=f"{len(runs)} runs", allowed="one run, whose costs are sampled")
    return with_prices(rows, whole_intervals(runs[0], prices)) if prices else rows


def answer(results: "Results", *, prices: int = 0) -> "Answer":
    """What a run says in words: verdicts, the hypotheses H1 to H3, and the costs that could overturn them.

    With `prices`, the run is made anew at so many joint samples of all costs, so that price intervals are whole runs'.
    """
    from cluster_sim.analysis.answers.run_answer import answer as answer_of
    from cluster_sim.analysis.price_intervals.price_study import whole_intervals
    from cluster_sim.analysis.run_reading import RunReading

    reading = RunReading(results)
    return answer_of(reading.with_prices(whole_intervals(reading, prices)) if prices else reading)


def charts(results: "Results") -> "dict[str, alt.TopLevelMixin]":
    """The charts of a run's report by name, as Altair objects."""
    from cluster_sim.report.chart_list import charts as charts_of

    return charts_of(results)
