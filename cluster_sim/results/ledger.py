"""The ledger: every nanosecond of a transfer's latency is booked to exactly one of these categories."""

from enum import IntEnum


class Category(IntEnum):
    """Where a transfer's time went."""

    GUEST_COPY = 0
    HOST_COPY = 1
    ENGINE_COPY = 2
    EXIT = 3
    HYPERCALL = 4
    PAGE_TABLE = 5
    TLB = 6
    FAULT = 7
    SPLIT_MERGE = 8
    ACCEPT_ZERO = 9
    SLOTS = 10
    LOCK_WAIT = 11
    QUEUE_WAIT = 12
    BANDWIDTH_WAIT = 13
    NOTIFY = 14
    WORK = 15
    PIN_WAIT = 16
    CRYPTO = 17
    STORAGE = 18
    NETWORK = 19

    @property
    def label(self) -> str:
        """The name in columns and reports."""
        return self.name.lower()


MEANING: dict[Category, str] = {
    Category.GUEST_COPY: "copies by a vCPU, as long as each would take alone",
    Category.HOST_COPY: "copies by a host CPU, as long as each would take alone",
    Category.ENGINE_COPY: "copies by a hardware engine, submission included",
    Category.EXIT: "exits to the host and its VMM, doorbells included",
    Category.HYPERCALL: "calls from the guest to the hypervisor that ask for a conversion",
    Category.PAGE_TABLE: "stage-2, RMP, granule and host page-table changes, IOMMU mappings",
    Category.TLB: "invalidations of stale translations",
    Category.FAULT: "page faults of the host and of the guest",
    Category.SPLIT_MERGE: "splitting and merging huge pages",
    Category.ACCEPT_ZERO: "accepting, validating and zeroing pages",
    Category.SLOTS: "searching and releasing swiotlb slots",
    Category.LOCK_WAIT: "waiting for a lock: swiotlb area, mmu_lock, the hypervisor's host-wide lock",
    Category.QUEUE_WAIT: "waiting for a buffer, vCPU, CPU, worker, engine, storage, network card, or the guest's boot",
    Category.BANDWIDTH_WAIT: "what sharing memory bandwidth added to copies",
    Category.NOTIFY: "waking the worker, serving the ring, interrupting the guest",
    Category.WORK: "the guest's own work: consuming what came, making what goes; a range's time as shared",
    Category.PIN_WAIT: "conversions that pins refused: failed attempts, and waiting for the pins to go",
    Category.CRYPTO: "passes of a cipher over the data, as long as each would take alone",
    Category.STORAGE: "the storage's own time for a request",
    Category.NETWORK: "network cards sending and taking in, and the way between hosts",
}

CATEGORY_COUNT = len(Category)
assert len(MEANING) == CATEGORY_COUNT
