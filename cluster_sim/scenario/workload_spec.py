"""What a definition may say of a guest's work: video, block, network, churn, boot; request_spec, file_spec: others."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from cluster_sim.scenario.file_spec import FileWorkload
from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.request_spec import CoalesceSpec, RequestResponseWorkload
from cluster_sim.scenario.units import (
    Bytes,
    BytesOrAuto,
    BytesPerSecond,
    DurationNs,
    FrameRate,
    Granule,
    PageBytes,
    Percent,
    PixelCount,
    RatePerSecond,
    Scale,
)

_BYTES_PER_2_PIXELS: Final = {"nv12": 3, "i420": 3, "yuv422": 4, "p010": 6, "xrgb": 8}
RAW_EXAMPLE: Final[dict[str, JsonValue]] = {
    "kind": "raw",
    "width": 1920,
    "height": 1080,
    "format": "nv12",
    "fps": 60,
}
TRACE_EXAMPLE: Final = "traces/bbb_720p24.parquet"
VIDEO_EXAMPLE: Final[dict[str, JsonValue]] = {"kind": "video", "source": RAW_EXAMPLE, "deadline": "33ms"}

Buffers = Annotated[int, Field(strict=True, ge=1, le=4096)]
Spacing = Literal["linear", "poisson"]
WhenFull = Literal["wait", "drop_newest", "drop_oldest"]
Acceptors = Literal["auto", 1, "vcpus"]
DriverName = Literal["v4l2", "usb", "virtio-blk", "nvme", "virtio-net", "virtio-vsock", "nic", "virtio-fs"]
TracePath = Annotated[str, Field(min_length=1)]


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
    trace: TracePath = Field(examples=[TRACE_EXAMPLE])
    """The trace, a Parquet file, relative to the folder of the workload file."""
    start: Literal["random", "beginning"] = "random"
    """Where in the trace a guest begins; after its end it begins anew."""
    scale: Scale = Fraction(1)
    """What frame sizes are multiplied with, for a bit rate of which there is no encode."""


class RateStep(Spec):
    """The rate of a link from some instant on."""

    at: DurationNs = Field(examples=["0s"])
    """From when on."""
    rate: BytesPerSecond = Field(examples=["5Mb/s"])
    """How much it carries."""


class LadderVideo(Spec):
    """One film in several encodings, among which a player chooses segment by segment."""

    kind: Literal["ladder"]
    """Names this source."""
    rungs: Annotated[tuple[TracePath, ...], Field(min_length=1, max_length=32)] = Field(examples=[[TRACE_EXAMPLE]])
    """Traces of the encodings, from the lowest rate to the highest."""
    segment: DurationNs = 2_000_000_000
    """Span of one segment."""
    player: Literal["bba", "festive"] = Field(examples=["bba"])
    """How rungs are chosen: by buffer (BBA-0, Huang et al. 2014) or by throughput (FESTIVE, Jiang et al. 2012)."""
    link: Annotated[tuple[RateStep, ...], Field(min_length=1)] = Field(examples=[[{"at": "0s", "rate": "5Mb/s"}]])
    """What the access link carries, the first step from 0s on."""
    link_period: DurationNs = 0
    """After how long the link's steps begin anew; 0 for never."""
    buffer_max: DurationNs = 30_000_000_000
    """Media time above which the player asks for nothing."""
    reservoir: DurationNs = 5_000_000_000
    """BBA-0: buffer below which it takes the lowest rung."""
    cushion: DurationNs = 15_000_000_000
    """BBA-0: span of buffer over which it climbs from the lowest rung to the highest."""
    resume: DurationNs = 2_000_000_000
    """Media time that is buffered before play goes on after a freeze."""


class PlayoutSpec(Spec):
    """A player's buffer: it freezes when a frame is not there at its turn."""

    startup: DurationNs = Field(examples=["200ms"])
    """Media time that is buffered before play begins."""


class ReceiverSpec(Spec):
    """The guest at the other end of a stream."""

    guest: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["example-guests"])
    """Its group; guest n of a host sends to guest n of the group, counted round."""
    hosts_on: Annotated[int, Field(strict=True, ge=0)] = 0
    """So many hosts further on, counted round; 0 is the same host."""


