"""What each kind of workload means for its queues, against the definition by hand."""

from dataclasses import replace

import pytest
from pydantic import JsonValue, TypeAdapter

from cluster_sim.scenario.queue_traits import (
    FarEnd,
    MemoryRanges,
    QueueTraits,
    RequestLog,
    Role,
    TransferSizes,
    WorkloadTraits,
)
from cluster_sim.scenario.workload_spec import LadderVideo, ReceiverSpec, TracedVideo, Workload
from cluster_sim.scenario.workload_traits import traits_of

KIB, MIB = 1 << 10, 1 << 20
MS, S = 10**6, 10**9
WORKLOADS: TypeAdapter[Workload] = TypeAdapter(Workload)
Values = dict[str, JsonValue]

RAW: Values = {"kind": "raw", "width": 64, "height": 32, "format": "nv12", "fps": 60}
RAW_BYTES = 64 * 32 * 3 // 2
VIDEO: Values = {"kind": "video", "source": RAW, "deadline": "33ms", "buffers": 4}
TO_GUEST: Values = {**VIDEO, "direction": "to_guest", "produce": "1ms", "consume": "2ms"}
BLOCK: Values = {"kind": "block", "bs": "8KiB", "iodepth": 16, "numjobs": 3, "deadline": "1s"}
NETWORK: Values = {"kind": "network", "size": "1500B", "ring": 128, "queues": 2, "deadline": "1s"}


def traits(workload: Values, **more: JsonValue) -> WorkloadTraits:
    """What a workload means."""
    return traits_of(WORKLOADS.validate_python({**workload, **more}))


def only_queue(workload: Values, **more: JsonValue) -> QueueTraits:
    """Its one kind of queue."""
    (queue,) = traits(workload, **more).queues
    return queue


@pytest.mark.parametrize(
    ("fields", "is_contiguous"),
    [({}, False), ({"segments": "contiguous"}, True), ({"segments": "scatter_gather"}, False)],
)
def test_the_definition_says_whether_a_device_takes_a_buffer_as_one_mapping(
    fields: Values,
    is_contiguous: bool,  # noqa: FBT001
) -> None:
    assert traits(VIDEO | fields).queues[0].is_contiguous is is_contiguous


def test_raw_video_from_the_device_is_one_queue_of_frames_of_one_size() -> None:
    assert traits(VIDEO, consume="2ms", when_full="drop_oldest") == WorkloadTraits(
        queues=(
            QueueTraits(
                role=Role.REQUESTS,
                deadline_ns=33 * MS,
                driver="v4l2",
                from_device=True,
                to_device=False,
                far_end="nothing",
                when_full="drop_oldest",
                buffers=4,
                consume_ns=2 * MS,
            ),
        ),
        transfer_sizes=TransferSizes(RAW_BYTES, RAW_BYTES),
    )


def test_the_size_of_a_video_buffer_is_the_largest_frame_unless_the_definition_says_it() -> None:
    assert only_queue(VIDEO).buffer_bytes is None
    assert only_queue(VIDEO, buffer="8KiB").buffer_bytes == 8 * KIB


def test_traced_video_leaves_its_sizes_to_the_trace() -> None:
    source: Values = {"kind": "trace", "trace": "a.parquet"}
    found = traits(VIDEO, source=source)
    assert found.transfer_sizes is None
    assert found.trace == TracedVideo.model_validate(source)


def test_a_ladder_leaves_its_sizes_to_its_rungs() -> None:
    source: Values = {"kind": "ladder", "rungs": ["a", "b"], "player": "bba", "link": [{"at": "0s", "rate": "5Mb/s"}]}
    found = traits(VIDEO, source=source)
    assert found.transfer_sizes is None
    assert found.trace == LadderVideo.model_validate(source)


@pytest.mark.parametrize(
    ("hosts_on", "far_end", "comes_from_network"), [(0, "another guest", False), (2, "another host", True)]
)
def test_video_to_a_guest_leaves_at_one_end_and_is_received_at_the_other(
    hosts_on: int, far_end: str, *, comes_from_network: bool
) -> None:
    found = traits(TO_GUEST, to={"guest": "other", "hosts_on": hosts_on})
    (sent,) = found.queues
    received = found.received
    assert found.to == ReceiverSpec(guest="other", hosts_on=hosts_on)
    assert received is not None
    assert (sent.role, sent.from_device, sent.to_device) == (Role.REQUESTS, False, True)
    assert (sent.far_end, sent.hosts_on, sent.comes_from_network) == (far_end, hosts_on, False)
    assert (received.role, received.from_device, received.to_device) == (Role.RECEIVED, True, False)
    assert (received.far_end, received.hosts_on) == ("nothing", 0)
    assert received.comes_from_network == comes_from_network
    assert (received.buffers, received.deadline_ns) == (4, 33 * MS)


def test_video_that_stays_with_its_guest_is_received_by_nobody() -> None:
    found = traits(VIDEO, direction="to_device")
    assert (found.to, found.received) == (None, None)
    assert (found.queues[0].from_device, found.queues[0].to_device) == (False, True)


