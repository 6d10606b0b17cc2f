"""What a kind of workload means for the queues of a guest: the one place where workloads are told apart by their class.

All of it follows from the definition alone. A new kind of workload says here what its queues are like; who plans a
host, checks a definition or runs a loop asks these traits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from cluster_sim.scenario.file_spec import FileWorkload
from cluster_sim.scenario.queue_traits import (
    DM_CRYPT_SECTOR_BYTES,
    MEMORY_MAP_BYTES_PER_GIB,
    METADATA_BYTES,
    MemoryRanges,
    QueueTraits,
    RequestLog,
    Role,
    TransferSizes,
    WorkloadTraits,
)
from cluster_sim.scenario.request_spec import RequestResponseWorkload
from cluster_sim.scenario.units import MIB
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    BootWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    VideoWorkload,
    Workload,
)

HUGE_BYTES = 2 * MIB
GRO_BYTES = 65_536
"""What a merged packet holds at most (GRO_LEGACY_MAX_SIZE)."""
FILE_BLOCK_BYTES = 4096
"""What gocryptfs enciphers at a time, above a share; below it the guest has no cipher."""


def traits_of(workload: Workload) -> WorkloadTraits:
    """What a workload means for the queues of its guest."""
    match workload:
        case VideoWorkload():
            return video_traits(workload)
        case BlockWorkload():
            return block_traits(workload)
        case FileWorkload():
            return file_traits(workload)
        case NetworkWorkload():
            return network_traits(workload)
        case RequestResponseWorkload():
            return server_traits(workload)
        case ChurnWorkload():
            return churn_traits(workload)
        case BootWorkload():
            return boot_traits(workload)
        case _:
            assert_never(workload)


def video_traits(video: VideoWorkload) -> WorkloadTraits:
    """One queue of frames; where another guest receives them, it has one too, and plays them."""
    to, source = video.to, video.source
    own = QueueTraits(
        role=Role.REQUESTS,
        deadline_ns=video.deadline,
        driver=video.driver,
        is_contiguous=video.is_contiguous,
        segment_bytes=0 if video.max_segment == "auto" else video.max_segment,
        from_device=video.direction == "from_device",
        to_device=video.direction != "from_device",
        far_end="nothing" if to is None else "another host" if to.hosts_on else "another guest",
        hosts_on=0 if to is None else to.hosts_on,
        reports_ends=video.playout is not None and to is None,
        when_full=video.when_full,
        buffers=video.buffers,
        buffer_bytes=None if video.buffer == "auto" else video.buffer,
        produce_ns=video.produce,
        consume_ns=video.consume,
    )
    received = replace(
        own,
        role=Role.RECEIVED,
        from_device=True,
        to_device=False,
        far_end="nothing",
        hosts_on=0,
        comes_from_network=own.hosts_on > 0,
        reports_ends=video.playout is not None,
    )
    return WorkloadTraits(
        queues=(own,),
        transfer_sizes=TransferSizes(source.frame_bytes, source.frame_bytes) if isinstance(source, RawVideo) else None,
        trace=None if isinstance(source, RawVideo) else source,
        to=to,
        received=None if to is None else received,
    )


def block_traits(block: BlockWorkload) -> WorkloadTraits:
    """A queue a job; what a log replays may go either way."""
    log = None if block.read_iolog is None else RequestLog(block.read_iolog)
    sizes = dict(block.bssplit) or {block.bs: 100}
    reads_percent = {"read": 100, "randread": 100, "rw": block.rwmixread, "randrw": block.rwmixread}.get(block.rw, 0)
    queue = QueueTraits(
        role=Role.REQUESTS,
        deadline_ns=block.deadline,
        queues=block.numjobs,
        driver=block.driver,
        cipher_bytes=DM_CRYPT_SECTOR_BYTES,
        segment_bytes=0 if block.max_segment == "auto" else block.max_segment,
        from_device=log is not None or not block.rw.endswith("write"),
        to_device=log is not None or not block.rw.endswith("read"),
        far_end="storage",
        buffers=block.iodepth,
        sizes=sizes,
        reads_percent=reads_percent,
        is_closed=block.rate_iops is None if log is None else block.replay_no_stall,
        think_ns=block.thinktime,
        produce_ns=block.produce,
        consume_ns=block.consume,
        work=block.work,
        work_spread=block.work_spread,
        is_threaded=block.cpus == "one",
        polls_completions=block.completion == "poll",
    )
    return WorkloadTraits(queues=(queue,), transfer_sizes=drawn_sizes(sizes) if log is None else None, trace=log)


def file_traits(files: FileWorkload) -> WorkloadTraits:
    """A queue a job; a buffer holds one FUSE request, of which a transfer is several."""
    sizes = dict(files.bssplit) or {files.bs: 100}
    transfers = drawn_sizes(sizes)
    queue = QueueTraits(
        role=Role.REQUESTS,
        deadline_ns=files.deadline,
        queues=files.numjobs,
        driver="virtio-fs",
        cipher_bytes=FILE_BLOCK_BYTES,
        from_device=files.rw != "write",
        to_device=files.rw != "read",
        far_end="storage" if files.files == "drive" else "page cache",
        buffers=files.iodepth,
        buffer_bytes=min(max(transfers.largest, METADATA_BYTES), files.largest),
        sizes=sizes,
        reads_percent={"read": 100, "write": 0, "rw": files.rwmixread}[files.rw],
        is_closed=True,
        think_ns=files.thinktime,
        produce_ns=files.produce,
        consume_ns=files.consume,
        work=files.work,
        work_spread=files.work_spread,
        is_threaded=files.cpus == "one",
        part_bytes=files.largest,
        round_trips=files.round_trips,
    )
    return WorkloadTraits(queues=(queue,), transfer_sizes=transfers)


def network_traits(network: NetworkWorkload) -> WorkloadTraits:
    """A queue a ring, all of one direction."""
    is_received = network.direction == "from_device"
    sizes = dict(network.sizes) or {network.size * network.packets: 100}
    queue = QueueTraits(
        role=Role.REQUESTS,
        deadline_ns=network.deadline,
        queues=network.queues,
        driver=network.driver,
        segment_bytes=0 if network.max_segment == "auto" else network.max_segment,
        from_device=is_received,
        to_device=not is_received,
        far_end="nothing" if is_received else "network",
        comes_from_network=is_received,
        when_full=network.when_full,
        buffers=network.ring,
        sizes=sizes,
        reads_percent=100 if is_received else 0,
        is_closed=network.transfers_per_s is None,
        think_ns=network.thinktime,
        produce_ns=network.produce,
        consume_ns=network.consume,
        work=network.work,
        work_spread=network.work_spread,
        is_threaded=network.cpus == "one",
        wakes_other_vcpu=network.wakes == "other_vcpu",
        merge_bytes=GRO_BYTES if network.gro else 0,
        coalesce_ns=network.coalesce.usecs,
        coalesce_frames=network.coalesce.frames,
        polls_completions=network.completion == "poll",
    )
    return WorkloadTraits(queues=(queue,), transfer_sizes=drawn_sizes(sizes))


def server_traits(server: RequestResponseWorkload) -> WorkloadTraits:
    """A queue of requests and one of answers a pair; a client's next request comes when it has its answer."""
    asked = QueueTraits(
        role=Role.ASKED,
        deadline_ns=server.deadline,
        queues=server.queues,
        driver="virtio-net",
        far_end="client",
        comes_from_network=True,
        when_full="drop_newest",
        buffers=server.ring,
        sizes={server.request: 100},
        transfer_sizes=TransferSizes(server.request, server.request),
        reads_percent=100,
        is_closed=True,
        think_ns=server.think,
        draws_think=server.thinking == "exponential",
        clients=server.clients,
        way_ns=server.round_trip // 2,
        timeout_ns=server.timeout,
        consume_ns=server.receive,
        work=server.work,
        work_spread=server.work_spread,
        coalesce_ns=server.coalesce.usecs,
        coalesce_frames=server.coalesce.frames,
        polls_completions=server.completion == "poll",
    )
    answered = replace(
        asked,
        role=Role.ANSWERED,
        from_device=False,
        to_device=True,
        comes_from_network=False,
        when_full="wait",
        sizes={server.response: 100},
        transfer_sizes=TransferSizes(server.response, server.response),
        reads_percent=0,
        is_closed=False,
        clients=None,
        way_ns=server.round_trip - server.round_trip // 2,
        consume_ns=0,
        produce_ns=server.serve,
        is_threaded=True,
        threads=server.threads,
        wakes_other_vcpu=server.wakes == "other_vcpu",
        coalesce_ns=0,
        coalesce_frames=1,
    )
    sizes = drawn_sizes({server.request: 50, server.response: 50})
    return WorkloadTraits(queues=(asked, answered), transfer_sizes=sizes)


