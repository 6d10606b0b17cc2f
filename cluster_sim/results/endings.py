"""How a transfer can end, and why it was dropped; reports write the names in lower case."""

from enum import IntEnum


class Ending(IntEnum):
    """What became of a transfer."""

    IN_FLIGHT = 0
    DELIVERED = 1
    DROPPED = 2
    UNFINISHED = 3


class DropReason(IntEnum):
    """Why a transfer was dropped."""

    NOT_DROPPED = 0
    NO_BUFFER = 1
    SWIOTLB_FULL = 2
    GUEST_DIED = 3
    GUEST_LEFT = 4
    REPLACED = 5
    RING_EMPTY = 6
    MAPPING_TOO_LARGE = 7


ENDING_LABELS = tuple(ending.name.lower() for ending in Ending)
DROP_LABELS = ("", *(reason.name.lower() for reason in DropReason if reason != DropReason.NOT_DROPPED))
