"""The adaptive stream against pencil and paper, and what holds for every link, host and player."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.workloads.adaptive import AdaptiveStream, Viewing
from cluster_sim.workloads.ladder import ladder_of
from cluster_sim.workloads.link import AccessLink, constant_link
from cluster_sim.workloads.players import Bba, Festive, Known, Player
from cluster_sim.workloads.playhead import FRAME, UNSETTLED, Playhead
from cluster_sim.workloads.playout import play
from cluster_sim.workloads.submissions import Submissions
from cluster_sim.workloads.video import TraceArrays

S = 10**9
MS = 10**6
M = 1_000_000
FRAMES = np.arange(500, dtype=np.int64)


def encoding(bits_per_s: int) -> TraceArrays:
    """Twenty seconds of 25 frames a second, all alike."""
    return TraceArrays(FRAMES * 40 * MS, np.full(500, bits_per_s // 200), np.zeros(1, np.int64), 40 * MS)


LADDER = ladder_of([encoding(1 * M), encoding(2 * M), encoding(4 * M)], 2 * S)
VIEWING = Viewing(startup_ns=2 * S, resume_ns=2 * S, buffer_max_ns=30 * S, deadline_ns=50 * MS)
BBA = Bba(reservoir_ns=8 * S, cushion_ns=16 * S)


@dataclass(frozen=True)
class Always:
    """A player of one rung, and the buffers that it was shown."""

    rung: int = 0
    buffers_ns: list[int] = field(default_factory=list)

    def next_rung(self, known: Known) -> int:
        self.buffers_ns.append(known.buffer_ns)
        return self.rung


@dataclass
class Host:
    """Delivers frames one after the other, each some time after its arrival; `loses` some of them."""

    takes_ns: Callable[[int], int] = lambda _: 0
    loses: Callable[[int], bool] = lambda _: False
    free_ns: int = 0
    waiting: list[tuple[int, int]] = field(default_factory=list)

    def step(self, submitted: Submissions, until_ns: int, stream: AdaptiveStream) -> None:
        """One window."""
        for frame, at_ns, size in zip(submitted.frame, submitted.at_ns, submitted.bytes, strict=True):
            self.free_ns = max(self.free_ns, int(at_ns)) + self.takes_ns(int(size))
            self.waiting.append((int(frame), self.free_ns))
        ended = [one for one in self.waiting if one[1] < until_ns]
        self.waiting = [one for one in self.waiting if one[1] >= until_ns]
        told = np.array(ended, np.int64).reshape(-1, 2)
        is_delivered = np.array([not self.loses(frame) for frame, _ in ended], np.bool_)
        stream.digest(told[:, 0], told[:, 1], is_delivered)


def watch(
    stream: AdaptiveStream,
    end_ns: int,
    *,
    window_ns: int = S,
    host: Host | None = None,
    deaf_from_ns: int | None = None,
) -> list[Submissions]:
    """Submissions window by window; from `deaf_from_ns` on the host tells nothing."""
    host = host or Host()
    windows = []
    for until_ns in range(window_ns, end_ns + 1, window_ns):
        windows.append(stream.submit(until_ns))
        if deaf_from_ns is None or until_ns <= deaf_from_ns:
            host.step(windows[-1], until_ns, stream)
    return windows


def stream_of(player: Player, link: AccessLink, viewing: Viewing = VIEWING, begin_ns: int = 0) -> AdaptiveStream:
    return AdaptiveStream(LADDER, link, player, viewing, begin_ns)


@pytest.mark.parametrize(
    ("player", "bits_per_s", "expected"),
    [
        (Festive(), 3 * M, 1),  # 0.85 × 3 Mb/s carries 2 Mb/s
        (Festive(), 2_300_000, 0),  # 0.85 × 2.3 Mb/s does not
        (Festive(), 5 * M, 2),
        (Festive(), 4_600_000, 1),
        (BBA, 6 * M, 2),  # the buffer grows past reservoir and cushion at every rung
    ],
)
def test_a_constant_link_leads_to_the_rung_that_it_carries(player: Player, bits_per_s: int, expected: int) -> None:
    stream = stream_of(player, constant_link(bits_per_s))
    watch(stream, 120 * S)
    assert set(stream.rungs[-10:]) == {expected}
    found = stream.quality(120 * S)
    assert found.playback.freezes == 0
    assert (found.switches, found.lost_frames, found.late_frames) == (expected, 0, 0)


def test_bba_keeps_its_buffer_between_the_rungs_of_a_link_between_them() -> None:
    stream = stream_of(BBA, constant_link(3 * M))
    watch(stream, 300 * S)
    assert set(stream.rungs[-40:]) == {1, 2}
    assert stream.quality(300 * S).playback.freezes == 0


@pytest.mark.parametrize(("player", "lowest"), [(BBA, {0, 1}), (Festive(), {0})])
def test_a_drop_in_rate_leads_down_and_loses_no_frame(player: Player, lowest: set[int]) -> None:
    """BBA goes back and forth between the two rungs around the link's rate, FESTIVE stays below it."""
    drops = AccessLink(((0, 10 * M), (60 * S, 1_200_000)), 600 * S)
    stream = stream_of(player, drops)
    windows = watch(stream, 240 * S)
    before = [asked.rung for asked in stream.segments if asked.asked_ns < 60 * S]
    assert max(before) == 2
    assert set(stream.rungs[-15:]) == lowest
    found = stream.quality(240 * S)
    assert found.lost_frames == 0
    assert found.switches >= 4
    assert (stream.frames["settled_ns"][: sum(len(part.frame) for part in windows)] != UNSETTLED).all()