def test_who_plays_frames_is_told_how_they_end() -> None:
    playout: Values = {"startup": "200ms"}
    assert not only_queue(VIDEO).reports_ends
    assert only_queue(VIDEO, playout=playout).reports_ends
    sent = traits(TO_GUEST, to={"guest": "other"}, playout=playout)
    assert sent.received is not None
    assert (sent.queues[0].reports_ends, sent.received.reports_ends) == (False, True)


def test_block_is_a_closed_queue_a_job_with_storage_behind_it() -> None:
    assert traits(BLOCK, thinktime="5ms", produce="1ms", consume="2ms") == WorkloadTraits(
        queues=(
            QueueTraits(
                role=Role.REQUESTS,
                deadline_ns=S,
                queues=3,
                driver="virtio-blk",
                cipher_bytes=512,
                from_device=True,
                to_device=False,
                far_end="storage",
                buffers=16,
                sizes={8 * KIB: 100},
                reads_percent=100,
                is_closed=True,
                think_ns=5 * MS,
                produce_ns=MS,
                consume_ns=2 * MS,
                work="uniform",
                work_spread=10,
            ),
        ),
        transfer_sizes=TransferSizes(8 * KIB, 8 * KIB),
    )


@pytest.mark.parametrize(
    ("rw", "from_device", "to_device", "reads_percent"),
    [
        ("read", True, False, 100),
        ("randread", True, False, 100),
        ("write", False, True, 0),
        ("randwrite", False, True, 0),
        ("rw", True, True, 70),
        ("randrw", True, True, 70),
    ],
)
def test_block_reads_and_writes_as_fio_says(rw: str, *, from_device: bool, to_device: bool, reads_percent: int) -> None:
    found = only_queue(BLOCK, rw=rw, rwmixread=70)
    assert (found.from_device, found.to_device, found.reads_percent) == (from_device, to_device, reads_percent)


