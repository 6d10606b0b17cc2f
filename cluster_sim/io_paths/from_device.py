"""The four paths of a frame from the host to the guest (DMA_FROM_DEVICE): swiotlb, convert, shared pool, direct.

Each is one short program; docs/model.md §paths holds them beside their sources.
"""

from typing import assert_never

from cluster_sim.io_paths.parts import (
    carries_content,
    convert,
    expect_frame,
    finish,
    guest_copy,
    guest_touch,
    held_by_others,
    host_copy,
    host_fill,
    host_fill_once,
    interrupt,
    ring_host,
    take_buffer,
    worker,
    wrote,
)
from cluster_sim.io_paths.steps import (
    Charge,
    Count,
    Op,
    Program,
    Range,
    Resource,
    Runner,
    Step,
    acquire,
    memory,
    release,
    spend,
)
from cluster_sim.memory.pages import Operation
from cluster_sim.platform.protection import Protection
from cluster_sim.results.endings import DropReason
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import ConvertPath, DirectPath, IoPath, MemorySpec, SharedPoolPath, SwiotlbPath


def program(path: IoPath, protection: Protection, spec: MemorySpec) -> Program:
    """The program of one transfer along `path` under `protection`, in memory as `spec` says."""
    match path:
        case SwiotlbPath():
            return swiotlb(path)
        case ConvertPath():
            return convert_in_place(path, protection, spec)
        case SharedPoolPath():
            return shared_pool(path, spec)
        case DirectPath():
            return direct(path.copier, spec)
        case _:
            assert_never(path)


def swiotlb(path: SwiotlbPath) -> Program:
    """Map per frame: map copies in, the host copies, unmap copies out: 2 guest copies + 1 host copy."""
    return Program(
        steps=(
            take_buffer(),
            acquire(Resource.VCPU, "wait for a vCPU"),
            acquire(Resource.AREA_LOCK, "take the area's lock", runner=Runner.GUEST),
            Step(Op.MAP_SLOTS, "find slots, 256 KiB a mapping"),
            spend("search slots", Category.SLOTS, Runner.GUEST, Charge("map_piece", Count.PIECES)),
            release(Resource.AREA_LOCK),
            guest_copy("map copies the buffer to the bounce slots, although the device will overwrite them"),
            *ring_host(),
            *worker(*host_copy(path.copier), Step(Op.STAGE, "the bounce slots hold the frame")),
            *interrupt(),
            guest_copy("unmap copies the bounce slots to the buffer"),
            memory("the buffer holds the frame", Operation.GUEST_WRITE, Range.OWN),
            acquire(Resource.AREA_LOCK, "take the area's lock", runner=Runner.GUEST),
            Step(Op.UNMAP_SLOTS, "give the slots back"),
            spend("release slots", Category.SLOTS, Runner.GUEST, Charge("unmap_piece", Count.PIECES)),
            release(Resource.AREA_LOCK),
            expect_frame(Range.OWN),
            *finish(),
        ),
        if_full=(
            release(Resource.AREA_LOCK),
            release(Resource.VCPU),
            Step(Op.GIVE_BUFFER, "give the buffer back"),
            Step(Op.DROP, "swiotlb buffer is full", argument=int(DropReason.SWIOTLB_FULL)),
        ),
    )


def convert_in_place(path: ConvertPath, protection: Protection, spec: MemorySpec) -> Program:
    """Share the buffer, let the host fill it, unshare it; copy out first where unsharing loses the data."""
    if not protection.has_private_memory:
        return direct(path.copier, spec)
    granule = path.granule
    if carries_content(protection, spec):
        copy_out: tuple[Step, ...] = ()
        found = Range.DEVICE
    else:
        found = Range.OWN
        copy_out = (
            *guest_touch(protection, spec, private=False),
            memory("the shared buffer holds the frame", Operation.EXPECT_CONTENT),
            guest_copy("copy out, because unsharing destroys the data"),
            memory("the private copy holds the frame", Operation.GUEST_WRITE, Range.OWN),
        )
    return Program(
        steps=(
            take_buffer(),
            acquire(Resource.VCPU, "wait for a vCPU"),
            *convert(protection, spec, to_private=False, granule_bytes=granule),
            *ring_host(),
            *worker(*host_fill_once(path.copier), *held_by_others(spec)),
            *interrupt(),
            *copy_out,
            *convert(protection, spec, to_private=True, granule_bytes=granule),
            expect_frame(found),
            *finish(),
        ),
    )


def shared_pool(path: SharedPoolPath, spec: MemorySpec) -> Program:
    """Stream through buffers that were shared once: no map, no doorbell, 0 to 2 copies."""
    producer_copies = path.copied_by in ("producer", "both")
    consumer_copies = path.copied_by in ("consumer", "both")
    produce = host_fill(path.copier) if producer_copies else (wrote(),)
    snapshot: tuple[Step, ...] = ()
    if consumer_copies:
        snapshot = (
            memory("the pool's buffer holds the frame", Operation.EXPECT_CONTENT),
            guest_copy("copy a private snapshot out of the pool"),
            memory("the private copy holds the frame", Operation.GUEST_WRITE, Range.OWN),
        )
    return Program(
        steps=(
            take_buffer(),
            *worker(*produce, *held_by_others(spec)),
            *interrupt(),
            *snapshot,
            expect_frame(Range.OWN if consumer_copies else Range.DEVICE),
            *finish(),
        ),
    )


def direct(copier: str, spec: MemorySpec) -> Program:
    """An unprotected guest: the host writes to the guest's own buffer."""
    return Program(
        steps=(
            take_buffer(),
            acquire(Resource.VCPU, "wait for a vCPU"),
            *ring_host(),
            *worker(*host_fill_once(copier), *held_by_others(spec)),
            *interrupt(),
            expect_frame(Range.DEVICE),
            *finish(),
        ),
    )
