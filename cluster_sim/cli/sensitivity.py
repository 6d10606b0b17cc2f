"""`cluster-sim sensitivity`: which costs decide which design is ahead."""

from typing import Annotated

import typer
from rich.text import Text

from cluster_sim.analysis.studies.sensitivity import AskedCosts
from cluster_sim.analysis.studies.sensitivity import sensitivity as sample_costs
from cluster_sim.analysis.studies.study_figures import MEAN
from cluster_sim.cli.options import Profiles, Sets, Workload, console, experiment_of, refusing_bad_input
from cluster_sim.cli.studying import RESULTS, Actors, GroupName, OnWhat, ResultsDirectory, Resume, with_progress
from cluster_sim.report.studies import sensitivity_report
from cluster_sim.report.studies_charts import tornado_charts, write_charts


def sensitivity(  # noqa: PLR0913 - each is an option of the command
    workload: Workload,
    *,
    samples: Annotated[int, typer.Option(min=2, max=1 << 16, help="Base samples, a power of 2.")] = 64,
    between: Annotated[
        str | None, typer.Option(metavar="A,B", help="Explain these two; by default the best and the next.")
    ] = None,
    figure: Annotated[str, typer.Option(help="mean, p50, p99, throughput, guest CPU, host CPU …")] = MEAN,
    group: GroupName = None,
    as_defined: Annotated[
        bool, typer.Option("--as-defined", help="All hosts and the whole duration; by default one host, briefly.")
    ] = False,
    sets: Sets = None,
    profiles: Profiles = None,
    results: ResultsDirectory = RESULTS,
    executor: OnWhat = "ray",
    actors: Actors = None,
    resume: Resume = False,
) -> None:
    """Sample the costs of a workload's profiles within their ranges, and say which of them decide the ranking."""
    with refusing_bad_input():
        experiment = experiment_of(workload, sets, profiles)
    asked = AskedCosts(samples, between, figure, group, as_defined)
    study = with_progress(
        lambda on_progress: sample_costs(
            experiment, asked, results, executor=executor, actors=actors, resume=resume, on_progress=on_progress
        )
    )
    out = console()
    out.print(Text(study.question.strip() + "\n", "bold"))
    out.print(sensitivity_report(study, out.width), highlight=False)
    written = list(write_charts(tornado_charts(study), study.directory))
    out.print(
        f"\n{study.points:,} points. Findings and {len(written)} charts: {study.directory}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
