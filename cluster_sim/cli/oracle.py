"""`cluster-sim oracle`: replay random host calls on the memory model and on the kernel that runs, and compare."""

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cluster_sim.cli.options import FAILED, console
from cluster_sim.kernel.capabilities import UnavailableError, probe
from cluster_sim.kernel.oracle import replay
from cluster_sim.report.oracle import report

UNAVAILABLE = 3


def oracle(
    *,
    ops: Annotated[int, typer.Option(min=1, max=100_000_000, help="Calls to replay, 200 a sequence.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Where the calls are drawn from.")] = 1,
) -> None:
    """Hold the guest_memfd model against the real kernel.

    Exit code 0: no difference. 1: a difference, its shortest sequence printed. 3: this machine has no guest_memfd
    that could be asked.
    """
    try:
        capabilities = probe()
    except UnavailableError as error:
        typer.echo(f"the kernel cannot be asked: {error}", err=True)
        raise typer.Exit(UNAVAILABLE) from None
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn())
    began = time.perf_counter()
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=ops)
        found = replay(ops, seed, capabilities, on_progress=lambda done: progress.update(task, completed=done))
    console().print(report(found, capabilities, time.perf_counter() - began), highlight=False)
    if found.differences:
        raise typer.Exit(FAILED)
