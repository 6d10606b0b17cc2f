"""What a workload file may say, as frozen models, and what each field means."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cluster_sim.scenario.units import (
    MIB,
    AreaCount,
    Axis,
    Bytes,
    BytesOrAuto,
    Count,
    DurationNs,
    DurationOrForever,
    FolioBytes,
    FrameRate,
    Granule,
    Label,
    Labels,
    PageBytes,
    PixelCount,
    Price,
)

_BYTES_PER_2_PIXELS: Final = {"nv12": 3, "i420": 3, "yuv422": 4, "p010": 6, "xrgb": 8}

_HOST_EXAMPLE: Final[dict[str, JsonValue]] = {"cpus": 64, "memory": "256GiB"}
_RAW_EXAMPLE: Final[dict[str, JsonValue]] = {
    "kind": "raw",
    "width": 1920,
    "height": 1080,
    "format": "nv12",
    "fps": 60,
}
_VIDEO_EXAMPLE: Final[dict[str, JsonValue]] = {"kind": "video", "source": _RAW_EXAMPLE, "deadline": "33ms"}
_GUEST_EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "example-guests",
    "count_per_host": 1,
    "vcpus": 2,
    "memory": "4GiB",
    "workloads": [_VIDEO_EXAMPLE],
}


class Spec(BaseModel):
    """A frozen definition that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, serialize_by_alias=True)


class HostSpec(Spec):
    """One host machine."""

    cpus: Count = Field(examples=[64])
    """Logical CPUs of the host."""
    memory: Bytes = Field(examples=["256GiB"])
    """Memory of the host."""
    llc: Bytes = 32 * MIB
    """Last-level cache of the host: what is copied again while it fits is read from there."""


class ClusterSpec(Spec):
    """The hosts of a scenario, all alike."""

    hosts: Annotated[int, Field(strict=True, ge=1, le=100_000)] = Field(examples=[1])
    """How many hosts there are."""
    host: HostSpec = Field(examples=[_HOST_EXAMPLE])
    """What each of them is."""


class _Path(Spec):
    """What all ways of a transfer have in common."""

    copier: Literal["cpu", "engine"] = "cpu"
    """Who does the host's copy, where there is one: a host CPU or a copy engine."""


class SwiotlbPath(_Path):
    """Bounce each transfer through swiotlb, a pool that the guest shared at boot."""

    kind: Literal["swiotlb"]
    """Names this path."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` as Linux: 6 % of memory on SNP and TDX (64MiB to 1GiB), 64MiB elsewhere."""
    areas: AreaCount = "auto"
    """Areas of the pool, each with a lock, a power of two; `auto` makes one a vCPU, on pKVM one in all."""


class ConvertPath(_Path):
    """Convert the guest's own pages to shared before each transfer and back to private after it, in place."""

    kind: Literal["convert"]
    """Names this path."""
    granule: Granule = Field(examples=["4KiB"])
    """Unit of one conversion: 4KiB or 2MiB."""


class SharedPoolPath(_Path):
    """Share a pool once and stream every transfer through it."""

    kind: Literal["shared_pool"]
    """Names this path."""
    copied_by: Literal["none", "producer", "consumer", "both"] = Field(alias="copy", examples=["none"])
    """Which side copies between the pool and memory of its own."""
    pool: BytesOrAuto = "auto"
    """Size of the pool; `auto` is what the guest's buffers need."""


class DirectPath(_Path):
    """Let the device reach the guest's memory as it is; needs a guest that nobody protects."""

    kind: Literal["direct"]
    """Names this path."""


IoPath = Annotated[SwiotlbPath | ConvertPath | SharedPoolPath | DirectPath, Field(discriminator="kind")]


class PinsSpec(Spec):
    """Pins that some user on the host holds on the device's buffers beyond the transfer's own copy."""

    term: Literal["short", "long"] = "short"
    """`short` as direct I/O takes them, `long` as VFIO and registered io_uring buffers do."""
    lasts: DurationOrForever = Field(examples=["2ms"])
    """How long after the host has filled the buffer they are given back; `forever` breaks VFIO's contract."""
    every: Count = 1
    """One of so many frames is pinned."""


