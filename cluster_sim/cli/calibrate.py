"""`cluster-sim calibrate`: measure this machine and write what it costs as a table."""

import datetime as dt
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.catalogue import calibrate as measure_all
from cluster_sim.calibration.profile_file import written
from cluster_sim.calibration.sampling import QUICK, THOROUGH, Effort
from cluster_sim.cli.options import BAD_INPUT, FAILED, console
from cluster_sim.report.calibration import calibration_report
from cluster_sim.results.atomic_file import put

DEFAULT_FILE = Path("profile.toml")


def calibrate(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter rounds: some 10 s, not a minute.")] = False,
    out: Annotated[Path, typer.Option(help="The file to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Measure copies, faults, system calls, shootdowns and exits of this machine, and write them as a cost profile.

    Use it with `cluster-sim run WORKLOAD --profile FILE`.
    """
    if problem := problem_of(out, is_forced=force):
        typer.echo(f"--out: found {out}, {problem}", err=True)
        raise typer.Exit(BAD_INPUT)
    began = time.perf_counter()
    try:
        found = measured(QUICK if quick else THOROUGH)
    except KeyboardInterrupt:
        typer.echo("interrupted: nothing is written", err=True)
        raise typer.Exit(FAILED) from None
    try:
        put(out, written(found, dt.datetime.now(dt.UTC)).encode())
    except OSError as error:
        typer.echo(f"--out: found {out}, allowed: a file that can be written ({error.strerror})", err=True)
        raise typer.Exit(BAD_INPUT) from None
    terminal = console()
    terminal.print(calibration_report(found))
    terminal.print(
        f"\n{time.perf_counter() - began:.1f} s. Costs: {out} · use them: cluster-sim run WORKLOAD --profile {out}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def problem_of(out: Path, *, is_forced: bool) -> str | None:
    """What is wrong with the file to write, before seconds are spent on measuring."""
    if out.is_dir() or not out.parent.is_dir():
        return "allowed: a file in a directory that exists"
    if out.exists() and not is_forced:
        return "which exists, allowed: another name, or --force"
    return None


def measured(effort: Effort) -> Calibration:
    """Measure behind a progress bar."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as progress:
        task = progress.add_task("measuring", total=None)

        def show(cost: str, number: int, total: int) -> None:
            progress.update(task, description=f"{cost:36}", completed=number, total=total)

        return measure_all(effort, show)
