"""`cluster-sim trace`: real inputs in, one Arrow form out."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster_sim.traces.frames import FRAME_TYPES, FrameTrace, TraceError, TraceOrigin
from cluster_sim.traces.importer import import_frames

app = typer.Typer(no_args_is_help=True, help="Make traces of real inputs.")

_PICTURE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})(?:@([1-9][0-9]{0,8}(?:/[1-9][0-9]{0,8})?))?")


@app.callback()
def trace() -> None:
    """Make traces of real inputs."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A .mp4, .mkv or .webm video, or a .csv list of frames.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write; here, by FILE's name.")] = None,
    title: Annotated[str, typer.Option(help="Title of the work; by default the file's.")] = "",
    source: Annotated[str, typer.Option(help="Where the file is from; by default its name.")] = "",
    attribution: Annotated[str, typer.Option(help="Whom the licence asks you to name.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the work, such as CC-BY-3.0.")] = "",
    codec: Annotated[str, typer.Option(help="Codec, where the file does not say it.")] = "",
    picture: Annotated[str, typer.Option(help="1280x720 or 1280x720@24, where the file does not say it.")] = "",
    decode: Annotated[bool, typer.Option(help="Learn picture types by decoding, or guess them.")] = True,
) -> None:
    """Make a trace of a video file, or of a list of its frames, and say what is in it."""
    destination = out or Path(file.stem + ".parquet")
    try:
        width, height, frame_rate = _parse_picture(picture)
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
        frames = import_frames(file, destination, origin, decode=decode)
    except (TraceError, typer.BadParameter) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    Console().print(_summary(frames))
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