class MemorySpec(Spec):
    """What backs guest memory, and the rules of its conversion."""

    backing: Literal["guest_memfd", "exclusive_pin"] = "guest_memfd"
    """guest_memfd, or ordinary pages under exclusive pins (FOLL_EXCLUSIVE, the rival proposal of 2024)."""
    generation: Literal["G0", "G1", "G2", "G3", "G4"] = "G3"
    """What the kernel can: G0 two backings, G1 and G2 a file shared or private for good, G3 in place, G4 huge pages."""
    discard: bool = True
    """G0: whether the VMM frees what a conversion left in the other backing; if not, memory is held twice."""
    huge_page: FolioBytes = 4096
    """G4: page size of the files, split when any of it is shared and merged when all is private again."""
    hvo: bool = False
    """G4: whether huge pages give up most of their struct pages (HVO), which a split must restore."""
    placement: Literal["clustered", "scattered"] = "clustered"
    """Where memory for I/O lies: in one region, or page by page all over the guest."""
    on_pin: Literal["retry", "wait", "defer"] = "retry"
    """What a refused conversion does: try again, wait for the unpin, or complete at the last unpin by itself."""
    retry_after: DurationNs = 100_000
    """How long after a refusal the next attempt comes."""
    pins: PinsSpec | None = None
    """Pins of others on the host; without them none outlasts the transfer's own copy."""


Access = Literal[
    "host_load",
    "host_store",
    "uaccess",
    "proc_mem",
    "pin",
    "kernel_load",
    "kernel_store",
    "guest_private",
    "guest_shared",
    "memory_failure",
    "punch",
    "host_to_shared",
    "host_to_private",
]


class FaultSpec(Spec):
    """One access, failure or host decision that goes against the rules, put into the run."""

    at: DurationNs = Field(examples=["1s"])
    """When it happens."""
    access: Access = Field(examples=["host_load"])
    """What is done: by a host process, by a system call, by the host kernel, by the guest, by the memory itself."""
    guest: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["example-guests"])
    """Group of the guest whose memory it is."""
    index: Annotated[int, Field(strict=True, ge=0)] = 0
    """Which guest of the group on the host."""
    host: Annotated[int, Field(strict=True, ge=0)] = 0
    """On which host."""
    offset: PageBytes = 0
    """Where in the guest's memory; its memory for I/O begins at 0."""
    length: PageBytes = 4096
    """How much of it."""
    by: Literal["vmm", "bystander"] = "vmm"
    """Which host process does it; a signal kills the guest with its VMM, or the bystander alone."""


class RawVideo(Spec):
    """Frames as a camera or a decoder makes them, all of one size."""

    kind: Literal["raw"]
    """Names this source."""
    width: PixelCount = Field(examples=[1920])
    """Pixels a line."""
    height: PixelCount = Field(examples=[1080])
    """Lines a frame."""
    format: Literal["nv12", "i420", "p010", "yuv422", "xrgb"] = Field(examples=["nv12"])
    """How a pixel is stored: 1.5 bytes (nv12, i420), 2 (yuv422), 3 (p010) or 4 (xrgb)."""
    fps: FrameRate = Field(examples=[60])
    """Frames a second, whole or as a fraction such as 30000/1001."""

    @property
    def frame_bytes(self) -> int:
        """Size of every frame."""
        return self.width * self.height * _BYTES_PER_2_PIXELS[self.format] // 2


class TracedVideo(Spec):
    """Coded frames of a real film."""

    kind: Literal["trace"]
    """Names this source."""
    trace: Annotated[str, Field(min_length=1)] = Field(examples=["traces/bbb_720p24.parquet"])
    """The trace, a Parquet file, relative to the folder of the workload file."""
    start: Literal["random", "beginning"] = "random"
    """Where in the trace a guest begins; after its end it begins anew."""

    def path_in(self, folder: Path) -> Path:
        """Return the trace's path for a workload file in `folder`."""
        return folder / self.trace


class PlayoutSpec(Spec):
    """A player's buffer: it freezes when a frame is not there at its turn."""

    startup: DurationNs = Field(examples=["200ms"])
    """Media time that is buffered before play begins."""


class VideoWorkload(Spec):
    """One stream of video frames between host and guest."""

    kind: Literal["video"] = Field(examples=["video"])
    """Names this workload."""
    source: Annotated[RawVideo | TracedVideo, Field(discriminator="kind")] = Field(examples=[_RAW_EXAMPLE])
    """Where the frames come from."""
    direction: Literal["from_device"] = "from_device"
    """Who reads the buffer: `from_device` goes from host to guest."""
    buffers: Annotated[int, Field(strict=True, ge=1, le=4096)] = 10
    """Frame buffers of the stream."""
    buffer: BytesOrAuto = "auto"
    """Size of one buffer; `auto` is the largest frame."""
    deadline: DurationNs = Field(examples=["33ms"])
    """How long after its arrival a frame is late."""
    consume: DurationNs = 0
    """vCPU time that the consumer spends on a frame."""
    when_full: Literal["wait", "drop"] = "wait"
    """What becomes of a frame that finds no buffer free."""
    playout: PlayoutSpec | None = None
    """The player's buffer; without one, frames are used when they come."""


