"""What is offered and not sustained: each resource that may be short, with numbers that a pencil can check.

One guest is offered 60 frames a second for 10 s, 600 in all, through 4 buffers.
"""

from collections.abc import Mapping
from typing import get_args

import pytest

from cluster_sim.analysis.overloads.finding import find_overloads, lost_share
from cluster_sim.analysis.overloads.offers import WORK, offers_of
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.host_use import HostUse
from cluster_sim.analysis.summaries.sums import Sums
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import Workload

VIDEO = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
    "buffers": 4,
    "deadline": "16ms",
    "when_full": "drop_newest",
}
BLOCK = {"kind": "block", "rate_iops": 60, "iodepth": 4, "cpus": "one", "deadline": "16ms"}
HALF = {"submitted": 600, "delivered": 300, "dropped_no_buffer": 300, "latency_ns_sum": 300 * 40_000_000}
"""Every second frame finds no buffer."""
IDLE = HostUse()


def scenario(workload: Mapping[str, object] = VIDEO, **path: str) -> ScenarioSpec:
    """One guest of two vCPUs on one host of pKVM, for 10 s."""
    return ScenarioSpec.model_validate(
        {
            "duration": "10s",
            "protection": "pkvm",
            "io_path": path or {"kind": "swiotlb"},
            "cluster": {"hosts": 1, "host": {"cpus": 64, "memory": "256GiB"}},
            "guests": [{"name": "raw", "count_per_host": 1, "vcpus": 2, "memory": "4GiB", "workloads": [workload]}],
        }
    )


def found(totals: Mapping[str, int], hosts: HostUse = IDLE, spec: ScenarioSpec | None = None) -> Overload | None:
    """What is found of one guest that comes to these totals."""
    spec = scenario() if spec is None else spec
    record = VariantRecord(axes={}, profile="p", duration_ns=10**10, scenario=spec.plain())
    manifest = Manifest(
        experiment="made-up",
        question="",
        definition="made-up.yaml",
        seed=1,
        replications=1,
        baseline={},
        variants={"one": record},
        profiles={},
        versions={},
        host={},
    )
    sums = Sums(rows=1, replications={0}, totals=dict(totals))
    of_workload: dict[Key, Sums] = {("one", "raw", "requests", "0"): sums}
    return find_overloads(manifest, {("one", "raw"): sums}, of_workload, {"one": hosts}).get(("one", "raw"))


def sentence(totals: Mapping[str, int], hosts: HostUse = IDLE, spec: ScenarioSpec | None = None) -> str:
    """The same in words; empty where all is sustained."""
    overload = found(totals, hosts, spec)
    return "" if overload is None else overload.sentence


@pytest.mark.parametrize(
    ("resource", "column", "told"),
    [
        ("conversion lock", "lock_wait_ns", "pKVM's host-wide lock"),
        ("IOMMU queue", "tlb_ns", "the IOMMU's invalidation queue"),
        ("memory bus full", "bandwidth_wait_ns", "the memory bus"),
        ("card, sending", "network_ns", "the network card"),
        ("card, receiving", "network_ns", "the network card"),
        ("link", "network_ns", "the link to another host"),
        ("copy engines", "engine_copy_ns", "the host's copy engines"),
        ("storage", "storage_ns", "the storage"),
        ("security processor or drive", "storage_ns", "the security processor or the drive"),
    ],
)
def test_a_resource_of_the_host_that_is_full_is_short_where_the_group_uses_it(
    resource: str, column: str, told: str
) -> None:
    full = HostUse(most={resource: 99.0})
    expected = f"does not sustain 60 frames/s: {told} would be used 200 %; it sustains 30"
    assert sentence({**HALF, column: 1}, full) == expected, "600 were offered while 300 were served"
    assert told not in sentence(HALF, full), "who does not use it is not short of it"
    assert told not in sentence({**HALF, column: 1}, HostUse(most={resource: 96.0}))


def test_the_hosts_cpus_and_its_worker_are_short_where_they_are_held_all_the_time() -> None:
    assert "the host's CPUs would be used 200 %" in sentence(HALF, HostUse(most={"CPUs": 98.0}))
    assert "the host's worker would be" in sentence(HALF, HostUse(workers={"raw 0, workload 0, queue 0": 99.0}))
    assert "the one worker of the host would be" in sentence(HALF, HostUse(workers={"the host": 99.0}))
    assert "worker" not in sentence(HALF, HostUse(workers={"coded 0": 99.0})), "another group's"


