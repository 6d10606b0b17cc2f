"""Frames in arithmetic and the player, each against pencil and paper."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.scenario.workload_spec import VideoWorkload
from cluster_sim.workloads.frames import (
    FrameSource,
    Opening,
    RawFrames,
    TracedFrames,
    count_ahead,
    fill_instants,
    frame_table,
    take_ahead,
)
from cluster_sim.workloads.playout import NEVER, play
from cluster_sim.workloads.video import Frames, TraceArrays, VideoStreams, open_stream

TRACE = TracedFrames(
    offsets_ns=np.array([0, 40, 80, 120]), trace_bytes=np.array([900, 10, 20, 30]), period_ns=40, start=2
)
FAR_NS = 1 << 62


def instants(source: FrameSource, *frames: int) -> list[int]:
    found = np.zeros(len(frames), np.int64)
    fill_instants(frame_table([Opening(source, 0, FAR_NS, 0)]), 0, np.array(frames, np.int64), found)
    return found.tolist()


def frames_before(source: FrameSource, until_ns: int, phase_ns: int = 0) -> Frames:
    table = frame_table([Opening(source, phase_ns, FAR_NS, 7)])
    frames = Frames(*np.zeros((5, count_ahead(table, until_ns)), np.int64))
    take_ahead(table, *frames)
    return frames


def test_raw_frames_come_at_the_floor_of_their_exact_instants() -> None:
    source = RawFrames(100, Fraction(60))
    assert instants(source, 0, 1, 2, 3) == [0, 16_666_666, 33_333_333, 50_000_000]
    assert instants(source, 60 * 86_400) == [86_400 * 10**9]
    assert instants(RawFrames(1, Fraction(30_000, 1_001)), 30_000) == [1_001 * 10**9]


def test_a_trace_begins_anew_after_its_end() -> None:
    assert instants(TRACE, *range(6)) == [0, 40, 80, 120, 160, 200]
    frames = frames_before(TRACE, 201, phase_ns=0)
    assert frames.bytes.tolist() == [20, 30, 900, 10, 20, 30]
    assert frames.deadline_ns.tolist() == [7, 47, 87, 127, 167, 207]


@pytest.mark.parametrize("source", [TRACE, RawFrames(1, Fraction(60)), RawFrames(1, Fraction(30_000, 1_001))])
@given(span_ns=st.integers(-5, 10**6), phase_ns=st.integers(0, 100))
def test_frames_before_a_span_are_those_whose_instants_lie_in_it(
    source: FrameSource, span_ns: int, phase_ns: int
) -> None:
    frames = frames_before(source, span_ns, phase_ns)
    count = len(frames.frame)
    assert frames.frame.tolist() == list(range(count))
    assert frames.at_ns.tolist() == [phase_ns + at_ns for at_ns in instants(source, *range(count))]
    assert count == 0 or frames.at_ns[-1] < span_ns
    assert phase_ns + instants(source, count)[0] >= span_ns


def test_streams_of_one_trace_share_it_and_those_that_only_receive_submit_nothing() -> None:
    other = TracedFrames(TRACE.offsets_ns, TRACE.trace_bytes, TRACE.period_ns, 0)
    openings = [Opening(source, 5, until_ns, 0) for source, until_ns in ((TRACE, FAR_NS), (other, 46), (TRACE, 0))]
    table = frame_table(openings)
    assert len(table.offsets_ns) == 4
    frames = Frames(*np.zeros((5, count_ahead(table, 100)), np.int64))
    take_ahead(table, *frames)
    assert frames.number.tolist() == [0, 0, 0, 1, 1]
    assert frames.bytes.tolist() == [20, 30, 900, 900, 10]
    assert frames.at_ns.tolist() == [5, 45, 85, 5, 45]


@given(cuts=st.lists(st.integers(1, 2 * 10**9), max_size=6))
def test_windows_submit_every_frame_once_whatever_their_cut(cuts: list[int]) -> None:
    workload = VideoWorkload.model_validate(
        {
            "kind": "video",
            "source": {"kind": "raw", "width": 64, "height": 64, "format": "nv12", "fps": 60},
            "deadline": "10ms",
        }
    )
    whole, cut = (VideoStreams([open_stream(workload, None, (1, 0, 0, "g", 0, 0))], [FAR_NS]) for _ in range(2))
    submitted = whole.submit(2 * 10**9)
    parts = [cut.submit(until) for until in [*sorted(cuts), 2 * 10**9]]
    assert np.concatenate([part.frame for part in parts]).tolist() == submitted.frame.tolist()
    assert np.concatenate([part.at_ns for part in parts]).tolist() == submitted.at_ns.tolist()
    assert (submitted.deadline_ns - submitted.at_ns == 10_000_000).all()


def test_a_random_start_is_a_key_frame() -> None:
    workload = VideoWorkload.model_validate(
        {"kind": "video", "source": {"kind": "trace", "trace": "x.parquet"}, "deadline": "10ms"}
    )
    trace = TraceArrays(np.arange(100) * 40, np.arange(1, 101), np.array([0, 30, 60]), 40)
    sizes = {
        int(VideoStreams([open_stream(workload, trace, (seed,))], [FAR_NS]).submit(200).bytes[0]) for seed in range(60)
    }
    assert sizes == {1, 31, 61}


def seen(delivered: list[int], media: list[int], *, startup: int = 200, end: int = 10**9) -> tuple[int, int, int]:
    """(startup, freezes, frozen) in ms, frames of 40 ms."""
    found = play(
        np.array(delivered) * 10**6,
        np.array(media) * 10**6,
        period_ns=40_000_000,
        startup_ns=startup * 10**6,
        asked_ns=0,
        end_ns=end * 10**6,
    )
    assert found.started
    return found.startup_ns // 10**6, found.freezes, found.frozen_ns // 10**6


def test_play_begins_when_enough_media_is_there() -> None:
    media = list(range(0, 400, 40))
    assert seen([at + 5 for at in media], media, startup=200, end=570) == (165, 0, 0)
    assert seen([at + 5 for at in media], media, startup=40, end=410) == (5, 0, 0)


def test_a_frame_too_late_by_less_than_the_threshold_is_no_freeze_and_one_more_is() -> None:
    media = list(range(0, 400, 40))
    on_time = [at + 1 for at in media]
    assert seen([*on_time[:5], 160 + 190, *[160 + 190] * 4], media, startup=40, end=560)[1:] == (0, 0)
    assert seen([*on_time[:5], 161 + 190, *[161 + 190] * 4], media, startup=40, end=560)[1:] == (1, 150)


def test_a_buffer_hides_what_an_empty_one_shows() -> None:
    media = list(range(0, 800, 40))
    stalled = [max(at, 500) if at >= 200 else at for at in media]
    assert seen(stalled, media, startup=40, end=1100)[1] == 1
    assert seen(stalled, media, startup=400, end=1300)[1] == 0


def test_a_stall_to_the_end_of_the_run_is_a_freeze() -> None:
    media = list(range(0, 200, 40))
    assert seen(media, media, startup=40, end=1_160)[1:] == (1, 960)


def test_dropped_frames_leave_a_gap_and_no_wait() -> None:
    media = [0, 40, 80, 400, 440]
    assert seen(media, media, startup=40, end=480)[1:] == (1, 280)


@pytest.mark.parametrize(("delivered", "media"), [([], []), ([5], [0])])
def test_without_enough_media_play_never_begins(delivered: list[int], media: list[int]) -> None:
    found = play(
        np.array(delivered, np.int64),
        np.array(media, np.int64),
        period_ns=40,
        startup_ns=200,
        asked_ns=0,
        end_ns=1_000,
    )
    assert found == NEVER
