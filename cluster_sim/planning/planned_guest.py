"""What a host is planned to hold: guests with their queues, streams with their programs."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.io_paths.steps import Direction, Program
from cluster_sim.planning.guest_layout import GuestLayout
from cluster_sim.planning.placement import PlacedGuest
from cluster_sim.planning.queues import Queue


@dataclass(frozen=True, slots=True)
class PlannedGuest:
    """One guest of the host: where and when it is, its queues and memory, what setting it up took.

    `pinned_twice_pages` are held in both backings for as long as it is there, for assigned devices.

    The stream of its first queue has the number `first_stream` on the host, those of the others follow.
    """

    placed: PlacedGuest
    layout: GuestLayout
    first_stream: int
    setup_ns: int = 0
    pinned_twice_pages: int = 0


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """One stream of the host: its guest on the host, its queue, its programs and where each begins."""

    guest: int
    queue: Queue
    programs: Mapping[Direction, Program]
    entries: Mapping[Direction, int]
