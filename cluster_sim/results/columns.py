"""The columns of every table, each declared once: type, unit, meaning. Schemas and docs derive from here."""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from cluster_sim.results.ledger import MEANING, Category

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is an Arrow type's name; `unit` is empty for identities and labels."""

    name: str
    kind: str
    unit: str
    meaning: str


def ledger_columns() -> tuple[Column, ...]:
    """One column a ledger category."""
    return tuple(Column(f"{category.label}_ns", "int64", "ns", MEANING[category]) for category in Category)


def of_delivered(column: Column) -> Column:
    """The same column as a sum over a guest's delivered frames."""
    return replace(column, meaning=f"{column.meaning}; sum over delivered frames")


HOST_ID = Column("host_id", "int32", "", "host in the cluster, from 0")
GUEST_ID = Column("guest_id", "int32", "", "guest in the cluster, from 0; guests of a host follow each other")
GUEST_GROUP = Column("guest_group", "label", "", "the guest's group in the definition")

WORK = (
    Column("guest_cpu_ns", "int64", "ns", "vCPU time, spinning on locks and waiting for memory included"),
    Column("host_cpu_ns", "int64", "ns", "host CPU time of workers, waiting for memory and engines included"),
    Column("guest_copied_bytes", "int64", "B", "bytes that vCPUs copied"),
    Column("host_copied_bytes", "int64", "B", "bytes that host CPUs copied"),
    Column("engine_copied_bytes", "int64", "B", "bytes that the copy engine copied"),
    Column("conversions", "int64", "1", "granules converted, either way"),
    Column("converted_pages", "int64", "1", "4 KiB pages converted, either way"),
    Column("exits", "int64", "1", "exits from the guest: doorbells, calls, VMM exits, faults, interrupts"),
)

WORKLOAD = Column("workload", "int32", "", "number of the workload in its group; of the sender's, where received")
PART = Column("part", "label", "", "requests, received (from another guest), churn or boot")

TRANSFERS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    WORKLOAD,
    Column("job", "int32", "", "job or queue of the workload, from 0"),
    PART,
    Column("direction", "label", "", "from_device: host to guest; to_device: guest to host"),
    Column("frame_index", "int64", "", "frame, request or range of the stream, from 0"),
    Column("frame_bytes", "int64", "B", "its size"),
    Column("origin_ns", "int64", "ns", "instant at which its data first set out, in another guest where one sent it"),
    Column("submitted_ns", "int64", "ns", "instant at which it was there to be moved"),
    Column("deadline_ns", "int64", "ns", "instant after which it is late"),
    Column("handed_ns", "int64", "ns", "instant at which whom it is for had it; what ended without: then"),
    Column("ended_ns", "int64", "ns", "instant of delivery, of being dropped, or the end of the run"),
    Column("latency_ns", "int64", "ns", "ended minus submitted; the sum of the ledger, exactly"),
    Column("outcome", "label", "", "delivered, dropped or unfinished"),
    Column("drop_reason", "label", "", "why it was dropped, else empty"),
    Column("is_late", "bool", "", "delivered, and handed after its deadline"),
    Column("is_intact", "bool", "", "the consumer found the frame's own content"),
    *ledger_columns(),
    *WORK,
)

WINDOWS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("window", "int32", "", "window of the run, from 0"),
    Column("ends_ns", "int64", "ns", "instant at which the window ends"),
    Column("submitted", "int64", "1", "frames submitted in the window"),
    Column("delivered", "int64", "1", "frames delivered in the window"),
    Column("dropped", "int64", "1", "frames dropped in the window"),
    Column("late", "int64", "1", "frames delivered late in the window"),
    Column("delivered_bytes", "int64", "B", "bytes of the frames delivered"),
    Column("latency_ns_max", "int64", "ns", "longest latency among the frames delivered"),
    Column("shared_bytes", "int64", "B", "guest memory that the host may read, at the window's end"),
    Column("split_huge_pages", "int64", "1", "huge pages that are split, at the window's end"),
    Column("slots_used", "int64", "1", "swiotlb slots in use (io_tlb_used), at the window's end"),
)

