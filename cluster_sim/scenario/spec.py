"""What a workload file may say, as frozen models, and what each field means."""

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.judged_names import JudgedNames
from cluster_sim.scenario.memory_spec import FaultSpec, MemorySpec
from cluster_sim.scenario.path_spec import IoPath
from cluster_sim.scenario.units import (
    LARGEST,
    MIB,
    Axis,
    Bytes,
    BytesOrAuto,
    BytesPerSecond,
    BytesPerSecondOrAuto,
    Count,
    DurationNs,
    DurationOrForever,
    Label,
    Labels,
    PageBytes,
    Percent,
    Price,
)
from cluster_sim.scenario.workload_spec import VIDEO_EXAMPLE, Spacing, Workload

_HOST_EXAMPLE: Final[dict[str, JsonValue]] = {"cpus": 64, "memory": "256GiB"}
_GUEST_EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "example-guests",
    "count_per_host": 1,
    "vcpus": 2,
    "memory": "4GiB",
    "workloads": [VIDEO_EXAMPLE],
}


Machine = Literal["genoa", "milan", "rome", "sapphire_rapids", "grace"]
Dimms = Literal["DDR4-2666", "DDR4-2933", "DDR4-3200", "DDR5-4400", "DDR5-4800", "DDR5-5600", "DDR5-6400"]


class EngineSpec(Spec):
    """The copy engines of a host, which all its guests' transfers share."""

    engines: Count = 1
    """How many copy at a time."""
    depth: Count = 128
    """Transfers that may be queued or copied at a time; who finds no place waits with its CPU in hand."""
    batch: Count = 32
    """Descriptors that one submission carries."""
    transfer_max: PageBytes = 2 * MIB
    """The most that one descriptor covers."""
    completion: Literal["poll", "interrupt"] = "poll"
    """Whether the worker spins until the engine is done, or sleeps and is interrupted."""


class NicSpec(Spec):
    """A host's network card."""

    rate: BytesPerSecond = 25_000_000_000 // 8
    """What it carries, each way."""


class StorageSpec(Spec):
    """What lies behind the host's virtual disks."""

    latency: DurationNs = 0
    """Time of one request; 0 is the host's page cache."""
    parallel: Count = 64
    """Requests that are served at a time."""
    jitter: Percent = 10
    """By how many per cent at most a request's own time lies above or below its mean, every amount as likely."""
    rate: BytesPerSecond = 0
    """The drive's bandwidth, which all requests share, reads and writes alike; 0 for no bound."""
    request_rate: BytesPerSecond = 0
    """What one request moves at most beyond its latency; 0 for as much as the drive does."""


class WorkersSpec(Spec):
    """Which threads of the host serve the queues of its guests' devices."""

    per: Literal["queue", "device", "guest", "host"] = "queue"
    """What has threads of its own: a queue, a device (a workload of a guest), a guest (QEMU's main loop), the host."""
    threads: Count = 1
    """How many it has: queues are dealt to them in turn, each to one for good (QEMU's iothread-vq-mapping)."""


class HostSpec(Spec):
    """One host machine."""

    cpus: Annotated[int, Field(strict=True, ge=1, le=8192)] = Field(examples=[64])
    """Logical CPUs of the host."""
    memory: Bytes = Field(examples=["256GiB"])
    """Memory of the host."""
    llc: Bytes = 32 * MIB
    """Last-level cache of the host: what is copied again while it fits is read from there."""
    memory_bandwidth: BytesPerSecondOrAuto = "auto"
    """What the memory of a node carries, reads and writes; `auto` is a node's part of its machine, 0 no bound."""
    machine: Machine = "genoa"
    """The machine whose published memory bandwidth `memory_bandwidth: auto` is."""
    channels: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    """Memory channels of a socket, in the place of a `machine`: `auto` is then what copies get of them; 0 for none."""
    dimms: Dimms = "DDR5-4800"
    """What each of the `channels` holds, by the millions of transfers that it makes each second, 8 bytes at a time."""
    sockets: Count = 1
    """CPU sockets, each with the memory of its machine, or with so many channels."""
    nodes: Count = 1
    """NUMA nodes in all, each with its part of CPUs and memory and a memory bus of its own."""
    numa: Literal["pinned", "spread", "remote"] = "pinned"
    """Whether guest, memory and worker share a node, memory is interleaved over all, or workers run on another node."""
    huge_pool: BytesOrAuto = "auto"
    """Memory set aside for huge pages, from which guests with `memory.huge_page` are taken; `auto` is all of it."""
    vcpus_per_cpu: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """vCPUs that may be placed on one CPU; above 1, guests wait for CPUs."""
    halt_poll: DurationNs = 0
    """How long the host polls for an idle vCPU before it lets it sleep (kvm.halt_poll_ns)."""
    worker_poll: DurationNs = 0
    """How long an idle worker looks for new requests before it sleeps (vhost's busyloop, QEMU's poll-max-ns)."""
    workers: WorkersSpec = WorkersSpec()
    """Which threads serve the queues: of one for each queue up to one for all guests."""
    vmm: Literal["qemu-10", "cloud-hypervisor", "crosvm", "minimal"] = "qemu-10"
    """The monitor whose behaviour at conversions is assumed."""
    host_faults: Literal["auto", "lazy", "populate"] = "auto"
    """Whether the host faults shared pages in one by one or populates them before use; `auto` as the monitor does."""
    guest_faults: Literal["auto", "lazy", "prefault"] = "auto"
    """Whether the guest faults in what converted, or the monitor maps it ahead; `auto` as the monitor does."""
    conversion_lock: Literal["auto", "host", "none"] = "auto"
    """Whether all guests' conversions pass one lock; `auto`: on pKVM (EL2's), elsewhere locks are a guest's own."""
    dma_entry_limit: Count = 65_535
    """DMA mappings that VFIO holds for one guest at most (vfio_iommu_type1.dma_entry_limit)."""
    assigned_memory: Literal["shared", "all"] = "shared"
    """What of private memory's guests is pinned for assigned devices: shared pages, or a backing of all of it (G0)."""
    engine: EngineSpec = EngineSpec()
    """Its copy engines."""
    nic: NicSpec = NicSpec()
    """Its network card."""
    storage: StorageSpec = StorageSpec()
    """Its storage."""

    @property
    def transfers_per_us(self) -> int:
        """Transfers of all memory channels of a socket each microsecond; 0 where they are those of its machine."""
        return self.channels * int(self.dimms.partition("-")[2])


