"""The columns of every table, each declared once: type, unit, meaning. Schemas and docs derive from here."""

from dataclasses import dataclass, replace
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

TRANSFERS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("workload", "int32", "", "number of the workload in its group"),
    Column("frame_index", "int64", "", "frame of the stream, from 0"),
    Column("frame_bytes", "int64", "B", "size of the frame"),
    Column("submitted_ns", "int64", "ns", "instant at which the frame was there to be moved"),
    Column("deadline_ns", "int64", "ns", "instant after which it is late"),
    Column("ended_ns", "int64", "ns", "instant of delivery, of being dropped, or the end of the run"),
    Column("latency_ns", "int64", "ns", "ended minus submitted; the sum of the ledger, exactly"),
    Column("outcome", "label", "", "delivered, dropped or unfinished"),
    Column("drop_reason", "label", "", "why it was dropped, else empty"),
    Column("is_late", "bool", "", "delivered after its deadline"),
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
    Column("slots_used", "int64", "1", "swiotlb slots in use (io_tlb_used), at the window's end"),
)

GUESTS = (
    HOST_ID,
    GUEST_ID,
    GUEST_GROUP,
    Column("vcpus", "int32", "1", "virtual CPUs"),
    Column("memory_bytes", "int64", "B", "guest memory"),
    Column("submitted", "int64", "1", "frames submitted"),
    Column("delivered", "int64", "1", "frames delivered"),
    Column("dropped_no_buffer", "int64", "1", "frames dropped because no buffer was free"),
    Column("dropped_swiotlb_full", "int64", "1", "frames dropped because the bounce pool was full"),
    Column("dropped_guest_died", "int64", "1", "frames dropped because the guest had died of a wrong access"),
    Column("unfinished", "int64", "1", "frames in flight at the end of the run"),
    Column("late", "int64", "1", "frames delivered after their deadline"),
    Column("damaged", "int64", "1", "frames delivered whose content was lost on the way"),
    Column("delivered_bytes", "int64", "B", "bytes of the frames delivered"),
    Column("latency_ns_sum", "int64", "ns", "sum of the delivered frames' latencies"),
    Column("latency_ns_max", "int64", "ns", "longest latency of a delivered frame"),
    Column("latency_bucket", "int32s", "", "histogram of delivered latencies: buckets in use (results/histogram.py)"),
    Column("latency_count", "int64s", "1", "frames in each of those buckets"),
    *(of_delivered(column) for column in (*ledger_columns(), *WORK)),
    Column("shared_page_ns", "int64", "page·ns", "4 KiB pages that the host may read, times how long (exposure)"),
    Column("pool_bytes", "int64", "B", "bounce or shared pool"),
    Column("held_bytes", "int64", "B", "memory that the path keeps for I/O: pool and buffers, padding included"),
    Column("huge_leaves_at_boot", "int64", "1", "huge stage-2 leaves that mapped the guest before its pool was shared"),
    Column("huge_leaves", "int64", "1", "huge stage-2 leaves that map the guest at the end of the run"),
    Column("split_huge_pages", "int64", "1", "huge pages that are split at the end of the run"),
    Column("split_huge_page_ns", "int64", "ns", "huge pages that are split, times how long"),
    Column("setup_ns", "int64", "ns", "time that sharing the pool at boot took, outside all latencies"),
    Column("slots_hiwater", "int64", "1", "most swiotlb slots ever in use (io_tlb_used_hiwater)"),
    Column("play_started", "bool", "", "whether a player with a playout buffer began to play"),
    Column("startup_ns", "int64", "ns", "from the first submission to the begin of play; 0 if it never began"),
    Column("freezes", "int64", "1", "gaps between rendered frames of max(3 periods, period + 150 ms) or more"),
    Column("frozen_ns", "int64", "ns", "time that those gaps exceeded one period"),
)

HOSTS = (
    HOST_ID,
    Column("guests", "int32", "1", "guests on the host"),
    Column("vcpu_busy_ns", "int64", "ns", "vCPU time in use, all guests"),
    Column("worker_busy_ns", "int64", "ns", "time that workers were held, all streams"),
    Column("engine_busy_ns", "int64", "ns", "time that the copy engine was held"),
    Column("bandwidth_busy_ns", "int64", "ns", "time in which some copy used the memory bus"),
    Column("bandwidth_saturated_ns", "int64", "ns", "time in which copies asked for more than the memory bus carries"),
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
    "hosts": HOSTS,
    "windows": WINDOWS,
    "conversions": CONVERSIONS,
    "faults": FAULTS,
}


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
