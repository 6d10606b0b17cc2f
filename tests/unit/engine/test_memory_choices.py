"""What a definition's `memory:` does to a run: generations, huge pages, placement, pins and their policies, backing."""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.drivers import V4L2
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.programs import program
from cluster_sim.io_paths.steps import Direction
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.placement import place_guests
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.endings import Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import ConvertPath
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import FAR_NS, Values, arrivals, engine_of, run, scenario, workload_sizes

CONVERT: Values = {"kind": "convert", "granule": "4KiB"}
POOL: Values = {"kind": "shared_pool", "copy": "none"}
PAGES_1080P = 760
PERIOD_NS = 40_000_000
GENERATIONS: dict[str, Values] = {
    "G0": {"generation": "G0"},
    "G0 kept": {"generation": "G0", "discard": False},
    "G3": {},
    "G4 2MiB": {"generation": "G4", "huge_page": "2MiB"},
    "G4 1GiB": {"generation": "G4", "huge_page": "1GiB", "hvo": True},
    "exclusive": {"backing": "exclusive_pin"},
    "scattered": {"placement": "scattered"},
    "G4 scattered": {"generation": "G4", "huge_page": "2MiB", "placement": "scattered"},
}


def with_memory(protection: str, path: Values, memory: Values) -> ScenarioSpec:
    return scenario(protection, path, memory=memory)


def run_with(protection: str, path: Values, memory: Values, frames: int = 4) -> tuple[HostEngine, Records]:
    """A few frames far apart on an otherwise idle host."""
    engine = engine_of(with_memory(protection, path, memory))
    given = arrivals([(number * PERIOD_NS, 0, number) for number in range(frames)])
    return engine, np.concatenate([run(engine, given, frames * PERIOD_NS), engine.finish()])


def booked(row: np.void, category: Category) -> int:
    """Time of a transfer in a category."""
    return int(row["ledger"][category])


@pytest.mark.parametrize("memory", GENERATIONS.values(), ids=GENERATIONS)
@pytest.mark.parametrize("path", [CONVERT, POOL], ids=["convert", "pool"])
@pytest.mark.parametrize("protection", ["pkvm", "sev-snp", "tdx", "cca"])
def test_frames_arrive_whole_on_every_generation(protection: str, path: Values, memory: Values) -> None:
    _, done = run_with(protection, path, memory, frames=2)
    delivered = done[done["outcome"] == Ending.DELIVERED]
    assert delivered["is_intact"].all()
    assert len(done) == 2


def test_two_backings_hold_memory_twice_unless_one_is_discarded() -> None:
    for discard, double in ((False, 4 * PAGES_1080P), (True, 0)):
        engine, done = run_with("sev-snp", CONVERT, {"generation": "G0", "discard": discard})
        assert engine.gauges().double_pages().tolist() == [double]
        assert done["is_intact"].all(), "the frame was copied out before its backing was left"


@pytest.mark.parametrize("protection", ["pkvm", "sev-snp", "tdx", "cca"])
@pytest.mark.parametrize("lasts", ["20ms", "forever"])
def test_with_two_backings_a_pin_neither_refuses_nor_defers_a_conversion(protection: str, lasts: str) -> None:
    """The host's pin is of its own backing (T-6), whatever `on_pin` says; in place it puts conversions off."""

    def runs(generation: str, on_pin: str) -> tuple[HostEngine, Records]:
        memory: Values = {"generation": generation, "pins": {"lasts": lasts}, "on_pin": on_pin}
        return run_with(protection, CONVERT, memory)

    plain, expected = runs("G0", "retry")
    for on_pin in ("wait", "defer"):
        engine, done = runs("G0", on_pin)
        assert done.tobytes() == expected.tobytes()
        assert engine.gauges().guests().tobytes() == plain.gauges().guests().tobytes()
    assert plain.gauges().guests()["deferred_pages"][0] == plain.gauges().guests()["refusals"][0] == 0
    assert runs("G3", "defer")[0].gauges().guests()["deferred_pages"][0] > 0


def test_discarding_pays_for_freeing_and_allocating_again() -> None:
    spec = with_memory("sev-snp", CONVERT, {"generation": "G0"})
    profile = profile_of(spec)
    _, kept = run_with("sev-snp", CONVERT, {"generation": "G0", "discard": False})
    _, discarded = run_with("sev-snp", CONVERT, {"generation": "G0"})
    each = sum(
        count * profile.price_ns(name, 2)
        for name, count in (("discard_page", 2), ("allocate_page", 1), ("host_unmap_page", 1))
    )
    assert int(discarded[3]["ended_ns"] - kept[3]["ended_ns"]) == PAGES_1080P * each, (
        "each side is freed once, the private page is allocated anew, the host's side is unmapped"
    )


def test_in_place_on_pkvm_needs_no_copy_and_two_backings_do() -> None:
    texts = {
        generation: [
            step.text
            for step in program(
                ConvertPath.model_validate(CONVERT),
                PathContext(
                    Direction.FROM_DEVICE,
                    V4L2,
                    PROTECTIONS["pkvm"],
                    MemorySpec.model_validate({"generation": generation}),
                ),
            ).steps
        ]
        for generation in ("G0", "G3")
    }
    copy = "copy out of the shared page"
    assert copy in texts["G0"]
    assert copy not in texts["G3"]