class NetworkSpec(Spec):
    """What lies between hosts."""

    latency: DurationNs = 20_000
    """From the end of sending to the arrival, one way."""
    rate: BytesPerSecond = 0
    """What one link carries, from one host to another; 0 for no bound but the network cards'."""


class ClusterSpec(Spec):
    """The hosts of a scenario, all alike."""

    hosts: Annotated[int, Field(strict=True, ge=1, le=100_000)] = Field(examples=[1])
    """How many hosts there are."""
    host: HostSpec = Field(examples=[_HOST_EXAMPLE])
    """What each of them is."""
    network: NetworkSpec = NetworkSpec()
    """What connects them."""
    placement: Literal["first_fit", "best_fit", "spread"] = "first_fit"
    """Which host takes a guest that a group's `count` asks for."""


class ArrivalSpec(Spec):
    """When the guests of a group come, and how long they stay."""

    every: DurationNs = 0
    """Distance from one guest to the next; 0 brings all at the start."""
    spacing: Spacing = "linear"
    """Whether they come at even distances, or at random ones (a Poisson process)."""
    stay: DurationOrForever = "forever"
    """How long each stays; `forever` is to the end of the run."""


class GuestGroupSpec(Spec):
    """Guests that are alike."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["example-guests"])
    """Names the group in paths and results."""
    count_per_host: Count | None = Field(default=None, examples=[1])
    """Guests of this group on each host; or else `count`."""
    count: Count | None = None
    """Guests of this group in the cluster, which the cluster places; or else `count_per_host`."""
    arrive: ArrivalSpec = ArrivalSpec()
    """When they come and go."""
    vcpus: Annotated[int, Field(strict=True, ge=1, le=4096)] = Field(examples=[2])
    """Virtual CPUs of one guest."""
    memory: PageBytes = Field(examples=["4GiB"])
    """Memory of one guest."""
    assigned_devices: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    """Devices of the host that VFIO gives each guest; memory that they may reach is pinned while the guest is there."""
    idle: Literal["halt", "poll"] = "halt"
    """What an idle vCPU does: exit to the host until it is woken, or spin (idle=poll)."""
    guest_halt_poll: DurationNs = 0
    """How long an idle vCPU looks for work before it exits (cpuidle-haltpoll's guest_halt_poll_ns, 200us)."""
    io_path: IoPath | None = None
    """How transfers of this group go, where not as the scenario says."""
    workloads: tuple[Workload, ...] = Field(
        min_length=1,
        examples=[[VIDEO_EXAMPLE]],
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
    low: Price | None = None
    """The least that it may be, in the same unit; the value itself where nothing is said."""
    high: Price | None = None
    """The most that it may be."""
    source: str = Field(default="definition", min_length=1)
    """Where it comes from."""
    confidence: Literal["measured", "published", "stand-in", "estimated", "assumed"] = "assumed"
    """How it is known; a stand-in is a figure of another thing than the one that it prices."""
    stands_in: str = ""
    """What a stand-in is really of."""


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
    guests: tuple[GuestGroupSpec, ...] = Field(min_length=1, max_length=128, examples=[[_GUEST_EXAMPLE]])
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

    def path_of(self, group: GuestGroupSpec) -> IoPath:
        """How transfers of a group go."""
        return self.io_path if group.io_path is None else group.io_path

    def maps_shared(self, group: GuestGroupSpec) -> bool:
        """Whether VFIO keeps each shared page of a guest mapped for its devices, and only those."""
        return self._has_private_with_devices(group) and self.cluster.host.assigned_memory == "shared"

    def is_held_twice(self, group: GuestGroupSpec) -> bool:
        """Whether a guest's memory is there twice: pinned for its devices in one backing, private in the other."""
        return self._has_private_with_devices(group) and self.cluster.host.assigned_memory == "all"

    def _has_private_with_devices(self, group: GuestGroupSpec) -> bool:
        return group.assigned_devices > 0 and self.protection != "none"

    def host_bytes(self, group: GuestGroupSpec) -> int:
        """Memory of the host that a guest takes."""
        return group.memory * (2 if self.is_held_twice(group) else 1)

    @property
    def rmm(self) -> int:
        """Version of the realm management monitor that its paths ask for: a host has one."""
        paths = (self.path_of(group) for group in self.guests)
        return max((path.rmm for path in paths if path.kind == "convert"), default=1)

    def plain(self) -> dict[str, JsonValue]:
        """Return the scenario as JSON values, quantities as text; `model_validate` reads it back."""
        return self.model_dump(mode="json")


class ExperimentSpec(_Scene):
    """A workload definition: a scenario, the axes along which it varies, and how often each point is run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=["experiment"])
    """Names the experiment and the folder of its results."""
    question: str = Field(min_length=1, examples=["Which path is best?"])
    """The question that it answers."""
    seed: Annotated[int, Field(strict=True, ge=0, le=LARGEST)] = 1
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
    judge: JudgedNames = ()
    """The figures that the question asks for, the first before all others; by default throughput, latency and CPU."""
