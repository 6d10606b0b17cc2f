"""What a path needs of a guest beside its steps: buffers, a pool, bounce slots, conversions."""

from dataclasses import dataclass
from typing import Literal

from cluster_sim.integers import PAGE_BYTES

Calls = Literal["page", "ranged", "batched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotNeeds:
    """How swiotlb hands out bounce slots.

    `grow_bytes`: how much the pool may grow by. `transient_bytes`: the atomic pool that a full pool takes slots for one
    mapping from. `min_align_mask`: None for what drivers set. `is_per_device`: each device of the guest
    has such a pool of its own, and allocates its coherent memory from it.
    """

    min_align_mask: int | None = None
    alloc_align_mask: int = 0
    grow_bytes: int = 0
    transient_bytes: int = 0
    is_per_device: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNeeds:
    """A pool that a guest shares once and for good.

    `pool_bytes`: None for as much as the buffers in it take. `areas`: how many locks divide it. `slots`: None where
    transfers use the buffers in it as they are, and bounce through no slots. `lies_low`: it is one block below 4 GiB.
    """

    pool_bytes: int | None
    areas: int = 1
    slots: SlotNeeds | None = None
    lies_low: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferLife:
    """What becomes of a buffer between transfers.

    `uses`, `idle_ns`, `most_bytes`: how long it stays shared once it is, 0 for no such bound. `batch`: how many are
    converted together. `posted`: how many are made ready before a transfer asks for one, ALL_BUFFERS for all.
    `may_stay_shared`: whether any stays shared at all.
    """

    may_stay_shared: bool = False
    uses: int = 1
    idle_ns: int = 0
    most_bytes: int = 0
    batch: int = 1
    posted: int = 0


ALL_BUFFERS = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PathNeeds:
    """What a path needs for the streams of one guest.

    `granule_bytes`: what buffers that the device reaches are padded to. `has_device_buffers`: the device reaches
    buffers of the stream's own. `has_own_buffers`: the guest keeps the data in private buffers. `converts_buffers`:
    each transfer shares its buffer and makes it private again; `calls` says what one such call covers. `life`: what
    becomes of buffers between transfers. `cipher_bytes`: what a request of the guest's cipher covers, None for what the
    kind of workload uses.
    """

    has_device_buffers: bool
    has_own_buffers: bool
    granule_bytes: int = PAGE_BYTES
    converts_buffers: bool = False
    calls: Calls = "batched"
    pool: PoolNeeds | None = None
    life: BufferLife = BufferLife()
    cipher_bytes: int | None = None

    @property
    def slots(self) -> SlotNeeds | None:
        """How bounce slots are handed out; None where nothing bounces."""
        return None if self.pool is None else self.pool.slots

    @property
    def has_buffers_in_pool(self) -> bool:
        """Whether the buffers that the device reaches lie in the pool."""
        return self.pool is not None and self.has_device_buffers

    @property
    def areas(self) -> int:
        """Areas of the pool; one where there is none."""
        return 1 if self.pool is None else self.pool.areas

    @property
    def grow_bytes(self) -> int:
        """How much the pool may grow by."""
        return 0 if self.slots is None else self.slots.grow_bytes
