"""Copies of several guests at once take what processor sharing says, to a thousandth."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import ScenarioSpec
from tests.oracles.processor_sharing_twin import Copy, ends_of
from tests.unit.hand_prices import COPY
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, run, scenario

THOUSANDTH = 0.001
TO_COPY_NS = 2_400 + 2_000
"""From a frame's arrival to its copy: the worker wakes and serves the ring."""
CPU_MB_PER_S = RAW_1080P * 2_000 / COPY
"""What one core's copy asks of the bus: 2 bus bytes a byte."""
PRODUCER: Values = {"kind": "shared_pool", "copy": "producer"}


def scene(guests: int, bus_mb_per_s: float) -> ScenarioSpec:
    """Guests of one stream each, on a host whose bus carries so much."""
    host: Values = {"memory_bandwidth": f"{round(bus_mb_per_s)}MB/s"}
    return scenario("pkvm", PRODUCER, guest={"count_per_host": guests}, host=host, buffer="64MiB")


def copied_ns(done: Records) -> npt.NDArray[np.int64]:
    """What the host's copies took, by stream: their own time and what sharing added."""
    ordered = done[np.argsort(done["stream"])]
    ledger = ordered["ledger"]
    copied = ledger[:, Category.HOST_COPY] + ledger[:, Category.ENGINE_COPY] + ledger[:, Category.BANDWIDTH_WAIT]
    found: npt.NDArray[np.int64] = copied
    return found


@pytest.mark.parametrize("guests", [1, 2, 3, 5, 16, 100])
def test_so_many_guests_that_copy_at_once_take_as_many_times_as_long(guests: int) -> None:
    """The bus carries what one core moves."""
    engine = engine_of(scene(guests, CPU_MB_PER_S))
    done = run(engine, arrivals([(0, stream, 0) for stream in range(guests)]))
    assert copied_ns(done) == pytest.approx(np.full(guests, guests * COPY), rel=THOUSANDTH)
    assert (done["ledger"][:, Category.HOST_COPY] == COPY).all()


@pytest.mark.parametrize(("guests", "slowed"), [(1, 1.0), (2, 1.0), (3, 1.2), (5, 2.0), (10, 4.0)])
def test_a_copy_is_never_faster_than_a_core_and_slows_down_only_when_the_bus_is_full(
    guests: int, slowed: float
) -> None:
    """The bus carries what two and a half cores move."""
    engine = engine_of(scene(guests, 2.5 * CPU_MB_PER_S))
    done = run(engine, arrivals([(0, stream, 0) for stream in range(guests)]))
    assert copied_ns(done) == pytest.approx(np.full(guests, slowed * COPY), rel=THOUSANDTH)
    saturated_ns = engine.gauges().busy_times().bandwidth_saturated_ns
    assert saturated_ns == pytest.approx(slowed * COPY if slowed > 1 else 0, rel=THOUSANDTH)


@pytest.mark.parametrize("later", [0.0, 0.25, 0.5, 0.9, 1.0, 1.5])
def test_a_copy_that_starts_later_slows_the_first_down_from_then_on(later: float) -> None:
    """The bus carries one core's rate: of two copies of length 1 the first ends at 2 - later, both have ended at 2."""
    done = run(engine_of(scene(2, CPU_MB_PER_S)), arrivals([(0, 0, 0), (round(later * COPY), 1, 0)]))
    expected = [2 - later, 2 - later] if later < 1 else [1, 1]
    assert copied_ns(done) == pytest.approx([each * COPY for each in expected], rel=THOUSANDTH)


def alone_ns(size_bytes: int) -> int:
    """A copy of 2 MiB or more, alone."""
    return 257_000 + (size_bytes - 2_097_152) * 90_394 // 1_048_576


def sizes_at(frames: Sequence[tuple[int, int]], spec: ScenarioSpec) -> Records:
    """Run one frame a stream, each (instant, bytes), in the order of their instants."""
    at_ns, sizes = (np.array(column, np.int64) for column in zip(*frames, strict=True))
    streams = np.arange(len(frames))
    return run(engine_of(spec), submissions(at_ns, streams, np.zeros_like(streams), sizes, at_ns + 10**9))


