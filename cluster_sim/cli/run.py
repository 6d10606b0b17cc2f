"""`cluster-sim run`: run an experiment, or go on with one, print the comparison and where the tables lie."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.cli.options import (
    Profiles,
    Sets,
    console,
    experiment_of,
    logging_to_terminal,
    refusing_bad_input,
    shown_path,
)
from cluster_sim.cli.progress import OnProgress, running
from cluster_sim.experiments import driver
from cluster_sim.experiments.driver import Executor, Finished, Means
from cluster_sim.experiments.resume import complete_run
from cluster_sim.report.comparison import comparison
from cluster_sim.report.guest_memory import guest_memory
from cluster_sim.report.verdict_lines import verdict_lines
from cluster_sim.results.reader import open_results
from cluster_sim.results.run_directory import RunDirectoryError
from cluster_sim.runtime import compile_ahead


def run(  # noqa: PLR0913 - one parameter an option
    workload: Annotated[
        Path | None, typer.Argument(help="A workload file, or the name of a shipped one; none with --resume.")
    ] = None,
    *,
    results: Annotated[str, typer.Option(help="Directory of all results: a path, or a URI such as s3://…")] = "results",
    name: Annotated[str | None, typer.Option(help="Name of this run; by default the time.")] = None,
    sets: Sets = None,
    profiles: Profiles = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run that did not end.")] = None,
    executor: Annotated[Executor, typer.Option(help="On Ray, or in this process.")] = "ray",
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster: auto, HOST:PORT or ray://…; else a Ray of its own.")
    ] = None,
    actors: Annotated[int | None, typer.Option(min=1, max=4096, help="Shards of hosts; by default one a CPU.")] = None,
    when_small: Annotated[
        Literal["pack", "wait"], typer.Option(help="On a cluster with too few CPUs: pack tighter, or wait.")
    ] = "pack",
    snapshot_every: Annotated[
        int, typer.Option(min=0, help="Windows from one snapshot to the next; 0: as often as they cost little.")
    ] = 0,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="What is told beside the progress.")
    ] = "warning",
) -> None:
    """Run a workload and compare its variants."""
    logging_to_terminal(log_level)
    began = time.perf_counter()
    means = Means(executor, actors, address, when_small, snapshot_every)
    with refusing_bad_input():
        start = beginning(workload, results, name, sets, profiles, resume, means)
    out = console()
    if compile_ahead.is_first_use():
        out.print("First use of this version: compiling the engine takes some 15 s and is kept.")
    with refusing_bad_input(), running() as on_progress:
        finished = start(on_progress)
    print_finished(out, finished, time.perf_counter() - began, workload)


def print_finished(out: Console, finished: Finished, seconds: float, workload: Path | None) -> None:
    """The comparison, what happened to guest memory, and where the tables lie."""
    reading = RunReading(open_results(finished.storage.uri))
    manifest = reading.manifest
    out.print(verdict_lines(reading))
    out.print(comparison(reading.rows, reading.baseline, asked=reading.judged))
    out.print(guest_memory(reading))
    run_path = shown_path(finished.storage)
    of_ray = f", of which Ray's start took {finished.ray_start_s:.1f} s" if finished.ray_start_s else ""
    out.print(
        f"\n{finished.frames:,} frames in {seconds:.1f} s{of_ray}. Tables: {run_path}/{{transfers,guests,…}}, "
        f"fingerprint {finished.fingerprint[:16]}.\n"
        f"Again: cluster-sim compare {run_path} · step by step: cluster-sim explain "
        f"{workload or manifest.experiment}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


Start = Callable[[OnProgress], Finished]


def beginning(
    workload: Path | None,
    results: str,
    name: str | None,
    sets: list[str] | None,
    profiles: list[Path] | None,
    resume: str | None,
    means: Means,
) -> Start:
    """What to start: a new run of a workload, or the rest of an old one; refused where both or neither are named."""
    if resume is not None:
        options = (("WORKLOAD", workload), ("--name", name), ("--set", sets), ("--profile", profiles))
        if given := [what for what, is_given in options if is_given]:
            raise RunDirectoryError("--resume", f"{', '.join(given)} too", "the run alone, which has its own")
        return lambda on_progress: complete_run(resume, means=means, on_progress=on_progress)
    if workload is None:
        raise RunDirectoryError("WORKLOAD", "nothing", "a workload file, a shipped one's name, or --resume RUN")
    experiment = experiment_of(workload, sets, profiles)
    return lambda on_progress: driver.run_experiment(
        experiment, results, means=means, name=name, on_progress=on_progress
    )
