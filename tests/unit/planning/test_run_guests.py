"""Guests of a run as hosts and software share them: streams numbered through, each kind of guest laid out once."""

from pathlib import Path

from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.placement import place_guests
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import Values, workload_sizes

STREAM: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}
BLOCK: Values = {"kind": "block", "rw": "randread", "bs": "4KiB", "iodepth": 4, "numjobs": 3, "deadline": "1ms"}


def scenario() -> ScenarioSpec:
    """Two hosts, each with two guests of one stream, then one of a stream and three jobs."""
    group: Values = {"count_per_host": 1, "vcpus": 2, "memory": "1GiB"}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": 2, "host": {"cpus": 16, "memory": "64GiB"}},
            "guests": [
                group | {"name": "plain", "count_per_host": 2, "workloads": [STREAM]},
                group | {"name": "mixed", "workloads": [STREAM, BLOCK]},
            ],
            "protection": "sev-snp",
            "io_path": {"kind": "swiotlb", "pool": "4MiB"},
        }
    )


def run_guests() -> RunGuests:
    """Its guests."""
    spec = scenario()
    return RunGuests(spec, workload_sizes(spec), place_guests(spec, (1, 0)))


def test_streams_are_numbered_through_guest_by_guest_as_the_hosts_plan_has_them() -> None:
    shared, spec = run_guests(), scenario()
    for host in range(2):
        guests = shared.on_host(host)
        assert [guest.first_stream for guest in guests] == [0, 1, 2]
        assert [len(guest.layout.queues) for guest in guests] == [1, 1, 4]
        streams = plan_host(spec, profile_of(spec), workload_sizes(spec), host=host, run_guests=shared).streams
        numbered = [(number, queue) for number, guest in enumerate(guests) for queue in guest.layout.queues]
        assert [(stream.guest, stream.queue) for stream in streams] == numbered


def test_a_kind_of_guest_is_laid_out_once_for_all_hosts() -> None:
    shared = run_guests()
    first, second = shared.on_host(0), shared.on_host(1)
    assert all(one.layout is other.layout for one, other in zip(first, second, strict=True))
    assert [guest.placed.host for guest in second] == [1, 1, 1]


def test_hosts_and_software_of_one_process_share_the_guests_of_an_order() -> None:
    order = RunOrder("one", 0, 1, scenario(), Path(), Storage("/nonexistent"), (0, 1))
    other = RunOrder("one", 0, 2, scenario(), Path(), Storage("/nonexistent"), (0, 1))
    assert order.guests() is order.guests()
    assert other.guests() is not order.guests()