FLOW = (
    Column("submitted", "int64", "1", "frames submitted"),
    Column("delivered", "int64", "1", "frames delivered"),
    Column("dropped_no_buffer", "int64", "1", "frames dropped because no buffer was free"),
    Column("dropped_swiotlb_full", "int64", "1", "frames dropped because the bounce pool was full"),
    Column("dropped_guest_died", "int64", "1", "frames dropped because the guest had died of a wrong access"),
    Column("dropped_guest_left", "int64", "1", "frames dropped because the guest had left"),
    Column("dropped_replaced", "int64", "1", "frames dropped for a newer one that waits in their place"),
    Column("dropped_ring_empty", "int64", "1", "packets dropped because the ring waited to be refilled"),
    Column("dropped_mapping_too_large", "int64", "1", "frames dropped because no pool takes a mapping of their size"),
    Column("unfinished", "int64", "1", "frames in flight at the end of the run"),
    Column("late", "int64", "1", "frames handed over after their deadline"),
    Column("damaged", "int64", "1", "frames delivered whose content was lost on the way"),
    Column("delivered_bytes", "int64", "B", "bytes of the frames delivered"),
    Column("received", "int64", "1", "frames delivered that another guest had sent"),
    Column("end_to_end_ns_sum", "int64", "ns", "sum over those from setting out in the other guest to handing over"),
    Column("latency_ns_sum", "int64", "ns", "sum of the delivered frames' latencies"),
    Column("latency_ns_max", "int64", "ns", "longest latency of a delivered frame"),
    Column("latency_bucket", "int32s", "", "histogram of delivered latencies: buckets in use (results/histogram.py)"),
    Column("latency_count", "int64s", "1", "frames in each of those buckets"),
    *(of_delivered(column) for column in (*ledger_columns(), *WORK)),
)

WORKLOADS = (HOST_ID, GUEST_ID, GUEST_GROUP, WORKLOAD, PART, *FLOW)

GUESTS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("vcpus", "int32", "1", "virtual CPUs"),
    Column("memory_bytes", "int64", "B", "guest memory"),
    Column("arrived_ns", "int64", "ns", "instant at which the guest came"),
    Column(
        "booted_ns",
        "int64",
        "ns",
        "from its coming to the end of its boot; 0 if that was before the run, or is still to come",
    ),
    Column("teardown_ns", "int64", "ns", "from its leaving until all of its memory is the host's again; 0 if it stays"),
    *FLOW,
    Column("shared_page_ns", "int64", "page·ns", "4 KiB pages that the host may read, times how long (exposure)"),
    Column("pool_bytes", "int64", "B", "bounce or shared pool"),
    Column("held_bytes", "int64", "B", "memory that the path keeps for I/O: pool and buffers, padding included"),
    Column("huge_leaves_at_boot", "int64", "1", "huge stage-2 leaves that mapped the guest before its pool was shared"),
    Column("huge_leaves", "int64", "1", "huge stage-2 leaves that map the guest at the end of the run"),
    Column("split_huge_pages", "int64", "1", "huge pages that are split at the end of the run"),
    Column("split_huge_page_ns", "int64", "ns", "huge pages that are split, times how long"),
    Column("setup_ns", "int64", "ns", "time that sharing the pool at boot took, outside all latencies"),
    Column("polled_ns", "int64", "ns", "CPU time spent polling: an idle guest's, its host's, a worker's"),
    Column("slots_hiwater", "int64", "1", "most swiotlb slots ever in use (io_tlb_used_hiwater)"),
    Column("slots_refused", "int64", "1", "mappings that the bounce pool had no slots for"),
    Column("slots_probed", "int64", "1", "positions that searches for slots looked at"),
    Column("grown_bytes", "int64", "B", "what dynamic pools added to the bounce pool"),
    Column("unmapped_buffers", "int64", "1", "buffers that found no slots to stay mapped in, and cannot be used"),
    Column("play_started", "bool", "", "whether a player with a playout buffer began to play"),
    Column("startup_ns", "int64", "ns", "from the first submission to the begin of play; 0 if it never began"),
    Column("freezes", "int64", "1", "gaps between rendered frames of max(3 periods, period + 150 ms) or more"),
    Column("frozen_ns", "int64", "ns", "time that those gaps exceeded one period"),
    Column("switches", "int64", "1", "segments played at another bit rate than the one before"),
    Column("played_bits_per_s", "int64", "b/s", "mean bit rate of what an adaptive player played"),
)

PLACEMENTS = (
    GUEST_ID,
    GUEST_GROUP,
    Column("index", "int32", "", "guest of its group, on its host or where the cluster places it in the cluster"),
    Column("vcpus", "int32", "1", "virtual CPUs"),
    Column("memory_bytes", "int64", "B", "guest memory"),
    Column("arrives_ns", "int64", "ns", "instant at which it came"),
    Column("leaves_ns", "int64", "ns", "instant at which it leaves; -1 if not within the run"),
    Column("host_id", "int32", "", "host that took it; -1 if none did"),
    Column("outcome", "label", "", "placed or refused"),
    Column(
        "refused_for",
        "label",
        "",
        "what the roomiest host lacked: cpus, memory, huge_pages; held_twice, node_…; else empty",
    ),
)

