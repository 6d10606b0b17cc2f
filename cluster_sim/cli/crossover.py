"""`cluster-sim crossover`: where two designs cross as one field varies."""

from typing import Annotated

import typer
from rich.text import Text

from cluster_sim.analysis.studies.crossover import Asked
from cluster_sim.analysis.studies.crossover import crossover as find_crossings
from cluster_sim.analysis.studies.study_figures import MEAN
from cluster_sim.cli.options import Profiles, Sets, Workload, console, experiment_of, refusing_bad_input
from cluster_sim.cli.studying import RESULTS, Actors, GroupName, OnWhat, ResultsDirectory, Resume, with_progress
from cluster_sim.report.studies import crossover_report
from cluster_sim.report.studies_charts import crossover_charts, write_charts


def crossover(  # noqa: PLR0913 - each is an option of the command
    workload: Workload,
    *,
    vary: Annotated[
        str,
        typer.Option(
            metavar="FIELD[=LOW..HIGH]",
            help="granule, keep, frame_size, rate, guests, vcpus, costs.NAME or a field path: frame_size=64KiB..8MiB.",
        ),
    ],
    between: Annotated[
        str, typer.Option(metavar="A,B", help="Two designs by label, or by kind where it is the only one.")
    ],
    figure: Annotated[str, typer.Option(help="mean, p50, p99, throughput, guest CPU, host CPU …")] = MEAN,
    group: GroupName = None,
    grid: Annotated[int, typer.Option(min=2, max=1000, help="Values of the first, coarse grid.")] = 9,
    precision: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="Relative width of what is left of a bracket.")
    ] = 0.01,
    replications: Annotated[int | None, typer.Option(min=1, max=10_000, help="Instead of the definition's.")] = None,
    prices: Annotated[
        int,
        typer.Option(min=0, max=4096, help="Joint samples of the costs over which crossings are told; 0 for none."),
    ] = 0,
    sets: Sets = None,
    profiles: Profiles = None,
    results: ResultsDirectory = RESULTS,
    executor: OnWhat = "ray",
    actors: Actors = None,
    resume: Resume = False,
) -> None:
    """Find where two designs of a workload cross, by refining a coarse grid around each change of sign."""
    with refusing_bad_input():
        experiment = experiment_of(workload, sets, profiles)
    asked = Asked(vary, between, figure, group, grid, precision, replications, prices)
    study = with_progress(
        lambda on_progress: find_crossings(
            experiment, asked, results, executor=executor, actors=actors, resume=resume, on_progress=on_progress
        )
    )
    out = console()
    out.print(Text(study.question.strip() + "\n", "bold"))
    out.print(crossover_report(study, out.width), highlight=False)
    written = list(write_charts(crossover_charts(study), study.directory))
    tables = "Tables" if study.prices else "Table"
    told = f"\n{study.points:,} points. {tables} and {len(written)} charts: {study.directory}"
    out.print(told, highlight=False, markup=False, soft_wrap=True)
