"""`cluster-sim validate`: hold the model against published results."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cluster_sim.analysis.studies.point_evaluator import Progress
from cluster_sim.cli.options import Profiles, console, read_profiles, refusing_bad_input
from cluster_sim.cli.studying import Actors, OnWhat, with_progress
from cluster_sim.experiments.pools import pool_of
from cluster_sim.platform.scenario_profile import overrides_of
from cluster_sim.report.validation import validation_report
from cluster_sim.validation.judging import JudgedTarget, judge
from cluster_sim.validation.targets import chosen, read_targets, shipped_targets


def validate(
    *,
    target: Annotated[
        list[str] | None, typer.Option("--target", metavar="T", help="This target alone. May be repeated.")
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Option(help="Targets of your own and their sources, with their definitions beside; else the shipped."),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, max=1024, help="Samples of the costs' ranges.")] = 16,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 where a figure is outside and its target does not say why.")
    ] = False,
    profiles: Profiles = None,
    executor: OnWhat = "ray",
    actors: Actors = None,
) -> None:
    """Run definitions of published experiments, and tell which figures lie inside their windows and which do not.

    Exit codes: 0, whatever lies outside; with --strict 1 where something outside is not explained; 2 for a refusal.
    """
    with refusing_bad_input():
        asked = chosen(shipped_targets() if targets is None else read_targets(targets), target or [])
        costs = overrides_of(read_profiles(profiles or []))

    def study(on_progress: Callable[[Progress], None]) -> list[JudgedTarget]:
        def reached(done: int, total: int) -> None:
            on_progress(Progress("points", done, total))

        with pool_of(executor, actors) as pool:
            return judge(asked, samples, pool, reached, costs)

    judged = with_progress(study)
    console().print(validation_report(judged), highlight=False)
    if strict and any(figure.is_unexplained for each in judged for figure in each.figures):
        raise typer.Exit(1)
