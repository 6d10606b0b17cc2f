"""Whether a video file is as long as its own headers say; FFmpeg takes a cut file for a short one."""

from pathlib import Path
from typing import BinaryIO, Final

from cluster_sim.traces.table import TraceError

CONTAINERS: Final = {".mp4": "mp4", ".mkv": "matroska", ".webm": "matroska"}
"""FFmpeg's name of the container that each extension promises."""

_MP4_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"moof"})
_EBML_ID, _SEGMENT_ID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def check_whole(path: Path) -> None:
    """Raise TraceError if the file ends before its container does."""
    kind = path.suffix.lower()
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        end = _mp4_end(file, size_bytes) if CONTAINERS[kind] == "mp4" else _matroska_end(file)
    if end > size_bytes:
        found = f"{size_bytes} bytes of {end}, the file is cut off"
        raise TraceError(path, found, f"a whole {kind} file")


def _mp4_end(file: BinaryIO, size_bytes: int) -> int:
    """Return where the last of the top-level boxes ends (ISO/IEC 14496-12, 4.2)."""
    end = 0
    while end + 8 <= size_bytes:
        file.seek(end)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if head[4:8] not in _MP4_BOXES and end + length > size_bytes:
            break  # padding or another program's data behind the last box
        if length < 8:
            break  # 0: the box reaches to the end of the file
        end += length
    return end


def _matroska_end(file: BinaryIO) -> int:
    """Return where the segment ends, 0 if it does not say (RFC 8794, live files)."""
    if file.read(4) != _EBML_ID:
        return 0
    header = _variable_size(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT_ID:
        return 0
    length = _variable_size(file)
    return 0 if length is None else file.tell() + length


def _variable_size(file: BinaryIO) -> int | None:
    """Return a size of 1 to 8 bytes, whose leading zero bits tell how many follow; None if all ones."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    size = int.from_bytes(first + file.read(extra), "big") & ((1 << 7 * (extra + 1)) - 1)
    return None if size == (1 << 7 * (extra + 1)) - 1 else size
