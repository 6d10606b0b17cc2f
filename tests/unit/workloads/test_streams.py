"""Frames in arithmetic, keyed draws, and the player, each against pencil and paper."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.scenario.workload_spec import VideoWorkload
from cluster_sim.workloads.draws import draw
from cluster_sim.workloads.frames import FrameSource, RawFrames, TracedFrames
from cluster_sim.workloads.playout import NEVER, play
from cluster_sim.workloads.video import TraceArrays, open_stream

TRACE = TracedFrames(
    offsets_ns=np.array([0, 40, 80, 120]), trace_bytes=np.array([900, 10, 20, 30]), period_ns=40, start=2
)


def test_raw_frames_come_at_the_floor_of_their_exact_instants() -> None:
    source = RawFrames(100, Fraction(60))
    assert source.at_ns(np.arange(4)).tolist() == [0, 16_666_666, 33_333_333, 50_000_000]
    assert source.at_ns(np.array([60 * 86_400])).tolist() == [86_400 * 10**9]
    assert RawFrames(1, Fraction(30_000, 1_001)).at_ns(np.array([30_000])).tolist() == [1_001 * 10**9]


def test_a_trace_begins_anew_after_its_end() -> None:
    frames = np.arange(6)
    assert TRACE.at_ns(frames).tolist() == [0, 40, 80, 120, 160, 200]
    assert TRACE.sizes(frames).tolist() == [20, 30, 900, 10, 20, 30]


@pytest.mark.parametrize("source", [TRACE, RawFrames(1, Fraction(60)), RawFrames(1, Fraction(30_000, 1_001))])
@given(span_ns=st.integers(-5, 10**10))
def test_frames_before_a_span_are_those_whose_instants_lie_in_it(source: FrameSource, span_ns: int) -> None:
    count = source.frames_before(span_ns)
    if count:
        assert source.at_ns(np.array([count - 1]))[0] < span_ns
    assert source.at_ns(np.array([count]))[0] >= max(span_ns, 0)


@given(cuts=st.lists(st.integers(1, 2 * 10**9), max_size=6))
def test_windows_submit_every_frame_once_whatever_their_cut(cuts: list[int]) -> None:
    workload = VideoWorkload.model_validate(
        {
            "kind": "video",
            "source": {"kind": "raw", "width": 64, "height": 64, "format": "nv12", "fps": 60},
            "deadline": "10ms",
        }
    )
    whole = open_stream(workload, None, (1, 0, 0, "g", 0, 0)).submit(2 * 10**9)
    cut = open_stream(workload, None, (1, 0, 0, "g", 0, 0))
    parts = [cut.submit(until) for until in [*sorted(cuts), 2 * 10**9]]
    assert np.concatenate([part.frame for part in parts]).tolist() == whole.frame.tolist()
    assert np.concatenate([part.at_ns for part in parts]).tolist() == whole.at_ns.tolist()
    assert (whole.deadline_ns - whole.at_ns == 10_000_000).all()


def test_a_random_start_is_a_key_frame() -> None:
    workload = VideoWorkload.model_validate(
        {"kind": "video", "source": {"kind": "trace", "trace": "x.parquet"}, "deadline": "10ms"}
    )
    trace = TraceArrays(np.arange(100) * 40, np.arange(1, 101), np.array([0, 30, 60]), 40)
    sizes = {int(open_stream(workload, trace, (seed,)).submit(200).bytes[0]) for seed in range(60)}
    assert sizes == {1, 31, 61}


def test_a_draw_depends_on_its_key_alone_and_is_uniform() -> None:
    assert draw(10**9, 1, 0, "guest", 3, "phase") == draw(10**9, 1, 0, "guest", 3, "phase")
    assert draw(10**9, 1, "0") != draw(10**9, "1", 0)
    draws = np.array([draw(10, seed, "uniform") for seed in range(10_000)])
    counts = np.bincount(draws, minlength=10)
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 27.9, "chi-square, 9 degrees of freedom, one in a thousand"


EXPECTED_DRAWS = [531, 493, 737, 98]


def test_a_draw_is_the_same_on_every_machine() -> None:
    assert [draw(1000, 1, "a", n) for n in range(4)] == EXPECTED_DRAWS


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