def test_bba_survives_a_drop_without_a_freeze() -> None:
    stream = stream_of(BBA, AccessLink(((0, 10 * M), (60 * S, 1_200_000)), 600 * S))
    watch(stream, 240 * S)
    assert stream.quality(240 * S).playback.freezes == 0


def test_a_link_that_is_too_slow_freezes_as_on_paper() -> None:
    """At half the lowest rate frame i comes at 80 (i + 1) ms, so it runs dry at frames 99 and 198."""
    stream = stream_of(Always(), constant_link(M // 2))
    watch(stream, 20 * S)
    found = stream.quality(20 * S)
    shown_ms = (stream.frames["shown_ns"] // MS)[:202].tolist()
    assert shown_ms[:99] == [4_000 + 40 * i for i in range(99)]
    assert shown_ms[99:198] == [11_920 + 40 * i for i in range(99)]
    assert shown_ms[198:] == [19_840, 19_880, 19_920, 19_960]
    assert (found.playback.startup_ns, found.playback.freezes) == (4 * S, 2)
    assert found.playback.frozen_ns == 2 * 3_960 * MS
    assert (found.played_ns, found.bits_per_s, found.switches) == (202 * 40 * MS, 1 * M, 0)


def test_segments_are_asked_for_back_to_back_until_the_buffer_is_full() -> None:
    viewing = Viewing(startup_ns=2 * S, resume_ns=2 * S, buffer_max_ns=4 * S, deadline_ns=50 * MS)
    player = Always()
    stream = stream_of(player, constant_link(8 * M), viewing)
    watch(stream, 6 * S)
    assert [asked.asked_ns for asked in stream.segments] == [0, S // 4, S, 2 * S + S // 4 + 1, 4 * S + S // 4 + 1]
    assert player.buffers_ns == [0, 0, 4 * S - 3 * S // 4, 4 * S - 1, 4 * S - 1], (
        "delivered less played at that instant"
    )


def test_a_window_without_news_asks_for_two_segments_at_most() -> None:
    stream = stream_of(Always(), constant_link(100 * M))
    assert len(stream.submit(S).frame) == 100
    assert len(stream.submit(2 * S).frame) == 0


def test_the_deadline_is_the_turn_that_is_known_and_no_less_than_the_host_has() -> None:
    stream = stream_of(Always(), constant_link(M // 2))
    windows = watch(stream, 9 * S)
    deadline_ms = [(part.deadline_ns - part.at_ns).tolist() for part in windows]
    assert {one // MS for part in deadline_ms[:5] for one in part} == {50}, "no turn is known"
    assert windows[5].frame[0] == 62, "comes at 5040 ms, its turn is 4000 + 62 × 40 = 6480 ms"
    assert deadline_ms[5][0] == (6_480 - 5_040) * MS
    assert windows[7].at_ns[-1] == 7_920 * MS
    assert deadline_ms[7][-1] == 50 * MS, "comes 10 ms before its turn"


def test_while_the_player_waits_no_turn_is_known() -> None:
    """It runs dry at 4250 ms and wants 8 s of media; frames that come at 5000 ms are 4 s of media ahead."""
    viewing = Viewing(startup_ns=2 * S, resume_ns=8 * S, buffer_max_ns=30 * S, deadline_ns=50 * MS)
    stream = stream_of(Always(), AccessLink(((0, 8 * M), (S, 0), (4_500 * MS, 8 * M)), 60 * S), viewing)
    windows = watch(stream, 6 * S)
    assert windows[5].at_ns[0] == 5 * S
    assert set((windows[5].deadline_ns - windows[5].at_ns).tolist()) == {50 * MS}


def test_a_late_frame_is_one_that_the_host_delivers_after_its_deadline() -> None:
    slow = Host(takes_ns=lambda _: 60 * MS)
    stream = stream_of(Always(), constant_link(1_500_000))
    watch(stream, 2 * S, host=slow)
    delivered = int((stream.frames["settled_ns"] != UNSETTLED).sum())
    assert stream.quality(2 * S).late_frames == delivered == 32, "frame i comes at 26.7 (i + 1) ms and ends 60 ms apart"


def test_a_slow_host_looks_like_a_slow_link() -> None:
    stream = stream_of(Festive(), constant_link(100 * M))
    watch(stream, 120 * S, host=Host(takes_ns=lambda size: size * 8 * S // (3 * M)))
    assert set(stream.rungs[-10:]) == {1}
    assert stream.rungs[:2] == [0, 0]
    assert stream.throughputs_bits_per_s[1] == 2 * M * S // (50 * 13_333_333), "not since its asking: it queued"
    waits_ns = 800_000
    """The first frame's way through the link."""
    assert stream.throughputs_bits_per_s[-1] == 4 * M * S // (50 * 26_666_666 + waits_ns)


def test_lost_frames_are_passed_over() -> None:
    stream = stream_of(Always(), constant_link(2 * M))
    watch(stream, 20 * S, host=Host(loses=lambda frame: frame % 5 == 3))
    found = stream.quality(20 * S)
    assert found.playback.freezes == 0
    settled = int((stream.frames["settled_ns"] != UNSETTLED).sum())
    assert found.lost_frames == (settled + 1) // 5
    assert set(stream.throughputs_bits_per_s) <= set(range(1_590_000, 1_660_000)), "four fifths came"


def test_a_run_of_lost_frames_is_a_freeze() -> None:
    stream = stream_of(Always(), constant_link(2 * M))
    watch(stream, 20 * S, host=Host(loses=lambda frame: 100 <= frame < 110))
    found = stream.quality(20 * S)
    assert (found.playback.freezes, found.playback.frozen_ns, found.lost_frames) == (1, 400 * MS, 10)


def test_the_clock_stops_where_the_media_ends_and_waits_once_a_frame_is_missed() -> None:
    frames = np.zeros(3, FRAME)
    frames["media_ns"], frames["media_end_ns"] = [0, 40, 80], [40, 80, 120]
    frames["settled_ns"] = [10, 20, UNSETTLED]
    head = Playhead(startup_ns=40, resume_ns=40, position_ns=0, ready_ns=0)
    head.look(frames, 90)
    assert (head.waits, head.lag_ns, head.passed) == (False, 10, 2)
    assert [head.media_at(at_ns) for at_ns in (50, 90, 95)] == [40, 80, 80]
    assert [head.reaches(media_ns, 50) for media_ns in (30, 60, 80, 81)] == [50, 70, 90, None]
    head.look(frames, 91)
    assert (head.waits, head.position_ns, head.media_at(1_000)) == (True, 80, 80)


def test_a_stream_that_gets_nothing_never_plays() -> None:
    stream = stream_of(Always(), constant_link(2 * M), begin_ns=S // 2)
    windows = watch(stream, 5 * S, deaf_from_ns=0)
    assert windows[0].at_ns[0] == S // 2 + 20 * MS
    found = stream.quality(5 * S)
    assert not found.playback.started
    assert (found.played_ns, found.bits_per_s) == (0, 0)
    assert len(stream.segments) == 2


def test_a_viewer_may_begin_anywhere_and_the_film_begins_anew() -> None:
    stream = AdaptiveStream(LADDER, constant_link(4 * M), Always(), VIEWING, first_segment=9)
    watch(stream, 10 * S)
    assert [asked.segment for asked in stream.segments[:3]] == [9, 10, 11]
    assert stream.frames["media_ns"][:51].tolist() == [18 * S + 40 * MS * i for i in range(51)]
    assert stream.quality(10 * S).playback.startup_ns == S // 2


def test_rungs_may_have_different_frame_rates() -> None:
    """Frames of 40 ms at the lower rung, of 20 ms at the upper; BBA goes up and the film goes on without a gap."""
    fine = TraceArrays(np.arange(1000) * 20 * MS, np.full(1000, 10_000), np.zeros(1, np.int64), 20 * MS)
    stream = AdaptiveStream(ladder_of([encoding(1 * M), fine], 2 * S), constant_link(6 * M), BBA, VIEWING)
    watch(stream, 60 * S)
    assert (stream.rungs[0], stream.rungs[-1]) == (0, 1)
    shown = stream.frames[: stream.playhead.passed]
    assert set((shown["shown_ns"] - shown["media_ns"]).tolist()) == {stream.playhead.lag_ns}
    assert set(np.diff(shown["shown_ns"]).tolist()) == {20 * MS, 40 * MS}
    assert stream.quality(60 * S).playback.freezes == 0


def test_a_window_longer_than_a_segment_is_refused() -> None:
    with pytest.raises(ValueError, match=r"window of 2000000001 ns, allowed: up to a segment's 2000000000 ns"):
        stream_of(Always(), constant_link(M)).submit(2 * S + 1)


@pytest.mark.parametrize(
    "wrong", [{"startup_ns": 5 * S}, {"resume_ns": -1}, {"buffer_max_ns": 0, "startup_ns": 0}, {"deadline_ns": -1}]
)
def test_a_viewer_that_could_never_play_is_refused(wrong: dict[str, int]) -> None:
    fields = {"startup_ns": S, "resume_ns": 0, "buffer_max_ns": 4 * S, "deadline_ns": 0} | wrong
    with pytest.raises(ValueError, match="viewing"):
        Viewing(**fields)


links = st.builds(
    lambda rates, step_ns: AccessLink(
        tuple((number * step_ns, rate) for number, rate in enumerate(rates)), len(rates) * step_ns
    ),
    st.lists(st.integers(0, 12 * M), min_size=1, max_size=5).filter(any),
    st.integers(1, 8 * S),
)
players = st.sampled_from([BBA, Festive(), Festive(samples=2), Always(1)])
paces = st.integers(0, 60 * MS)
windows_ns = st.sampled_from([S // 2, S, 2 * S])
END_NS = 24 * S


def columns(windows: list[Submissions]) -> list[list[int]]:
    return [
        [int(value) for part in windows for value in getattr(part, name)]
        for name in ("frame", "at_ns", "bytes", "deadline_ns")
    ]


@settings(max_examples=60)
@given(link=links, player=players, pace_ns=paces, window_ns=windows_ns, lost=st.integers(2, 40))
def test_frames_come_once_and_in_order_and_are_those_of_their_segments(
    link: AccessLink, player: Player, pace_ns: int, window_ns: int, lost: int
) -> None:
    stream = stream_of(player, link)
    host = Host(takes_ns=lambda _: pace_ns, loses=lambda frame: frame % lost == 1)
    windows = watch(stream, END_NS, window_ns=window_ns, host=host)
    frame, at_ns, sizes, deadline_ns = columns(windows)
    assert frame == list(range(len(frame)))
    assert at_ns == sorted(at_ns)
    assert all(due >= at + VIEWING.deadline_ns for at, due in zip(at_ns, deadline_ns, strict=True))
    for number, asked in enumerate(stream.segments):
        assert asked.rung in range(3)
        rows = stream.frames[asked.first_frame : asked.end_frame]
        assert int(rows["bytes"].sum()) == LADDER.segment_bytes(number, asked.rung)
        assert int(rows["at_ns"][0]) > asked.asked_ns
        if asked.end_frame <= len(sizes):
            assert sum(sizes[asked.first_frame : asked.end_frame]) == LADDER.segment_bytes(number, asked.rung)
    for until_ns, part in zip(range(window_ns, END_NS + 1, window_ns), windows, strict=True):
        assert ((part.at_ns >= until_ns - window_ns) & (part.at_ns < until_ns)).all()


@settings(max_examples=60)
@given(link=links, player=players, pace_ns=paces, window_ns=windows_ns)
def test_nothing_is_shown_before_it_came_and_the_buffer_keeps_its_bound(
    link: AccessLink, player: Player, pace_ns: int, window_ns: int
) -> None:
    stream = stream_of(player, link)
    watch(stream, END_NS, window_ns=window_ns, host=Host(takes_ns=lambda _: pace_ns))
    found = stream.quality(END_NS)
    shown = stream.frames[: stream.playhead.passed]
    assert (shown["shown_ns"] >= shown["complete_ns"]).all()
    assert (np.diff(shown["shown_ns"]) >= 40 * MS).all(), "never faster than the film"
    asked_ns = LADDER.span_ns(len(stream.segments))[0]
    assert asked_ns - found.played_ns < VIEWING.buffer_max_ns + LADDER.segment_ns
    assert found.played_ns + found.playback.frozen_ns + found.playback.startup_ns <= END_NS + 2 * 40 * MS
    assert min(LADDER.bits_per_s) <= found.bits_per_s <= max(LADDER.bits_per_s) or found.played_ns == 0


@settings(max_examples=60)
@given(link=links, player=players, pace_ns=paces, window_ns=windows_ns, deaf=st.integers(0, 24))
def test_what_is_not_digested_later_changes_nothing_earlier(
    link: AccessLink, player: Player, pace_ns: int, window_ns: int, deaf: int
) -> None:
    def host() -> Host:
        return Host(takes_ns=lambda _: pace_ns)

    whole = watch(stream_of(player, link), END_NS, window_ns=window_ns, host=host())
    again = watch(stream_of(player, link), END_NS, window_ns=window_ns, host=host())
    cut = watch(stream_of(player, link), END_NS, window_ns=window_ns, host=host(), deaf_from_ns=deaf * S)
    assert columns(whole) == columns(again)
    known = deaf * S // window_ns + 1
    assert columns(whole[:known]) == columns(cut[:known])


@given(
    gaps_ms=st.lists(st.integers(0, 300), min_size=1, max_size=60),
    startup_frames=st.integers(1, 10),
    looks_ms=st.lists(st.integers(0, 20_000), max_size=8),
)
def test_without_a_buffer_to_resume_with_the_clock_is_that_of_play(
    gaps_ms: list[int], startup_frames: int, looks_ms: list[int]
) -> None:
    """Whatever the instants at which it looks, it shows what the player that knows all shows."""
    delivered_ns = np.cumsum(np.array(gaps_ms, np.int64)) * MS
    media_ns = np.arange(len(gaps_ms), dtype=np.int64) * 40 * MS
    frames = np.zeros(len(gaps_ms), FRAME)
    frames["media_ns"] = media_ns
    frames["media_end_ns"] = media_ns + 40 * MS
    head = Playhead(startup_ns=startup_frames * 40 * MS, resume_ns=0, position_ns=0, ready_ns=0)
    for now_ns in [*(ms * MS for ms in sorted(looks_ms)), 20_000 * MS]:
        frames["settled_ns"] = np.where(delivered_ns < now_ns, delivered_ns, UNSETTLED)
        head.look(frames, now_ns)

    def played(at_ns: np.ndarray, startup_ns: int) -> object:
        rows = slice(0, len(at_ns))
        return play(at_ns, media_ns[rows], period_ns=40 * MS, startup_ns=startup_ns, asked_ns=0, end_ns=20_000 * MS)

    expected = played(delivered_ns, startup_frames * 40 * MS)
    assert played(frames["shown_ns"][: head.passed], 40 * MS) == expected