class VideoWorkload(Spec):
    """One stream of video frames."""

    kind: Literal["video"] = Field(examples=["video"])
    """Names this workload."""
    source: Annotated[RawVideo | TracedVideo | LadderVideo, Field(discriminator="kind")] = Field(examples=[RAW_EXAMPLE])
    """Where the frames come from."""
    direction: Literal["from_device", "to_device", "to_guest"] = "from_device"
    """Who reads the buffer: the guest (`from_device`), the host (`to_device`), or another guest (`to_guest`)."""
    to: ReceiverSpec | None = None
    """With `to_guest`: the guest that the frames go to."""
    buffers: Buffers = 10
    """Frame buffers of the stream, on each side."""
    buffer: BytesOrAuto = "auto"
    """Size of one buffer; `auto` is the largest frame."""
    deadline: DurationNs = Field(examples=["33ms"])
    """How long after its arrival a frame is late; from guest to guest it counts from end to end."""
    produce: DurationNs = 0
    """vCPU time that a guest spends on making a frame that it sends."""
    consume: DurationNs = 0
    """vCPU time that a guest spends on a frame that it receives."""
    when_full: WhenFull = "wait"
    """A frame that finds no buffer free waits, is dropped, or waits in the place of the one that waited before."""
    playout: PlayoutSpec | None = None
    """The player's buffer; without one, frames are used when they come."""
    driver: Literal["v4l2", "usb"] = "v4l2"
    """Whose mappings swiotlb sees: videobuf2's, for life, or a mapping an URB."""
    segments: Literal["scatter_gather", "contiguous"] = "scatter_gather"
    """Whether the device takes a buffer in pieces, or as one (most SoC cameras): above 256KiB one never bounces."""
    max_segment: BytesOrAuto = "auto"
    """The largest piece that the device takes; `auto` is what its driver and swiotlb take."""


class _Requests(Spec):
    """What block and network have in common: how requests come, and what becomes of them."""

    spacing: Spacing = "linear"
    """Open loop: requests at even distances, or at random ones (a Poisson process)."""
    deadline: DurationNs = 1_000_000_000
    """How long after it was asked for a request is late."""
    produce: DurationNs = 0
    """vCPU time that the guest spends on making a request that it sends."""
    consume: DurationNs = 0
    """vCPU time that the guest spends on what it receives."""
    completion: Literal["interrupt", "poll"] = "interrupt"
    """How the guest learns that one is done: by an interrupt, or because a vCPU of it looks all the while."""
    cpus: Literal["all", "one"] = "all"
    """Whether a queue's own work may run on all vCPUs at a time, or is one thread, on one at a time."""
    work: Literal["uniform", "constant", "exponential"] = "uniform"
    """How `produce` and `consume` vary: evenly by `work_spread`, not at all, or exponentially around them as means."""
    work_spread: Percent = 10
    """Of `work: uniform`, by how many per cent at most a request's work lies above or below its mean."""
    max_segment: BytesOrAuto = "auto"
    """The largest piece that the device takes; `auto` is what its driver and swiotlb take."""


