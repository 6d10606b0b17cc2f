"""The queues of a guest, in the order in which they are planned, and what each asks of its path."""

import pytest
from pydantic import JsonValue

from cluster_sim.io_paths.drivers import DRIVERS, Driver
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.steps import Direction
from cluster_sim.planning.queues import Queue, Sender, queues_of
from cluster_sim.planning.stream_programs import context_of, definition_prices
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import DriverName
from tests.unit.lone_host import Values

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
RAW: Values = {"kind": "raw", "width": 64, "height": 32, "format": "nv12", "fps": 60}
FRAMES: Values = {"kind": "video", "source": RAW, "deadline": "33ms"}
SENT: Values = {**FRAMES, "direction": "to_guest", "to": {"guest": "receiving", "hosts_on": 1}}
BOOT: Values = {"kind": "boot", "accept": "eager"}


def scenario(*workloads: Values, **more: JsonValue) -> ScenarioSpec:
    """Two hosts, with three guests of the given workloads and two that may receive from them."""
    sending: Values = {
        "name": "sending",
        "count_per_host": 3,
        "vcpus": 2,
        "memory": "1GiB",
        "workloads": list(workloads),
    }
    receiving: Values = {
        "name": "receiving",
        "count_per_host": 2,
        "vcpus": 2,
        "memory": "1GiB",
        "workloads": [{"kind": "churn", "rate": 10, "hold": "3ms"}],
    }
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": 2, "host": {"cpus": 64, "memory": "64GiB"}, "network": {"latency": "20us"}},
            "guests": [sending, receiving],
            "protection": "none",
            "io_path": {"kind": "direct"},
            **more,
        }
    )


def names(queues: list[Queue]) -> list[tuple[int | str, ...]]:
    """What names each in draws."""
    return [queue.name for queue in queues]


def test_a_guest_has_a_queue_a_job_and_its_boot_comes_first() -> None:
    spec = scenario({"kind": "block", "numjobs": 2}, {"kind": "network", "queues": 2}, BOOT, FRAMES)
    assert names(queues_of(spec, spec.guests[0], 0)) == [
        (2, 0, "image"),
        (2, 0, "firmware"),
        (2, 0, "kernel"),
        (2, 0, "pool"),
        (2, 0, "accept"),
        (0, 0, "requests"),
        (0, 1, "requests"),
        (1, 0, "requests"),
        (1, 1, "requests"),
        (3, 0, "requests"),
    ]


@pytest.mark.parametrize(("index", "senders"), [(0, [0, 2]), (1, [1])])
def test_what_others_send_comes_last_and_senders_are_counted_round(index: int, senders: list[int]) -> None:
    spec = scenario(SENT)
    own, *received = queues_of(spec, spec.guests[1], index)
    assert own.name == (0, 0, "churn")
    assert [queue.name for queue in received] == [(0, 0, "received")] * len(senders)
    assert [queue.sender for queue in received] == [Sender("sending", sender, 0, 1) for sender in senders]


@pytest.mark.parametrize(
    ("workload", "name"),
    [
        (FRAMES, "v4l2"),
        ({**FRAMES, "direction": "to_device", "driver": "usb"}, "usb"),
        ({"kind": "block", "rw": "randrw"}, "virtio-blk"),
        ({"kind": "block", "driver": "nvme"}, "nvme"),
        ({"kind": "network"}, "virtio-net"),
        ({"kind": "network", "direction": "to_device", "driver": "nic"}, "nic"),
        ({"kind": "network", "driver": "virtio-vsock"}, "virtio-vsock"),
    ],
)
def test_each_direction_of_a_queue_has_the_driver_that_its_workload_names(workload: Values, name: DriverName) -> None:
    spec = scenario(workload)
    (queue,) = queues_of(spec, spec.guests[0], 0)
    found: dict[Direction, Driver] = {way: context(spec, queue, way).driver for way in queue.directions}
    assert found == {way: DRIVERS[name][way] for way in queue.directions}


def context(spec: ScenarioSpec, queue: Queue, direction: Direction, *, is_alone: bool = False) -> PathContext:
    """What one direction asks of its path."""
    group, protection = spec.guests[0], PROTECTIONS["none"]
    return context_of(
        queue, direction, group, spec, protection, shares_cpus=False, is_alone=is_alone, is_shot_down=False
    )


def test_a_transfer_that_is_alone_neither_loops_nor_waits_for_the_boot() -> None:
    spec = scenario({"kind": "block"}, BOOT)
    queue = queues_of(spec, spec.guests[0], 0)[-1]
    together, alone = (context(spec, queue, FROM_DEVICE, is_alone=is_alone) for is_alone in (False, True))
    assert (together.is_closed, together.waits_for_boot) == (True, True)
    assert (alone.is_closed, alone.waits_for_boot) == (False, False)
    assert together.far_end == alone.far_end == "storage"


def test_the_definition_gives_the_prices_of_work_latency_and_holding() -> None:
    spec = scenario(FRAMES)
    (frames,), (churn,) = (queues_of(spec, group, 0) for group in spec.guests)
    assert definition_prices(spec, frames) == {"work": 1, "network_latency": 20_000, "client_way": 0, "hold": 0}
    assert definition_prices(spec, churn) == {"work": 1, "network_latency": 20_000, "client_way": 0, "hold": 3_000_000}
