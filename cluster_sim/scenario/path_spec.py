"""What a definition may say of a transfer's way: swiotlb, conversion in place, shared pool, direct."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.units import AlignMask, AreaCount, BytesOrAuto, Count, DurationNs, Granule, PageBytes

Copier = Literal["cpu", "engine", "device"]


class _Path(Spec):
    """What all ways of a transfer have in common."""

    copier: Copier = "cpu"
    """Who does the host's copy, where there is one: a host CPU, the host's copy engine, or the device's own DMA."""
    crypto: bool = False
    """Whether the guest enciphers its payload (dm-crypt, TLS): a pass of its own; in a shared pool, the copy itself."""
    crypto_unit: BytesOrAuto = "auto"
    """With `crypto`: what one request of the cipher covers; `auto` is dm-crypt's sector of 512B, else a TLS record."""

    @property
    def consumes_shared(self) -> bool:
        """Whether the guest works on what came in a page that the host can still change."""
        return False

    @property
    def written_in_place(self) -> bool:
        """Whether who makes the data on the host must put it where the guest reads it."""
        return False


class SwiotlbPath(_Path):
    """Bounce each transfer through swiotlb, a pool that the guest shared at boot."""

    kind: Literal["swiotlb"]
    """Names this path."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` as Linux: 6 % of memory on SNP and TDX (64MiB to 1GiB), 64MiB elsewhere."""
    areas: AreaCount = "auto"
    """Areas of the pool, each with a lock, a power of two; `auto` makes one a vCPU, on pKVM one in all."""
    mapping: Literal["auto", "per_transfer", "long_lived"] = "auto"
    """Whether each transfer maps its buffer, or buffers stay mapped and are only synced; `auto` as each driver does."""
    min_align_mask: AlignMask | None = None
    """Low address bits that the device needs preserved; without it what drivers set: 4095 for nvme, none for others."""
    posted: bool = False
    """Whether buffers for what comes from the host are mapped and posted before it comes, as a filled ring's are."""
    alloc_align_mask: AlignMask = 0
    """Alignment of the bounce block itself, as for untrusted devices behind an IOMMU; 0 for none."""
    restricted: bool = False
    """Whether each device has such a pool of its own, with one area, for its coherent memory, too."""
    any: bool = False
    """Whether the pool may lie above 4 GiB (SWIOTLB_ANY); Linux has it below, so that it has no 2 GiB there."""
    dynamic: bool = False
    """Whether the pool grows when it is full (CONFIG_SWIOTLB_DYNAMIC)."""
    grow: PageBytes = 64 << 20
    """With `dynamic`: how much it may grow by."""
    throttle: bool = False
    """Whether block devices map one request at a time above 70 % of the pool, down to 65 % (proposed in 2024)."""


class KeepSpec(Spec):
    """How long a converted buffer stays shared to be used again; the first bound that is reached ends it."""

    uses: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)] = 0
    """Transfers that use it before it is made private again; 1 converts around each, 0 sets no bound."""
    idle: DurationNs = 0
    """How long it may lie unused; 0 sets no bound."""
    most: PageBytes = 0
    """How much memory of one guest may be left shared so; 0 sets no bound."""


class ConvertPath(_Path):
    """Convert the guest's own pages to shared before transfers and back to private after them, in place."""

    kind: Literal["convert"]
    """Names this path."""
    granule: Granule = Field(examples=["4KiB"])
    """Unit of one conversion, to which buffers are padded: 4KiB, 2MiB or 1GiB."""
    calls: Literal["page", "ranged", "batched"] = "batched"
    """What one call covers: a granule (upstream pKVM: 4KiB), any range, or what the technology's own call takes."""
    unmapped_by: Literal["conversion", "host"] = "conversion"
    """Who drops the host's mappings: the unshare itself, or the host's worker when it is done with the buffer."""
    keep: KeepSpec | Literal["forever"] = KeepSpec(uses=1)
    """How long a buffer stays shared once it is: a number of uses, a time unused, a bound on memory, or for good."""
    batch: Count = 1
    """Buffers of the ring that are converted together, by as few calls as cover them."""
    ahead: Annotated[int, Field(strict=True, ge=0)] = 0
    """Buffers that are shared and posted before a transfer asks for one; 0 shares when it does."""
    behind: bool = False
    """Whether unsharing comes after the delivery, off the latency path."""
    consume: Literal["copy_out", "in_place"] = "copy_out"
    """Whether the guest works on private memory, or on the page while the host can still change it."""
    rmm: Literal[1, 2] = 1
    """CCA: granules one by one (RMM 1.0), or ranges and blocks of 2 MiB in one call (RMM 2.0)."""

    @property
    def keeps(self) -> bool:
        """Whether a buffer may stay shared after a transfer."""
        return self.keep == "forever" or self.keep.uses != 1

    @property
    def consumes_shared(self) -> bool:
        """See _Path."""
        return self.consume == "in_place"


class SharedPoolPath(_Path):
    """Share a pool once and stream every transfer through it."""

    kind: Literal["shared_pool"]
    """Names this path."""
    copied_by: Literal["none", "producer", "consumer", "both"] = Field(alias="copy", examples=["none"])
    """Which side copies between the pool and memory of its own."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` is what the guest's buffers need."""

    @property
    def consumes_shared(self) -> bool:
        """See _Path."""
        return self.copied_by in ("none", "producer")

    @property
    def written_in_place(self) -> bool:
        """See _Path."""
        return self.copied_by in ("none", "consumer")


class DirectPath(_Path):
    """Let the device reach the guest's memory as it is; needs a guest that nobody protects."""

    kind: Literal["direct"]
    """Names this path."""
    posted: bool = False
    """Whether buffers for what comes from the host are posted before it comes, as a filled ring's are."""


IoPath = Annotated[SwiotlbPath | ConvertPath | SharedPoolPath | DirectPath, Field(discriminator="kind")]
