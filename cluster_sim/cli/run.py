"""`cluster-sim run`: run an experiment, print the comparison and where the tables lie."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cluster_sim.actors import driver
from cluster_sim.actors.driver import Executor, run_experiment
from cluster_sim.analysis.comparison import compare
from cluster_sim.analysis.guest_memory import fault_rows, memory_rows
from cluster_sim.cli.options import Sets, Workload, console, load_checked, refusing_bad_input, running
from cluster_sim.report.comparison import comparison
from cluster_sim.report.guest_memory import guest_memory
from cluster_sim.results.reader import open_results


def run(
    workload: Workload,
    *,
    results: Annotated[Path, typer.Option(help="Directory of all results.")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="Name of this run; by default the time.")] = None,
    sets: Sets = None,
    executor: Annotated[Executor, typer.Option(help="On a Ray of its own, or in this process.")] = "ray",
    actors: Annotated[int | None, typer.Option(min=1, max=256, help="Shards of hosts; by default one a CPU.")] = None,
) -> None:
    """Run a workload and compare its variants."""
    began = time.perf_counter()
    with refusing_bad_input():
        experiment = load_checked(workload, sets)
    out = console()
    if driver.is_first_use():
        out.print("First use of this version: compiling the engine takes about half a minute and is kept.")
    with refusing_bad_input(), running("starting") as on_progress:
        finished = run_experiment(
            experiment, results, executor=executor, actors=actors, name=name, on_progress=on_progress
        )
    opened = open_results(finished.directory)
    out.print(Text(experiment.spec.question.strip() + "\n", "bold"))
    out.print(comparison(compare(opened), dict(experiment.spec.baseline)))
    out.print(guest_memory(memory_rows(opened), fault_rows(opened)))
    seconds = time.perf_counter() - began
    out.print(
        f"\n{finished.frames:,} frames in {seconds:.1f} s. Tables: {finished.directory}/{{transfers,guests,…}}, "
        f"fingerprint {finished.fingerprint[:16]}.\n"
        f"Again: cluster-sim compare {finished.directory} · step by step: cluster-sim explain {workload}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