def test_sizes_that_are_drawn_have_their_weighted_mean() -> None:
    found = traits(BLOCK, bssplit={"4KiB": 75, "64KiB": 25})
    assert found.queues[0].sizes == {4 * KIB: 75, 64 * KIB: 25}
    assert found.transfer_sizes == TransferSizes(64 * KIB, (75 * 4 * KIB + 25 * 64 * KIB) // 100)


@pytest.mark.parametrize("stalls", [True, False])
def test_a_log_may_go_either_way_and_is_a_closed_loop_where_it_never_stalls(*, stalls: bool) -> None:
    found = traits(BLOCK, read_iolog="a.log", replay_no_stall=not stalls)
    assert (found.trace, found.transfer_sizes) == (RequestLog("a.log"), None)
    assert (found.queues[0].from_device, found.queues[0].to_device) == (True, True)
    assert found.queues[0].is_closed is not stalls


@pytest.mark.parametrize(("workload", "rate"), [(BLOCK, "rate_iops"), (NETWORK, "rate_pps")])
def test_requests_at_a_rate_are_no_closed_loop(workload: Values, rate: str) -> None:
    assert only_queue(workload).is_closed
    assert not only_queue(workload, **{rate: 1000}).is_closed


@pytest.mark.parametrize("workload", [BLOCK, NETWORK])
def test_requests_may_be_drawn_work_in_one_thread_that_polls(workload: Values) -> None:
    plain = only_queue(workload)
    assert (plain.work, plain.work_spread, plain.is_threaded, plain.polls_completions) == ("uniform", 10, False, False)
    found = only_queue(workload, work="exponential", cpus="one", completion="poll", consume="1ms")
    assert (found.work, found.is_threaded, found.polls_completions) == ("exponential", True, True)


def test_packets_that_are_received_come_through_the_network_card() -> None:
    assert traits(NETWORK) == WorkloadTraits(
        queues=(
            QueueTraits(
                role=Role.REQUESTS,
                deadline_ns=S,
                queues=2,
                driver="virtio-net",
                from_device=True,
                to_device=False,
                far_end="nothing",
                comes_from_network=True,
                when_full="drop_newest",
                buffers=128,
                sizes={1500: 100},
                reads_percent=100,
                is_closed=True,
                work="uniform",
                work_spread=10,
            ),
        ),
        transfer_sizes=TransferSizes(1500, 1500),
    )


def test_a_server_has_a_queue_of_requests_and_one_of_answers_a_pair() -> None:
    server: Values = {"kind": "request_response", "clients": 7, "queues": 2, "request": "100B", "response": "8KiB"}
    asked, answered = traits(server, round_trip="15ns", serve="3us", threads=4, wakes="other_vcpu").queues
    assert (asked.role, asked.queues, asked.clients, asked.is_closed) == (Role.ASKED, 2, 7, True)
    assert (asked.from_device, asked.comes_from_network, asked.way_ns, asked.sizes) == (True, True, 7, {100: 100})
    assert (answered.role, answered.queues, answered.clients, answered.is_closed) == (Role.ANSWERED, 2, None, False)
    assert (answered.to_device, answered.from_device, answered.way_ns) == (True, False, 8)
    assert (answered.produce_ns, answered.threads, answered.wakes_other_vcpu) == (3_000, 4, True)
    assert (asked.consume_ns, asked.wakes_other_vcpu, asked.transfer_sizes) == (0, False, TransferSizes(100, 100))


@pytest.mark.parametrize(("where", "far_end"), [("page_cache", "page cache"), ("drive", "storage")])
def test_files_are_a_closed_queue_a_job_whose_buffers_hold_one_fuse_request(where: str, far_end: FarEnd) -> None:
    """Of 3 MiB in parts of 1 MiB at most."""
    files: Values = {"kind": "file", "bs": "3MiB", "iodepth": 4, "numjobs": 2, "round_trips": 3, "files": where}
    assert traits(files, thinktime="5ms", produce="1ms", consume="2ms") == WorkloadTraits(
        queues=(
            QueueTraits(
                role=Role.REQUESTS,
                deadline_ns=S,
                queues=2,
                driver="virtio-fs",
                cipher_bytes=4 * KIB,
                from_device=True,
                to_device=False,
                far_end=far_end,
                buffers=4,
                buffer_bytes=MIB,
                sizes={3 * MIB: 100},
                reads_percent=100,
                is_closed=True,
                think_ns=5 * MS,
                produce_ns=MS,
                consume_ns=2 * MS,
                work="uniform",
                work_spread=10,
                part_bytes=MIB,
                round_trips=3,
            ),
        ),
        transfer_sizes=TransferSizes(3 * MIB, 3 * MIB),
    )


@pytest.mark.parametrize(
    ("rw", "directions", "reads_percent"),
    [("read", (True, False), 100), ("write", (False, True), 0), ("rw", (True, True), 70)],
)
def test_files_are_read_and_written_as_the_mix_says(rw: str, directions: tuple[bool, bool], reads_percent: int) -> None:
    found = only_queue({"kind": "file", "rw": rw}, rwmixread=70)
    assert ((found.from_device, found.to_device), found.reads_percent) == (directions, reads_percent)
    assert found.is_request


def test_a_buffer_of_files_holds_a_round_trip_even_where_requests_are_smaller() -> None:
    assert only_queue({"kind": "file", "bs": "1B"}).buffer_bytes == 128


def test_packets_that_are_sent_have_the_network_behind_them() -> None:
    found = only_queue(NETWORK, direction="to_device")
    assert (found.from_device, found.to_device, found.reads_percent) == (False, True, 0)
    assert (found.far_end, found.comes_from_network) == ("network", False)


def test_churn_converts_ranges_in_its_own_granule_and_moves_no_data() -> None:
    churn: Values = {"kind": "churn", "rate": 10, "size": "4MiB", "granule": "2MiB", "region": "10MiB", "hold": "3ms"}
    found = traits(churn, order="random")
    (queue,) = found.queues
    assert (queue.role, queue.moves_data, queue.is_shuffled) == (Role.CHURN, False, True)
    assert queue.ranges == MemoryRanges(range_bytes=4 * MIB, count=2, align_bytes=2 * MIB)
    assert (queue.unit_bytes, queue.hold_ns) == (2 * MIB, 3 * MS)
    assert found.transfer_sizes == TransferSizes(4 * MIB, 4 * MIB)
    assert not only_queue(churn).is_shuffled


def test_churn_of_nothing_has_traits_so_that_it_can_be_refused() -> None:
    assert only_queue({"kind": "churn", "rate": 10, "size": "0B"}).ranges == MemoryRanges(
        range_bytes=0, count=0, align_bytes=4 * KIB
    )


@pytest.mark.parametrize("accept", ["eager", "lazy"])
def test_a_boot_is_its_stages_in_order_and_holds_up_the_guest_as_far_as_it_is_eager(accept: str) -> None:
    found = traits({"kind": "boot", "image": "6MiB", "unit": "4MiB", "accept": accept, "acceptors": "vcpus"})
    image, firmware, kernel, pool, accepted = found.queues
    roles = [Role.IMAGE, Role.FIRMWARE, Role.KERNEL, Role.POOL, Role.ACCEPT]
    assert [queue.role for queue in found.queues] == roles
    assert image.ranges == MemoryRanges(range_bytes=6 * MIB, count=1, align_bytes=2 * MIB)
    assert kernel.ranges is pool.ranges is None
    assert kernel.unit_bytes == 16 * MIB, "64 bytes for each page of a GiB"
    assert accepted.ranges == MemoryRanges(range_bytes=4 * MIB, count=None, align_bytes=2 * MIB)
    assert firmware.ranges == replace(accepted.ranges, most_bytes="auto")
    assert [queue.holds_up_guest for queue in found.queues] == [True, True, True, True, accept == "eager"]
    assert {queue.acceptors for queue in found.queues} == {"vcpus"}
    assert found.boots
    assert found.transfer_sizes == TransferSizes(4 * MIB, 4 * MIB)


@pytest.mark.parametrize("workload", [VIDEO, BLOCK, NETWORK, {"kind": "churn", "rate": 10}])
def test_only_a_boot_boots_and_holds_up_its_guest(workload: Values) -> None:
    found = traits(workload)
    assert not found.boots
    assert not any(queue.holds_up_guest for queue in found.queues)
