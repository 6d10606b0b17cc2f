"""A conversion takes time from the guest's other vCPUs: an exit and a flush for each that a transfer has, no more."""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import Arrivals, submissions
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import pool
from tests.unit.lone_host import Values, engine_of, run, scenario

MS = 1_000_000
PAGE = 4096
SHOT_DOWN = {"sev-snp": 2_260 + 3_060 + 100, "tdx": 4_300 + 100}
"""One interruption: what leaves the guest, and the flush."""
WORK_MS = 1_000
WORKING: Values = {"kind": "network", "size": "1500B", "rate_pps": 1, "consume": f"{WORK_MS}ms"}


def at_work(protection: str, vcpus: int, pages: int, *, idle: str = "halt") -> tuple[HostEngine, Records]:
    """All vCPUs but one work for a second on a packet each, when a range of so many pages is shared and unshared."""
    churn: Values = {"kind": "churn", "rate": 1, "size": f"{4 * pages}KiB", "granule": "4KiB"}
    guest: Values = {"vcpus": vcpus, "idle": idle, "workloads": [WORKING | {"queues": vcpus - 1}, churn]}
    engine = engine_of(scenario(protection, pool("none"), guest=guest))
    streams = np.arange(vcpus)
    at_ns = np.where(streams < vcpus - 1, 0, MS)
    size_bytes = np.where(streams < vcpus - 1, 1500, pages * PAGE)
    none = np.zeros(vcpus, np.int64)
    coming: Arrivals = submissions(at_ns, streams, none, size_bytes, at_ns + 10**10, none)
    done = run(engine, coming)
    ordered: Records = done[np.argsort(done["stream"])]
    assert len(ordered) == vcpus
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"] - ordered["submitted_ns"]).all()
    return engine, ordered


# By the guest once each way it flushes, by the host once an exit to the VMM, and on TDX once a page that is removed.
# SNP: 64 pages an exit. TDX: 2 MiB an exit, and the guest drops nothing of its own on the way back.
TIMES = {
    ("sev-snp", 1): (1 + 1) + (1 + 1),
    ("sev-snp", 100): (1 + 2) + (1 + 2),
    ("tdx", 1): (1 + 1) + 1,
    ("tdx", 100): (1 + 100) + 1,
}


@pytest.mark.parametrize("vcpus", [2, 4, 32])
@pytest.mark.parametrize(("protection", "pages"), TIMES)
def test_each_other_vcpu_at_work_pays_for_every_interruption_by_a_conversion(
    protection: str, pages: int, vcpus: int
) -> None:
    _, done = at_work(protection, vcpus, pages)
    times = TIMES[protection, pages]
    working = done[: vcpus - 1]
    assert working["ledger"][:, Category.TLB].tolist() == [times * SHOT_DOWN[protection]] * (vcpus - 1)
    assert (working["ledger"][:, Category.WORK] == WORK_MS * MS).all(), "its work takes as long as ever"
    own_exits = 1 if protection == "sev-snp" else 0  # its interrupt, which TDX posts
    assert (working["exits"] == times + own_exits).all(), "each interruption is an exit"
    paid = working["cpu_ns"][:, 0] - working["ledger"][:, Category.WORK]
    assert (paid >= times * SHOT_DOWN[protection]).all(), "and time of the vCPU's"


@pytest.mark.parametrize("protection", ["none", "pkvm", "cca"])
def test_where_invalidations_are_broadcast_or_nothing_converts_nobody_pays(protection: str) -> None:
    _, done = at_work(protection, 4, 100)
    assert not done["ledger"][:3, Category.TLB].any()


@pytest.mark.parametrize("protection", SHOT_DOWN)
def test_a_vcpu_that_spins_without_a_transfer_delays_nobody(protection: str) -> None:
    """It is interrupted, too, but nothing of it is late: latencies are those of a guest that halts, less its waking."""
    _, halting = at_work(protection, 4, 100)
    _, spinning = at_work(protection, 4, 100, idle="poll")
    tlb = Category.TLB
    assert spinning["ledger"][:, tlb].tolist() == halting["ledger"][:, tlb].tolist()


@pytest.mark.parametrize(("protection", "times"), [("sev-snp", 1 + 1), ("tdx", 1 + 512), ("pkvm", 0), ("none", 0)])
@pytest.mark.parametrize("vcpus", [2, 4])
def test_a_pool_that_grows_interrupts_those_at_work(protection: str, times: int, vcpus: int) -> None:
    """A packet's work holds a vCPU while a frame finds a pool of 2 MiB too small, and another 2 MiB are shared.

    A pool is shared by 2 MiB: one exit to SNP's monitor; TDX removes page by page all the same.
    """
    video: Values = {
        "kind": "video",
        "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
        "deadline": "16ms",
        "when_full": "drop_newest",
    }
    path: Values = {
        "kind": "swiotlb",
        "mapping": "per_transfer",
        "pool": "2MiB",
        "areas": 1,
        "dynamic": True,
        "grow": "2MiB",
    }
    guest: Values = {"vcpus": vcpus, "workloads": [WORKING, video]}
    engine = engine_of(scenario(protection, path, guest=guest))
    at_ns, streams = np.array([0, MS]), np.array([0, 1])
    none = np.zeros(2, np.int64)
    done = run(engine, submissions(at_ns, streams, none, np.array([1500, 3_110_400]), at_ns + 10**10, none))
    (working,) = done[done["stream"] == 0]
    assert engine.gauges().guests()["grown_pages"].tolist() == [512]
    assert working["ledger"][Category.TLB] == times * SHOT_DOWN.get(protection, 0)
