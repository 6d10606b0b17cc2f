"""`cluster-sim trace`: real inputs in, one Arrow form out."""

import re
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster_sim.traces.formats import TraceFormat, format_of
from cluster_sim.traces.frames import FRAME_TYPES, FrameTrace, TraceOrigin
from cluster_sim.traces.importer import import_frames, import_requests
from cluster_sim.traces.requests import RequestOrigin, RequestTrace
from cluster_sim.traces.table import TraceError

app = typer.Typer(no_args_is_help=True, help="Make traces of real inputs.")

_PICTURE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})(?:@([1-9][0-9]{0,8}(?:/[1-9][0-9]{0,8})?))?")


@app.callback()
def trace() -> None:
    """Make traces of real inputs."""


class BlkparseAction(StrEnum):
    """Which of blkparse's rows are taken as requests."""

    Q = "Q"
    D = "D"
    C = "C"


@app.command("import")
def import_file(  # noqa: PLR0913 - each is an option of the command
    file: Annotated[Path, typer.Argument(help="A video, a list of frames or requests, a log of fio or blkparse.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write; here, by FILE's name.")] = None,
    read_as: Annotated[
        TraceFormat | None, typer.Option("--format", help="What FILE is; by default told from its name and content.")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the work; by default the file's.")] = "",
    source: Annotated[str, typer.Option(help="Where the file is from; by default its name.")] = "",
    attribution: Annotated[str, typer.Option(help="Whom the licence asks you to name.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the work, such as CC-BY-3.0.")] = "",
    codec: Annotated[str, typer.Option(help="Frames: codec, where the file does not say it.")] = "",
    picture: Annotated[str, typer.Option(help="Frames: 1280x720 or 1280x720@24, where the file does not say it.")] = "",
    decode: Annotated[bool, typer.Option(help="Frames: learn picture types by decoding, or guess them.")] = True,
    action: Annotated[
        BlkparseAction, typer.Option(help="blkparse: take requests as they are queued, issued or completed.")
    ] = BlkparseAction.Q,
) -> None:
    """Make a trace of a video, of a list of its frames or of a log of requests, and say what is in it."""
    destination = out or Path(file.stem + ".parquet")
    try:
        width, height, frame_rate = _parse_picture(picture)
        read_as = read_as or format_of(file)
        of_frames = {"--codec": bool(codec), "--picture": bool(picture), "--no-decode": not decode}
        _refuse_options(of_frames, read_as, {TraceFormat.FRAMES})
        _refuse_options({"--action": action != BlkparseAction.Q}, read_as, {TraceFormat.BLKPARSE})
        if read_as == TraceFormat.FRAMES:
            origin = TraceOrigin(
                title=title,
                source=source,
                licence=licence,
                attribution=attribution,
                codec=codec,
                width=width,
                height=height,
                frame_rate=frame_rate,
            )
            table = _summary(import_frames(file, destination, origin, decode=decode))
        else:
            whose = RequestOrigin(title=title, source=source, licence=licence, attribution=attribution)
            requests = import_requests(file, destination, whose, log=read_as, action=action.value)
            table = _summary_of_requests(requests)
    except (TraceError, typer.BadParameter) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    Console().print(table)
    typer.echo(f"wrote {destination}")


def _parse_picture(text: str) -> tuple[int | None, int | None, Fraction | None]:
    """Read width, height and, if there, frame rate."""
    if not text:
        return None, None, None
    match = _PICTURE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"--picture: found {text!r}, allowed: 1280x720 or 1280x720@24")
    width, height, frame_rate = match.groups()
    return int(width), int(height), Fraction(frame_rate) if frame_rate else None


def _refuse_options(are_given: dict[str, bool], read_as: TraceFormat, meant_for: set[TraceFormat]) -> None:
    """Refuse options that say nothing about a file of this format."""
    for option, is_given in are_given.items():
        if is_given and read_as not in meant_for:
            raise typer.BadParameter(f"{option}: found a file read as {read_as}, allowed: {', '.join(meant_for)}")


def _summary(frames: FrameTrace) -> Table:
    """Return what a reader would check first."""
    table = Table(show_header=False)
    counts = ", ".join(f"{frames.count_of(frame_type)} {frame_type}" for frame_type in FRAME_TYPES)
    table.add_row("frames", f"{frames.frame_count} ({counts})")
    table.add_row("duration", f"{float(frames.duration_ns) / 1e9:.3f} s")
    table.add_row("mean bit rate", f"{frames.bits_per_second_mean / 1000:.1f} kb/s")
    table.add_row("frame size, p50", f"{frames.size_bytes_quantile(0.5)} bytes")
    table.add_row("frame size, p99", f"{frames.size_bytes_quantile(0.99)} bytes")
    table.add_row("frame size, max", f"{frames.size_bytes_max} bytes")
    return table


def _summary_of_requests(requests: RequestTrace) -> Table:
    """Return what a reader would check first, and what of the log is not in the trace."""
    table = Table(show_header=False)
    origin = requests.origin
    read_count = requests.request_count - requests.write_count
    duration = f"{requests.duration_ns / 1e9:.6f} s" if requests.has_times else "none: the log has no times"
    table.add_row("read as", origin.log_format)
    table.add_row("requests", f"{requests.request_count} ({read_count} reads, {requests.write_count} writes)")
    table.add_row("read", f"{requests.total_bytes - requests.write_bytes} bytes")
    table.add_row("written", f"{requests.write_bytes} bytes")
    table.add_row("first to last", duration)
    table.add_row("request size, p50", f"{requests.size_bytes_quantile(0.5)} bytes")
    table.add_row("request size, p99", f"{requests.size_bytes_quantile(0.99)} bytes")
    table.add_row("request size, max", f"{requests.size_bytes_max} bytes")
    table.add_row("files or devices", f"{origin.target_count}, up to byte {requests.end_bytes}")
    table.add_row("left out", origin.left_out.replace("; ", "\n") or "nothing")
    return table