def test_splitting_and_merging_is_booked_at_its_price() -> None:
    spec = with_memory("pkvm", CONVERT, {"generation": "G4", "huge_page": "2MiB"})
    profile = profile_of(spec)
    engine, done = run_with("pkvm", CONVERT, {"generation": "G4", "huge_page": "2MiB"}, frames=1)
    split, merge = profile.price_ns("split_2m_folio", 2), profile.price_ns("merge_2m_folio", 2)
    broken = profile.price_ns("break_leaf", 2)
    assert booked(done[0], Category.SPLIT_MERGE) == 2 * (split + merge + broken), (
        "760 pages lie in two huge pages, and their first call, of a page, breaks each leaf"
    )
    guest = engine.gauges().guests()[0]
    assert (int(guest["splits"]), int(guest["merges"]), int(guest["split"])) == (2, 2, 0)
    shared_ns = int(guest["shared_page_ns"]) // PAGES_1080P
    assert 0 < shared_ns < int(done[0]["ended_ns"])
    assert int(guest["split_ns"]) == 2 * shared_ns, "split for as long as any page is shared"


def test_vmemmap_is_restored_at_its_price() -> None:
    plain: Values = {"generation": "G4", "huge_page": "2MiB"}
    _, without = run_with("sev-snp", CONVERT, plain, frames=1)
    _, optimised = run_with("sev-snp", CONVERT, plain | {"hvo": True}, frames=1)
    page = profile_of(with_memory("sev-snp", CONVERT, plain)).price_ns("vmemmap_page", 2)
    assert int(optimised[0]["ended_ns"] - without[0]["ended_ns"]) == 2 * 7 * page


@pytest.mark.parametrize(("placement", "broken"), [("clustered", 20), ("scattered", None)])
def test_h3_in_a_run_a_scattered_pool_breaks_what_a_clustered_one_leaves_whole(
    placement: str, broken: int | None
) -> None:
    memory: Values = {"generation": "G4", "huge_page": "2MiB", "placement": placement}
    engine, done = run_with("sev-snp", POOL, memory, frames=1)
    at_boot, now = int(engine.gauges().guests()[0]["leaves_at_boot"]), int(engine.gauges().huge_leaves()[0])
    assert at_boot == 2048
    assert engine.gauges().split_huge_pages().tolist() == [at_boot - now]
    if broken is not None:
        assert at_boot - now == broken
    else:
        expected = 2048 * (1 - (1 - 1 / 2048) ** (20 * 512))
        spread = 3 * (2048 - expected) ** 0.5
        assert abs(at_boot - now - expected) <= spread + 1
    assert done["is_intact"].all()


def test_scattered_pages_are_others_on_other_hosts_and_replications() -> None:
    spec = with_memory("sev-snp", POOL, {"placement": "scattered"})
    plans = []
    for host, replication in ((0, 0), (0, 0), (1, 0), (0, 1)):
        run_guests = RunGuests(spec, workload_sizes(spec), place_guests(spec, (1, replication)))
        plan = plan_host(spec, profile_of(spec), workload_sizes(spec), host=host, run_guests=run_guests)
        plans.append(plan.spec.placement)
    assert (plans[0] == plans[1]).all()
    assert (plans[0] != plans[2]).any()
    assert (plans[0] != plans[3]).any()
    assert len(np.unique(plans[0])) == len(plans[0])


@pytest.mark.parametrize("protection", ["sev-snp", "tdx"])
def test_n_5_each_contiguous_run_is_an_exit_of_its_own(protection: str) -> None:
    for placement, runs in (("clustered", {"sev-snp": 12, "tdx": 2}[protection]), ("scattered", PAGES_1080P)):
        engine = engine_of(with_memory(protection, CONVERT, {"placement": placement}), journal_entries=64)
        run(engine, arrivals([(0, 0, 0)]), FAR_NS)
        journal = engine.gauges().journal()
        chunks = journal["counts"][journal["category"] == Category.EXIT][:, 5]
        assert runs in chunks.tolist(), placement


def pinned(policy: str, lasts: str, *, protection: str = "pkvm", term: str = "short") -> tuple[HostEngine, np.void]:
    memory: Values = {"on_pin": policy, "pins": {"lasts": lasts, "term": term}}
    engine, done = run_with(protection, CONVERT, memory, frames=1)
    row: np.void = done[0]
    return engine, row


@pytest.mark.parametrize("term", ["short", "long"])
def test_a_pin_that_is_gone_in_time_costs_nothing(term: str) -> None:
    engine, row = pinned("retry", "1us", term=term)
    assert booked(row, Category.PIN_WAIT) == 0
    assert int(engine.gauges().guests()[0]["refusals"]) == 0


