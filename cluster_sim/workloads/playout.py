"""A player with a playout buffer: when it begins, and where it freezes."""

from dataclasses import dataclass

import numpy as np

from cluster_sim.integers import Int64s

FREEZE_EXTRA_NS = 150_000_000


@dataclass(frozen=True, slots=True)
class Playback:
    """What a viewer saw: all zero when play never began."""

    started: bool
    startup_ns: int
    freezes: int
    frozen_ns: int


NEVER = Playback(started=False, startup_ns=0, freezes=0, frozen_ns=0)


def play(
    delivered_ns: Int64s, media_ns: Int64s, *, period_ns: int, startup_ns: int, asked_ns: int, end_ns: int
) -> Playback:
    """Play delivered frames, given in media order, from the first request at `asked_ns` up to `end_ns`.

    Frames that were dropped are left out by the caller. Play begins when `startup_ns` of media is there. A frame is
    shown at its turn or, if it comes later, when it comes, and all after it shift. A freeze is a gap of
    max(3 periods, period + 150 ms) or more between shown frames, or after the last one (W3C webrtc-stats,
    freezeCount); its length is what exceeds one period (totalFreezesDuration).
    """
    if len(delivered_ns) == 0:
        return NEVER
    complete_ns = np.maximum.accumulate(delivered_ns)
    enough = int(np.searchsorted(media_ns, media_ns[0] + startup_ns - period_ns))
    if enough >= len(media_ns):
        return NEVER
    begin_ns = int(complete_ns[enough])
    lag_ns = np.maximum.accumulate(np.maximum(delivered_ns - media_ns, begin_ns - media_ns[0]))
    shown_ns = media_ns + lag_ns
    gaps_ns = np.diff(np.append(shown_ns[shown_ns < end_ns], end_ns))
    frozen = gaps_ns >= max(3 * period_ns, period_ns + FREEZE_EXTRA_NS)
    return Playback(
        started=True,
        startup_ns=begin_ns - asked_ns,
        freezes=int(frozen.sum()),
        frozen_ns=int((gaps_ns[frozen] - period_ns).sum()),
    )
