"""Reads the frames of a video file with PyAV: sizes and times from packets, types from pictures."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cluster_sim.integers import NS_PER_S, Int64s
from cluster_sim.traces.container import CONTAINERS, check_whole
from cluster_sim.traces.frames import FRAME_TYPES, FrameTrace, TraceOrigin, checked
from cluster_sim.traces.table import TraceError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_ONE_WAY_CODECS: Final = frozenset({"vp8", "vp9", "av1"})
"""Codecs without B pictures; some of their packets hold a picture that is never shown."""

_TYPE_OF_PICTURE: Final = {"I": "I", "SI": "I", "BI": "I", "P": "P", "S": "P", "SP": "P", "B": "B"}
_TIME_NS_MAX: Final = 9 * 10**18


@dataclass(frozen=True, slots=True)
class _Packet:
    """One coded frame as the container holds it; times count the stream's ticks."""

    dts: int | None
    pts: int | None
    size_bytes: int
    is_key: bool


def read_video(path: Path, *, decode: bool) -> FrameTrace:
    """Return the frames of a file's first video stream; raises TraceError if it is not whole.

    Frames that an edit list hides and packets of no bytes are left out: neither reaches a viewer.
    """
    try:
        import av
    except ImportError as error:
        raise TraceError(path, "no PyAV to read video with", "pip install cluster-sim[video], or a .csv") from error

    kind = path.suffix.lower()
    check_whole(path)
    try:
        with av.open(f"file:{path}", format=CONTAINERS[kind], metadata_errors="replace") as container:
            return _read_stream(container, path, decode=decode)
    except (av.FFmpegError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, f"what FFmpeg cannot read ({reason})", f"a whole {kind} file") from error


def _read_stream(container: "InputContainer", path: Path, *, decode: bool) -> FrameTrace:
    stream = _first_stream(container, path)
    packets, pictures = _demux(container, stream, path, decode=decode)
    dts, pts = _ticks(packets, path)
    codec = stream.codec_context
    name = codec.codec.canonical_name
    types = _types_of(packets, pictures, codec=name) if decode else _types_by_order(packets, pts)
    trace = FrameTrace(
        origin=TraceOrigin(
            title=container.metadata.get("title", ""),
            codec=name,
            width=codec.width or None,
            height=codec.height or None,
            frame_rate=stream.average_rate or None,
        ),
        dts_ns=_nanoseconds(dts, stream, path),
        pts_ns=_nanoseconds(pts, stream, path),
        size_bytes=np.array([packet.size_bytes for packet in packets], dtype=np.int64),
        frame_type=np.array(_codes(types, path), dtype=np.int8),
        is_key=np.array([packet.is_key for packet in packets], dtype=np.bool_),
    )
    return checked(trace, path, row="frame")


def _demux(
    container: "InputContainer", stream: "VideoStream", path: Path, *, decode: bool
) -> tuple[list[_Packet], dict[int | None, str]]:
    """Return the coded frames, and the picture types by display time if they are to be decoded."""
    from av.video.frame import PictureType

    packets: list[_Packet] = []
    pictures: dict[int | None, str] = {}
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise TraceError(path, "damage", "a frame as it was coded", at=f"frame {len(packets)}")
        if packet.size and not packet.is_discard:
            packets.append(_Packet(packet.dts, packet.pts, packet.size, packet.is_keyframe))
        for picture in stream.decode(packet) if decode else ():
            pictures[picture.pts] = PictureType(picture.pict_type).name
    return packets, pictures


def _first_stream(container: "InputContainer", path: Path) -> "VideoStream":
    """Return the first video that is not a cover picture, its decoder set to refuse damage."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            break
    else:
        raise TraceError(path, "no video stream", "a file with video")
    if stream.codec_context is None:
        raise TraceError(path, "a codec that this FFmpeg does not know", "H.264, HEVC, VP8, VP9, AV1 …")
    stream.codec_context.options = {"err_detect": "explode", "skip_loop_filter": "all"}
    stream.thread_type = "AUTO"
    return stream


def _ticks(packets: Sequence[_Packet], path: Path) -> tuple[list[int], list[int]]:
    """Return decoding and display times; where a container leaves out either, from the other.

    Matroska keeps display times alone. Decoding times are then those in rising order, moved back by the
    least delay with which no frame is decoded after it is shown.
    """
    dts, pts = [packet.dts for packet in packets], [packet.pts for packet in packets]
    shown = [second if first is None else first for first, second in zip(pts, dts, strict=True)]
    known_pts = [tick for tick in shown if tick is not None]
    known_dts = [tick for tick in dts if tick is not None]
    if len(known_pts) != len(packets):
        raise TraceError(path, "no time", "a display or decoding time", at=f"frame {shown.index(None)}")
    if len(known_dts) == len(packets):
        return known_dts, known_pts
    rising = sorted(known_pts)
    delay = max(early - late for early, late in zip(rising, known_pts, strict=True))
    return [tick - delay for tick in rising], known_pts


def _types_of(packets: Sequence[_Packet], pictures: Mapping[int | None, str], *, codec: str) -> list[str]:
    """Return each frame's picture type; `none` for a frame that should have yielded a picture."""
    types: list[str] = []
    for packet in packets:
        if packet.pts in pictures:
            types.append(_TYPE_OF_PICTURE.get(pictures[packet.pts], pictures[packet.pts]))
        elif codec in _ONE_WAY_CODECS:
            types.append("I" if packet.is_key else "P")
        else:
            types.append("none")
    return types


def _types_by_order(packets: Sequence[_Packet], pts: Sequence[int]) -> list[str]:
    """Guess types without decoding: a frame shown before one that was sent earlier looks ahead, so is B."""
    latest = itertools.accumulate(pts, max)
    return [
        "I" if packet.is_key else "B" if tick < last else "P"
        for packet, tick, last in zip(packets, pts, latest, strict=True)
    ]


def _nanoseconds(ticks: Sequence[int], stream: "VideoStream", path: Path) -> Int64s:
    """Return ticks as the nearest nanoseconds."""
    tick_ns = Fraction(stream.time_base or 0) * NS_PER_S
    times = [round(tick * tick_ns) for tick in ticks]
    for index, time in enumerate(times):
        if abs(time) > _TIME_NS_MAX:
            raise TraceError(path, f"{time} ns", f"{_TIME_NS_MAX} ns at most", at=f"frame {index}")
    return np.array(times, dtype=np.int64)


def _codes(names: Sequence[str], path: Path) -> list[int]:
    """Return types as indexes into FRAME_TYPES; a frame without a picture means a damaged file."""
    for index, name in enumerate(names):
        if name not in FRAME_TYPES:
            raise TraceError(path, f"picture type {name}", "I, P or B; --no-decode guesses", at=f"frame {index}")
    return [FRAME_TYPES.index(name) for name in names]