class BlockWorkload(_Requests):
    """Requests to a virtual disk, in the words of fio."""

    kind: Literal["block"]
    """Names this workload."""
    driver: Literal["virtio-blk", "nvme"] = "virtio-blk"
    """Whose mappings swiotlb sees beside the data: virtio's three, or none of an NVMe drive, which has a mask."""
    rw: Literal["read", "write", "rw", "randread", "randwrite", "randrw"] = "randread"
    """Reads, writes or both; random or sequential is one to memory, and named for the reader."""
    rwmixread: Percent = 50
    """Of mixed requests, how many in a hundred are reads."""
    bs: Bytes = 4096
    """Size of a request."""
    bssplit: dict[Bytes, Percent] = Field(default={})
    """Sizes and how many requests in a hundred have each; replaces `bs`."""
    iodepth: Buffers = 1
    """Requests in flight, a job."""
    numjobs: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Jobs, each with a queue of its own."""
    rate_iops: RatePerSecond | None = None
    """Open loop: requests a second, a job; without it, the next comes when one is done."""
    thinktime: DurationNs = 0
    """Closed loop: how long after one is done the next comes."""
    read_iolog: TracePath | None = None
    """A request trace to replay, relative to the folder of the workload file; replaces rw, bs and rate."""
    replay_no_stall: bool = False
    """Whether a trace is replayed as fast as `iodepth` lets, and not at its own times."""


class NetworkWorkload(_Requests):
    """Packets of a virtual network card, to or from outside the cluster."""

    kind: Literal["network"]
    """Names this workload."""
    driver: Literal["virtio-net", "virtio-vsock", "nic"] = "virtio-net"
    """Whose ring it is: one mapped for life (virtio-net, a network card's), or buffer by buffer as it is posted."""
    direction: Literal["from_device", "to_device"] = "from_device"
    """Received (`from_device`) or sent."""
    size: Bytes = 1500
    """Size of a packet, or of what offload makes of several."""
    sizes: dict[Bytes, Percent] = Field(default={})
    """Sizes and how many packets in a hundred have each; replaces `size`."""
    ring: Buffers = 256
    """Buffers of the ring; in a closed loop, packets in flight."""
    queues: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Queue pairs, each with a ring of its own."""
    rate_pps: RatePerSecond | None = None
    """Open loop: packets a second, a queue; without it and `rate`, the next comes when one is done."""
    rate: BytesPerSecond = 0
    """Open loop, in the place of `rate_pps`: what a queue's packets carry, such as 10Gb/s; 0 for none."""
    thinktime: DurationNs = 0
    """Closed loop: how long after one is done the next comes; what the peer and the way to it take."""
    when_full: WhenFull = "drop_newest"
    """What becomes of a packet that finds the ring full."""
    wakes: Literal["same_vcpu", "other_vcpu"] = "same_vcpu"
    """With `cpus: one`: whether its thread sleeps on the vCPU that is interrupted, or on another, told by an IPI."""

    gso: Bytes = 0
    """Sent: what one transfer carries at most, in whole packets of `size` (TSO, GSO: 64KiB); 0 for a packet each."""
    gro: bool = False
    """Received: whether packets that are handled in one go are worked on as one, up to 64 KiB."""
    coalesce: CoalesceSpec = CoalesceSpec()
    """Interrupt moderation of what is received."""

    @property
    def packets(self) -> int:
        """Packets that one transfer carries."""
        return max(self.gso // max(self.size, 1), 1)

    @property
    def transfers_per_s(self) -> int | None:
        """Transfers a second and queue of an open loop; None for a closed one."""
        if not self.rate:
            return None if self.rate_pps is None else max(self.rate_pps // self.packets, 1)
        mean = sum(size * percent for size, percent in self.sizes.items()) // 100 if self.sizes else self.size
        return self.rate // max(mean * self.packets, 1)


class ChurnWorkload(Spec):
    """Conversions for their own sake: ranges are shared, held and made private again at a rate."""

    kind: Literal["churn"]
    """Names this workload."""
    rate: RatePerSecond = Field(examples=[1000])
    """Ranges a second."""
    spacing: Spacing = "linear"
    """Whether they come at even distances, or at random ones (a Poisson process)."""
    size: PageBytes = 4096
    """Size of a range."""
    granule: Granule = 4096
    """Unit of one conversion."""
    region: PageBytes = 64 << 20
    """Memory over which ranges are spread."""
    order: Literal["sequential", "random"] = "sequential"
    """Which range is next: its neighbour, or any."""
    hold: DurationNs = 0
    """How long a range stays shared after the host has touched it."""
    deadline: DurationNs = 1_000_000_000
    """How long after it was asked for a range is late."""


class BootWorkload(Spec):
    """A guest's start: its image is built, its pool set up, its memory accepted; the rest of its work waits for it."""

    kind: Literal["boot"]
    """Names this workload."""
    image: PageBytes = 4 << 20
    """What the host puts into private memory before the guest runs, page by page."""
    firmware_accepts: BytesOrAuto = "auto"
    """What firmware accepts before the kernel runs; `auto` is memory below 4 GiB, where guests accept pages."""
    accept: Literal["eager", "lazy"] = "lazy"
    """Whether the rest of memory is accepted before anything else runs, or as it is first touched."""
    acceptors: Acceptors = "auto"
    """vCPUs that accept what is accepted first: 1, or all at a time (`vcpus`); `auto` is what the firmware does."""
    unit: PageBytes = 2 << 20
    """How much is accepted at a time (Linux: 2MiB)."""
    touch: BytesPerSecond = 1_000_000_000
    """With `lazy`: how fast the guest touches memory for the first time."""
    deadline: DurationNs = 10_000_000_000
    """How long after it was asked for a part of it is late."""


Workload = Annotated[
    VideoWorkload
    | BlockWorkload
    | FileWorkload
    | NetworkWorkload
    | RequestResponseWorkload
    | ChurnWorkload
    | BootWorkload,
    Field(discriminator="kind"),
]


def trace_fields(workload: Workload) -> list[tuple[str, str]]:
    """The fields of a workload that name trace files, and the files."""
    match workload:
        case VideoWorkload(source=TracedVideo() as traced):
            return [("source.trace", traced.trace)]
        case VideoWorkload(source=LadderVideo() as ladder):
            return [(f"source.rungs.{number}", rung) for number, rung in enumerate(ladder.rungs)]
        case BlockWorkload(read_iolog=str() as log):
            return [("read_iolog", log)]
        case _:
            return []


def path_in(folder: Path, trace: str) -> Path:
    """A trace's path for a workload file in `folder`."""
    return folder / trace