class GuestGroupSpec(Spec):
    """Guests that are alike."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["example-guests"])
    """Names the group in paths and results."""
    count_per_host: Count = Field(examples=[1])
    """Guests of this group on each host."""
    vcpus: Count = Field(examples=[2])
    """Virtual CPUs of one guest."""
    memory: PageBytes = Field(examples=["4GiB"])
    """Memory of one guest."""
    workloads: tuple[VideoWorkload, ...] = Field(
        min_length=1,
        examples=[[_VIDEO_EXAMPLE]],
    )
    """What each guest asks for."""


class CostOverride(Spec):
    """A cost that replaces the profile's, with its reason."""

    value: Price = Field(examples=[0])
    """The number; `.inf` for a rate without bound."""
    unit: str = Field(min_length=1, examples=["ns"])
    """The unit, as the profile writes it."""
    why: str = Field(min_length=1, examples=["an assumption"])
    """Why this number."""


def _default_window_ns(validated: dict[str, object]) -> int:
    duration_ns = validated.get("duration")
    return min(10**9, duration_ns) if isinstance(duration_ns, int) and duration_ns > 0 else 10**9


class _Scene(Spec):
    """What scenarios and experiments have in common."""

    duration: DurationNs = Field(examples=["10s"])
    """Simulated time."""
    window: DurationNs = Field(default_factory=_default_window_ns)
    """Span between two exchanges of host and guest; 1s, or the duration where that is shorter."""
    record: Literal["transfers", "windows", "summary"] = "transfers"
    """How much is kept: every transfer, sums a window, or sums a run."""
    cluster: ClusterSpec = Field(examples=[{"hosts": 1, "host": _HOST_EXAMPLE}])
    """The hosts."""
    guests: tuple[GuestGroupSpec, ...] = Field(min_length=1, examples=[[_GUEST_EXAMPLE]])
    """The guests of each host, in groups."""
    profile: str = Field(default="auto", min_length=1)
    """CPU of the cost profile, such as zen4; `auto` is zen4, `free` prices everything at nothing."""
    costs: dict[str, CostOverride] = Field(default={})
    """Costs that replace the profile's, by name."""
    memory: MemorySpec = MemorySpec()
    """What backs guest memory: kernel generation, huge pages, placement, pins."""
    faults: tuple[FaultSpec, ...] = ()
    """Wrong accesses and failures to inject."""


Protection = Literal["none", "pkvm", "sev-snp", "tdx", "cca"]


class ScenarioSpec(_Scene):
    """One resolved point of an experiment: everything but chance."""

    protection: Protection = Field(examples=["none"])
    """What keeps the guests' memory private."""
    io_path: IoPath = Field(examples=[{"kind": "direct"}])
    """How a transfer reaches the guest."""

    def plain(self) -> dict[str, JsonValue]:
        """Return the scenario as JSON values, quantities as text; `model_validate` reads it back."""
        return self.model_dump(mode="json")


class ExperimentSpec(_Scene):
    """A workload definition: a scenario, the axes along which it varies, and how often each point is run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=["experiment"])
    """Names the experiment and the folder of its results."""
    question: str = Field(min_length=1, examples=["Which path is best?"])
    """The question that it answers."""
    seed: Annotated[int, Field(strict=True, ge=0)] = 1
    """Where all chance comes from."""
    replications: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Runs of each scenario, each with chances of its own."""
    protection: Protection | None = None
    """What keeps the guests' memory private; may be left to an axis."""
    io_path: IoPath | None = None
    """How a transfer reaches the guest; may be left to an axis."""
    axes: dict[str, Axis] = Field(default={})
    """Dotted field paths (`io_path`, `guests.raw.vcpus`) and the values that each takes in turn."""
    exclude: tuple[dict[str, Labels], ...] = ()
    """Combinations of axis labels that are left out."""
    baseline: dict[str, Label] = Field(default={})
    """Axis labels of what the others are compared with."""