def churn_traits(churn: ChurnWorkload) -> WorkloadTraits:
    """One queue of ranges that are converted and converted back."""
    size, granule = churn.size, churn.granule
    queue = QueueTraits(
        role=Role.CHURN,
        deadline_ns=churn.deadline,
        ranges=MemoryRanges(
            range_bytes=-(-size // granule) * granule,
            count=churn.region // size if size else 0,
            align_bytes=granule,
        ),
        unit_bytes=granule,
        hold_ns=churn.hold,
        is_shuffled=churn.order == "random",
    )
    return WorkloadTraits(queues=(queue,), transfer_sizes=TransferSizes(size, size))


def boot_traits(boot: BootWorkload) -> WorkloadTraits:
    """A stage per queue: image built, memory accepted by firmware, kernel started, pool shared, the rest accepted."""
    image = MemoryRanges(range_bytes=boot.image, count=1, align_bytes=HUGE_BYTES)
    accepted = MemoryRanges(range_bytes=boot.unit, count=None, align_bytes=HUGE_BYTES)
    stage = QueueTraits(role=Role.POOL, deadline_ns=boot.deadline, holds_up_guest=True, acceptors=boot.acceptors)
    return WorkloadTraits(
        queues=(
            replace(stage, role=Role.IMAGE, ranges=image),
            replace(stage, role=Role.FIRMWARE, ranges=replace(accepted, most_bytes=boot.firmware_accepts)),
            replace(stage, role=Role.KERNEL, unit_bytes=MEMORY_MAP_BYTES_PER_GIB),
            stage,
            replace(stage, role=Role.ACCEPT, ranges=accepted, holds_up_guest=boot.accept == "eager"),
        ),
        transfer_sizes=TransferSizes(boot.unit, boot.unit),
        boots=True,
    )


def drawn_sizes(sizes: Mapping[int, int]) -> TransferSizes:
    """Of sizes and how many in a hundred have each."""
    return TransferSizes(max(sizes), sum(size * percent for size, percent in sizes.items()) // 100)