def test_vcpus_are_short_where_delivered_frames_took_all_of_their_time() -> None:
    vcpu_ns = 2 * 10**10
    assert "the guest's vCPUs would be used 200 %" in sentence({**HALF, "guest_cpu_ns": vcpu_ns * 98 // 100})
    assert "vCPUs" not in sentence({**HALF, "guest_cpu_ns": vcpu_ns * 96 // 100})


def test_a_lock_inside_the_guest_is_short_where_frames_wait_for_it_half_of_the_time_that_they_do_not_queue() -> None:
    waiting = {**HALF, "queue_wait_ns": 300 * 20_000_000, "lock_wait_ns": 300 * 10_000_000}
    assert "swiotlb's area lock would be used 200 %" in sentence(waiting)
    assert "the guest's mmu_lock would be" in sentence(waiting, spec=scenario(kind="convert", granule="4KiB"))
    assert "lock" not in sentence({**waiting, "lock_wait_ns": 300 * 9_000_000})


def test_one_thread_is_short_where_its_requests_queue_most_of_the_time() -> None:
    block = scenario(BLOCK)
    queued = {**HALF, "queue_wait_ns": 300 * 30_000_000}
    assert sentence(queued, spec=block) == (
        "does not sustain 60 requests/s: the queue's one thread would be used 200 %; it sustains 30"
    )


def test_without_anything_full_the_share_lost_and_the_rate_in_time_are_told() -> None:
    late = {"submitted": 600, "delivered": 600, "late": 150, "latency_ns_sum": 600 * 10_000_000}
    overload = found(late)
    assert overload is not None
    assert overload.use is None
    assert overload.sentence == (
        "does not sustain 60 frames/s: 25 % are dropped, late or left behind; 45 are delivered in time"
    )
    nothing = {"submitted": 600, "dropped_swiotlb_full": 600}
    assert sentence(nothing) == (
        "does not sustain 60 frames/s: 100 % found the bounce pool full; none is delivered in time"
    )


def test_a_twentieth_may_be_lost_and_no_more_unless_something_is_full() -> None:
    lost = {"submitted": 600, "delivered": 570, "dropped_no_buffer": 30, "latency_ns_sum": 570, "lock_wait_ns": 1}
    more = {**lost, "delivered": 569, "dropped_no_buffer": 31}
    full = HostUse(most={"conversion lock": 99.0})
    assert found(lost) is None
    assert found(more) is not None
    assert sentence(lost, full) == (
        "does not sustain 60 frames/s: pKVM's host-wide lock would be used 105 %; it sustains 57"
    )
    assert found({**lost, "delivered": 596, "dropped_no_buffer": 4}, full) is None, "used 1.0067, within the margin"


def test_buffers_make_no_other_sentence_of_the_same_lock() -> None:
    full = HostUse(most={"conversion lock": 99.0})
    ten = scenario({**VIDEO, "buffers": 10})
    with_4 = {**HALF, "delivered": 328, "dropped_no_buffer": 268, "unfinished": 4, "lock_wait_ns": 1}
    with_10 = {**HALF, "delivered": 325, "dropped_no_buffer": 265, "unfinished": 10, "lock_wait_ns": 1}
    wanted = "does not sustain 60 frames/s: pKVM's host-wide lock would be used 182 %; it sustains 33"
    assert sentence(with_4, full) == sentence(with_10, full, ten) == wanted


def test_what_is_left_behind_is_what_is_not_just_in_flight() -> None:
    sums = Sums(rows=1, replications={0}, totals={"submitted": 600, "delivered": 500, "unfinished": 100})
    sums.totals["latency_ns_sum"] = 500 * 10**9
    assert lost_share(sums, 10**10) == pytest.approx((100 - 60 - 1) / 600), "60 a second for a second each"
    sums.totals["latency_ns_sum"] = 500 * 2 * 10**9
    assert lost_share(sums, 10**10) == 0


def test_closed_loops_offer_nothing_at_a_rate() -> None:
    closed = {name: value for name, value in BLOCK.items() if name != "rate_iops"}
    assert offers_of(scenario(closed), "raw") == {}
    assert found({**HALF, "late": 300}, spec=scenario(closed)) is None


def test_frames_of_a_guest_that_has_left_are_not_lost() -> None:
    assert found({"submitted": 600, "delivered": 300, "dropped_guest_left": 300}) is None


def test_what_every_kind_of_workload_moves_has_a_name() -> None:
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(get_args(Workload)[0])}
    assert set(WORK) == kinds
