"""One line of progress: runs and windows done, frames a second, time left; plain lines where there is no terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cluster_sim.cli.options import FAILED
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.run_progress import ProgressReport as Done

PLAIN_EVERY_S = 10.0

OnProgress = Callable[[Done], None]


RUN_REST = "finished runs are kept; `cluster-sim run --resume RUN` goes on"


@contextmanager
def running(rest: str = RUN_REST) -> Iterator[OnProgress]:
    """Progress of runs; Ctrl-C ends with what becomes of the `rest`, a run that fails with what is lost."""
    try:
        with showing_progress(sys.stderr) as on_progress:
            yield on_progress
    except KeyboardInterrupt:
        typer.echo(f"interrupted: {rest}", err=True)
        raise typer.Exit(FAILED) from None
    except RunFailedError as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from None


@contextmanager
def showing_progress(stream: TextIO) -> Iterator[OnProgress]:
    """Show how far a run is while it lasts."""
    if not stream.isatty():
        yield plain_lines(stream)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        rate = Rate()

        def show(done: Done) -> None:
            text = f"{escape(text_of(done))}, {rate.of(done.frames):,.0f} frames/s"
            progress.update(task, completed=done.windows, total=done.windows_total, description=text)

        yield show


def plain_lines(stream: TextIO) -> OnProgress:
    """A line every some seconds."""
    rate = Rate()
    last_s = time.monotonic()

    def show(done: Done) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= PLAIN_EVERY_S:
            last_s = now_s
            left_s = rate.left_s(done.windows, done.windows_total)
            print(
                f"{text_of(done)}, {rate.of(done.frames):,.0f} frames/s, {left_s:,.0f} s left", file=stream, flush=True
            )

    return show


def text_of(done: Done) -> str:
    """How far it is, in words."""
    lost = f", actors lost {done.losses} times" if done.losses else ""
    return f"{done.run.variant.label} #{done.run.replication}: run {done.done} of {done.total} done{lost}"


class Rate:
    """Frames a second, and time left, since the first thing that was heard."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()

    def of(self, frames: int) -> float:
        """Frames a second so far."""
        return frames / max(time.monotonic() - self.began_s, 1e-9)

    def left_s(self, done: int, total: int) -> float:
        """Seconds left if it goes on like this."""
        return (time.monotonic() - self.began_s) * (total - done) / max(done, 1)
