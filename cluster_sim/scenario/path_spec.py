"""What a definition may say of a transfer's way: swiotlb, conversion in place, shared pool, direct."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.units import AlignMask, AreaCount, BytesOrAuto, Granule, PageBytes

Copier = Literal["cpu", "engine", "device"]


class _Path(Spec):
    """What all ways of a transfer have in common."""

    copier: Copier = "cpu"
    """Who does the host's copy, where there is one: a host CPU, the host's copy engine, or the device's own DMA."""


class SwiotlbPath(_Path):
    """Bounce each transfer through swiotlb, a pool that the guest shared at boot."""

    kind: Literal["swiotlb"]
    """Names this path."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` as Linux: 6 % of memory on SNP and TDX (64MiB to 1GiB), 64MiB elsewhere."""
    areas: AreaCount = "auto"
    """Areas of the pool, each with a lock, a power of two; `auto` makes one a vCPU, on pKVM one in all."""
    mapping: Literal["per_transfer", "long_lived"] = "per_transfer"
    """Whether each transfer maps and unmaps its buffer, or buffers stay mapped and are only synced."""
    min_align_mask: AlignMask = 0
    """Low address bits that the device needs preserved, such as NVMe's 4095; 0 for none."""
    alloc_align_mask: AlignMask = 0
    """Alignment of the bounce block itself, as for untrusted devices behind an IOMMU; 0 for none."""
    dynamic: bool = False
    """Whether the pool grows when it is full (CONFIG_SWIOTLB_DYNAMIC)."""
    grow: PageBytes = 64 << 20
    """With `dynamic`: how much it may grow by."""


class ConvertPath(_Path):
    """Convert the guest's own pages to shared before each transfer and back to private after it, in place."""

    kind: Literal["convert"]
    """Names this path."""
    granule: Granule = Field(examples=["4KiB"])
    """Unit of one conversion, to which buffers are padded: 4KiB, 2MiB or 1GiB."""
    calls: Literal["page", "ranged", "batched"] = "batched"
    """What one call covers: one granule, any range, or as many granules as the technology's own call takes."""
    unmapped_by: Literal["conversion", "host"] = "conversion"
    """Who drops the host's mappings: the unshare itself, or the host's worker when it is done with the buffer."""


class SharedPoolPath(_Path):
    """Share a pool once and stream every transfer through it."""

    kind: Literal["shared_pool"]
    """Names this path."""
    copied_by: Literal["none", "producer", "consumer", "both"] = Field(alias="copy", examples=["none"])
    """Which side copies between the pool and memory of its own."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` is what the guest's buffers need."""
    crypto: bool = False
    """Whether payload is encrypted while it is shared: the guest's copy becomes a pass of AES-GCM."""


class DirectPath(_Path):
    """Let the device reach the guest's memory as it is; needs a guest that nobody protects."""

    kind: Literal["direct"]
    """Names this path."""


IoPath = Annotated[SwiotlbPath | ConvertPath | SharedPoolPath | DirectPath, Field(discriminator="kind")]