def test_of_unequal_copies_the_shorter_ends_first_and_the_longer_goes_on_alone() -> None:
    """Both at half their speed until the shorter has ended, the rest of the longer at full speed."""
    small, large = RAW_1080P, 4 * RAW_1080P
    first_ns, second_ns = alone_ns(small), alone_ns(large)
    asked = (small / first_ns + large / second_ns) * 2_000
    done = sizes_at([(0, small), (0, large)], scene(2, asked / 2))
    last_asked = large / second_ns * 2_000
    last = max(1.0, last_asked / (asked / 2))
    expected = [2 * first_ns, 2 * first_ns + (second_ns - first_ns) * last]
    assert copied_ns(done) == pytest.approx(expected, rel=THOUSANDTH)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(2 << 20, 64 << 20)), min_size=1, max_size=12),
    st.integers(5_000, 200_000),
)
def test_any_copies_from_any_instants_end_when_the_slow_twin_says(
    frames: list[tuple[int, int]], bus_mb_per_s: int
) -> None:
    frames = sorted(frames)
    done = sizes_at(frames, scene(len(frames), bus_mb_per_s))
    copies = [Copy(at_ns + TO_COPY_NS, alone_ns(size), size * 2_000 / alone_ns(size)) for at_ns, size in frames]
    spans = [end - copy.start_ns for end, copy in zip(ends_of(copies, bus_mb_per_s), copies, strict=True)]
    assert copied_ns(done) == pytest.approx(spans, rel=THOUSANDTH)


def test_a_copy_engine_and_a_core_share_the_bus() -> None:
    """30 GB/s and 9 GB/s ask for 78 GB/s of a bus of 73.2; the engine starts 750 ns later."""
    engine_ns = (RAW_1080P - 1) * 34_953 // 1_048_576
    by_engine: Values = {**PRODUCER, "copier": "engine"}
    spec = scenario("pkvm", PRODUCER, host={"memory_bandwidth": "73.2GB/s"})
    core = spec.guests[0]
    engine_group = core.model_validate(
        core.model_dump(mode="json", by_alias=True) | {"name": "e", "io_path": by_engine}
    )
    done = run(engine_of(spec.model_copy(update={"guests": (core, engine_group)})), arrivals([(0, 0, 0), (0, 1, 0)]))
    copies = [Copy(0, COPY, CPU_MB_PER_S), Copy(750, engine_ns, RAW_1080P * 2_000 / engine_ns)]
    by_core, by_engine_ns = ends_of(copies, 73_200)
    slowed = (CPU_MB_PER_S + RAW_1080P * 2_000 / engine_ns) / 73_200
    assert slowed > 1.06
    assert by_engine_ns - 750 == pytest.approx(slowed * engine_ns)
    assert by_core == pytest.approx(COPY + (slowed - 1) * engine_ns)
    assert copied_ns(done) == pytest.approx([by_core, by_engine_ns], rel=THOUSANDTH)


def test_copies_by_a_guest_and_by_the_host_share_the_bus() -> None:
    """A producer's copy by the host and a consumer's by a vCPU; both start when their guest's worker has served."""
    spec = scene(1, CPU_MB_PER_S)
    core = spec.guests[0]
    consumer: Values = {"kind": "shared_pool", "copy": "consumer"}
    group = core.model_validate(core.model_dump(mode="json", by_alias=True) | {"name": "c", "io_path": consumer})
    done = run(engine_of(spec.model_copy(update={"guests": (core, group)})), arrivals([(0, 0, 0), (0, 1, 0)]))
    ordered = done[np.argsort(done["stream"])]
    interrupted_ns = 480 + 2_100 + 3_800
    ends = ends_of([Copy(0, COPY, CPU_MB_PER_S), Copy(interrupted_ns, COPY, CPU_MB_PER_S)], CPU_MB_PER_S)
    waits = ordered["ledger"][:, Category.BANDWIDTH_WAIT]
    assert waits == pytest.approx([ends[0] - COPY, ends[1] - interrupted_ns - COPY], rel=THOUSANDTH)
    assert ordered["ledger"][1, Category.GUEST_COPY] == ordered["ledger"][0, Category.HOST_COPY] == COPY
