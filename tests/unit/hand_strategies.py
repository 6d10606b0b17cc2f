"""Hand sums of a frame in a buffer that converts, and of the work on it before and after: by what each use finds.

Frames lie so far apart that nothing of one is left when the next comes, unless a test says when they come.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.steps import Direction
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import (
    CONVERTED,
    COPY,
    FAULTS,
    INTERRUPT,
    KICK,
    LOSING_CONTENT,
    PAGES,
    TOUCH_SHARED,
    UNMAP,
    UNMAP_EXIT,
    WORKER,
    share,
    unshare,
)
from tests.unit.lone_host import Values, in_turn, scenario

APART_NS = 100_000_000
WAYS = (Direction.FROM_DEVICE, Direction.TO_DEVICE)
PAGES_2M = 512


def convert_path(granule: JsonValue = "4KiB", **fields: JsonValue) -> Values:
    """A path that converts, with some of its fields."""
    return {"kind": "convert", "granule": granule} | fields


def frames(
    protection: str,
    path: Values,
    direction: Direction,
    count: int,
    *,
    buffers: int = 4,
    host: Values | None = None,
    memory: Values | None = None,
    instants_ns: Sequence[int] = (),
) -> tuple[HostEngine, Records]:
    """Frames one after the other, or at given instants, on an otherwise idle host."""
    way = direction.name.lower()
    spec = scenario(protection, path, host=host, memory=memory, buffers=buffers, direction=way)
    instants = instants_ns or [(number + 1) * APART_NS for number in range(count)]
    engine, done = in_turn(spec, instants, direction=direction)
    assert done["is_intact"].all()
    return engine, done


def latencies(done: Records) -> list[int]:
    """From each frame's arrival to its end."""
    found: list[int] = (done["ended_ns"] - done["submitted_ns"]).tolist()
    return found


def calls_of(protection: str, pages: int, granule: str) -> int:
    """Calls of the technology's own for so many pages: pKVM's take a granule, SNP's 64, the others any range."""
    granules = pages // (1 if granule == "4KiB" else PAGES_2M)
    return {"pkvm": granules, "sev-snp": -(-granules // 64), "tdx": 1, "cca": 1}[protection]


def vmm_exits_of(protection: str, pages: int, granule: str) -> int:
    """Exits to the VMM: one a call of SNP, one a 2 MiB of TDX."""
    return {"sev-snp": calls_of(protection, pages, granule), "tdx": -(-pages // PAGES_2M)}.get(protection, 0)


def shared_ns(protection: str, granule: str = "4KiB", buffers: int = 1) -> int:
    """Sharing so many buffers of F's granules together."""
    pages = buffers * CONVERTED[granule]
    calls, exits = calls_of(protection, pages, granule), vmm_exits_of(protection, pages, granule)
    return share(protection, pages=pages, calls=calls, vmm_exits=exits, is_ranged=granule != "4KiB")


def unshared_ns(protection: str, granule: str = "4KiB", buffers: int = 1) -> int:
    """Making so many buffers private together, of which the host has mapped what holds F."""
    pages = buffers * CONVERTED[granule]
    calls, exits = calls_of(protection, pages, granule), vmm_exits_of(protection, pages, granule)
    unmapped = buffers * UNMAP + calls * UNMAP_EXIT[protection]
    return unmapped + unshare(protection, pages=pages, calls=calls, vmm_exits=exits, is_ranged=granule != "4KiB")


def found_ns(protection: str) -> int:
    """What a frame pays in a buffer that was shared for it: the host's faults, and the guest's where it has any."""
    return FAULTS + PAGES * TOUCH_SHARED[protection]


def moved_ns(protection: str) -> int:
    """What every frame pays: doorbell, worker, the host's copy, interrupt."""
    return KICK[protection] + WORKER + COPY + INTERRUPT[protection]


def copied_out_ns(protection: str, direction: Direction, *, may_stay_shared: bool) -> int:
    """The guest's copy of what came, where its page loses content, or stays shared."""
    comes = direction == Direction.FROM_DEVICE
    return COPY if comes and (may_stay_shared or protection in LOSING_CONTENT) else 0