def test_retrying_pays_for_every_attempt_and_overshoots_by_less_than_one() -> None:
    profile = profile_of(with_memory("pkvm", CONVERT, {}))
    engine, row = pinned("retry", "2ms")
    refusals = int(engine.gauges().guests()[0]["refusals"])
    call, unmap = profile.price_ns("unshare_call", 2), profile.price_ns("host_unmap_page", 2)
    waited = booked(row, Category.PIN_WAIT)
    assert waited == refusals * (call + 100_000) + PAGES_1080P * unmap, "the first attempt alone unmaps the host"
    assert refusals > 10


def test_waiting_ends_with_the_pin_and_pays_for_one_attempt() -> None:
    profile = profile_of(with_memory("pkvm", CONVERT, {}))
    call, unmap = profile.price_ns("unshare_call", 2), profile.price_ns("host_unmap_page", 2)
    engine, row = pinned("wait", "2ms")
    attempt = call + PAGES_1080P * unmap
    _, retried = pinned("retry", "2ms")
    assert int(engine.gauges().guests()[0]["refusals"]) == 1
    assert 0 < booked(row, Category.PIN_WAIT) - attempt < 2_000_000
    assert abs(booked(row, Category.PIN_WAIT) - booked(retried, Category.PIN_WAIT)) < 100_000 + attempt


def test_deferring_waits_only_where_the_page_is_needed() -> None:
    """On pKVM the frame is consumed in place; on SNP it was copied out before, so nobody waits."""
    engine, row = pinned("defer", "20ms")
    assert int(engine.gauges().guests()[0]["deferred_pages"]) == PAGES_1080P
    assert booked(row, Category.PIN_WAIT) > 10_000_000
    engine, row = pinned("defer", "20ms", protection="sev-snp")
    assert int(engine.gauges().guests()[0]["deferred_pages"]) == PAGES_1080P
    assert booked(row, Category.PIN_WAIT) == 0
    assert row["outcome"] == Ending.DELIVERED


@pytest.mark.parametrize("policy", ["retry", "wait"])
@pytest.mark.parametrize("protection", ["pkvm", "sev-snp"])
def test_a_pin_for_ever_starves_the_conversion(policy: str, protection: str) -> None:
    engine, row = pinned(policy, "forever", protection=protection)
    assert row["outcome"] == Ending.UNFINISHED
    assert booked(row, Category.PIN_WAIT) > 20_000_000
    assert int(row["ledger"].sum()) == PERIOD_NS
    assert int(engine.gauges().guests()[0]["refusals"]) >= 1


def test_vfios_contract_is_to_unmap_before_the_page_becomes_private() -> None:
    """The copy engine maps, pins, unpins and unmaps around each frame; a device that keeps its pins starves it."""
    by_engine: Values = CONVERT | {"copier": "engine"}
    engine, done = run_with("sev-snp", by_engine, {})
    assert int(engine.gauges().guests()[0]["refusals"]) == 0
    assert (done["outcome"] == Ending.DELIVERED).all()
    engine, done = run_with("sev-snp", by_engine, {"pins": {"lasts": "forever", "term": "long"}})
    assert int(engine.gauges().guests()[0]["refusals"]) > 0
    assert not (done["outcome"] == Ending.DELIVERED).any()


def test_one_of_so_many_frames_is_pinned() -> None:
    memory: Values = {"pins": {"lasts": "5ms", "every": 2}}
    _, done = run_with("pkvm", CONVERT, memory)
    waits = done["ledger"][np.argsort(done["frame"]), Category.PIN_WAIT]
    assert [bool(wait) for wait in waits] == [True, False, True, False]


def test_exclusive_pins_keep_the_hosts_mapping_and_pay_for_their_flips() -> None:
    profile = profile_of(with_memory("pkvm", CONVERT, {}))
    flip, fault = profile.price_ns("exclusive_flip", 2), profile.price_ns("host_fault_page", 2)
    unmap = profile.price_ns("host_unmap_page", 2) + profile.price_ns("unmap_exit", 2)
    _, in_place = run_with("pkvm", CONVERT, {}, frames=1)
    _, first = run_with("pkvm", CONVERT, {"backing": "exclusive_pin"}, frames=1)
    assert int(first[0]["ended_ns"] - in_place[0]["ended_ns"]) == PAGES_1080P * (2 * flip - unmap)
    engine = engine_of(with_memory("pkvm", CONVERT, {"backing": "exclusive_pin"}))
    buffers = 10
    done = run(engine, arrivals([(n * PERIOD_NS, 0, n) for n in range(buffers + 1)]), FAR_NS)
    again = int(done[buffers]["ended_ns"] - done[buffers]["submitted_ns"])
    assert int(first[0]["ended_ns"]) - again == PAGES_1080P * fault, "the second use of a buffer faults no more"


def test_secrets_that_a_conversion_keeps_are_exposed_once_a_buffer() -> None:
    for protection, exposed in (("pkvm", 3 * PAGES_1080P), ("sev-snp", 0), ("tdx", 0), ("cca", 0)):
        engine, _ = run_with(protection, CONVERT, {}, frames=3)
        assert int(engine.gauges().guests()[0]["exposed_pages"]) == exposed, protection
        assert int(engine.gauges().guests()[0]["leaked_pages"]) == 0