HOSTS = (
    HOST_ID,
    Column("guests", "int32", "1", "guests on the host"),
    Column("vcpu_busy_ns", "int64", "ns", "vCPU time in use, all guests"),
    Column("worker_busy_ns", "int64", "ns", "time that workers were held, all streams"),
    Column("busiest_worker_ns", "int64", "ns", "time that the worker which was held longest was held"),
    Column("busiest_worker", "label", "", "whose worker that was: a queue's, a device's, a guest's, or the host's"),
    Column("cpu_busy_ns", "int64", "ns", "time that CPUs were held, where they may be short; else 0"),
    Column("engine_busy_ns", "int64", "ns", "time that copy engines were held"),
    Column("iommu_busy_ns", "int64", "ns", "time that the IOMMU's invalidation queue was held"),
    Column("storage_busy_ns", "int64", "ns", "time that requests were in the storage, each counted"),
    Column("nic_out_busy_ns", "int64", "ns", "time that the network card sent"),
    Column("nic_in_busy_ns", "int64", "ns", "time that the network card took in"),
    Column("link_busy_ns", "int64", "ns", "time that links to other hosts carried traffic, each counted"),
    Column("psp_busy_ns", "int64", "ns", "time that the security processor built images"),
    Column("bandwidth_busy_ns", "int64", "ns", "time in which something used the memory bus; of nodes, the mean"),
    Column(
        "bandwidth_saturated_ns",
        "int64",
        "ns",
        "time in which more was asked than the memory bus carries; of nodes, the mean",
    ),
    Column("lock_busy_ns", "int64", "ns", "time in which the hypervisor's host-wide lock was held"),
)

CONVERSIONS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("calls", "int64", "1", "conversions of a buffer, either way"),
    Column("granules", "int64", "1", "granules converted, for frames of any ending"),
    Column("pages", "int64", "1", "4 KiB pages converted, for frames of any ending"),
    Column("lost_pages", "int64", "1", "pages whose data a conversion destroyed"),
    Column("refusals", "int64", "1", "conversions that pins refused (EAGAIN, EBUSY), attempts counted one by one"),
    Column("longest_pin_wait_ns", "int64", "ns", "longest that one frame waited for pins, unfinished frames included"),
    Column("stuck", "int64", "1", "frames that still waited for pins at the end of the run (starvation)"),
    Column("deferred_pages", "int64", "1", "pages whose conversion waited for the last unpin by itself"),
    Column("exposed_pages", "int64", "1", "pages that held a secret of the guest when they became shared"),
    Column("leaked_pages", "int64", "1", "pages whose secret the host has read"),
    Column("orphaned_pages", "int64", "1", "pages that lost their index while pinned: memory held that no file shows"),
    Column("double_pages", "int64", "1", "pages held by both backings at the end of the run (G0)"),
    Column("splits", "int64", "1", "huge pages split during the run"),
    Column("merges", "int64", "1", "huge pages merged during the run"),
    Column("broken_leaves", "int64", "1", "huge stage-2 leaves broken by converting a part of them, boot included"),
)

FAULTS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("at_ns", "int64", "ns", "instant of the access"),
    Column("access", "label", "", "what was done, or what the guest met"),
    Column("is_injected", "bool", "", "put into the run by its definition; else what came of that later"),
    Column("offset_bytes", "int64", "B", "where in the guest's memory; -1 where a transfer met it"),
    Column("pages", "int64", "1", "pages that were asked for"),
    Column("private_pages", "int64", "1", "pages among them that were private"),
    Column("outcome", "label", "", "signal, errno, exit or hardware event that it ended in; `works` if in none"),
    Column("victim", "label", "", "who died of it: nobody, process, guest or host"),
    Column("leaked_pages", "int64", "1", "pages whose secret the host read by it"),
    Column("spoilt_pages", "int64", "1", "pages whose data it destroyed or replaced"),
    Column("orphaned_pages", "int64", "1", "pages that lost their index while pinned"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "transfers": TRANSFERS,
    "guests": GUESTS,
    "workloads": WORKLOADS,
    "placements": PLACEMENTS,
    "hosts": HOSTS,
    "windows": WINDOWS,
    "conversions": CONVERSIONS,
    "faults": FAULTS,
}


@cache
def schema(table: str) -> "pa.Schema":
    """Arrow schema of a table, nothing nullable, unit and meaning in each field's metadata."""
    import pyarrow as pa

    kinds = {
        "int32": pa.int32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "label": pa.dictionary(pa.int8(), pa.string()),
        "int32s": pa.list_(pa.int32()),
        "int64s": pa.list_(pa.int64()),
    }
    return pa.schema(
        [
            pa.field(
                column.name,
                kinds[column.kind],
                nullable=False,
                metadata={"unit": column.unit, "meaning": column.meaning},
            )
            for column in TABLES[table]
        ],
        metadata={"table": table, "schema_version": "1"},
    )
