"""Wrong accesses and failures put into a run: what each comes to, per technology, and who dies of it."""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.faults import FaultRecord
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import ALIVE
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.memory_spec import FaultSpec, MemorySpec
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

CONVERT: Values = {"kind": "convert", "granule": "4KiB"}
POOL: Values = {"kind": "shared_pool", "copy": "none"}
IDLE_NS = 100_000_000
PERIOD_NS = 16_666_667
FRAMES = 20
TECHNOLOGIES = ("pkvm", "sev-snp", "tdx", "cca")
SECOND_BUFFER = 1024 * 4096


def run_with(
    protection: str, path: Values, *faults: Values, guests: int = 2, memory: Values | None = None
) -> tuple[HostEngine, Records]:
    """Twenty frames a guest, with faults of guest 0 unless told otherwise; the host and its transfers."""
    spec = scenario(protection, path, guest={"count_per_host": guests}).model_copy(
        update={
            "faults": tuple(FaultSpec.model_validate({"guest": "raw", "at": "100ms"} | fault) for fault in faults),
            "memory": MemorySpec.model_validate(memory or {}),
        }
    )
    engine = engine_of(spec)
    frames = [(number * PERIOD_NS, stream, number) for number in range(FRAMES) for stream in range(guests)]
    return engine, np.concatenate([run(engine, arrivals(frames), 2 * 10**9), engine.finish()])


def record(protection: str, access: str, path: Values = CONVERT, **more: JsonValue) -> FaultRecord:
    """What one access to the second buffer comes to; between frames it is private on the convert path."""
    fault: Values = {"access": access, "offset": f"{SECOND_BUFFER}B", **more}
    engine, _ = run_with(protection, path, fault)
    return engine.faults[0]


def dead(engine: HostEngine) -> list[int]:
    """Guests that died."""
    return np.flatnonzero(engine.gauges().guests()["died_ns"] != ALIVE).tolist()


@pytest.mark.parametrize("protection", TECHNOLOGIES)
@pytest.mark.parametrize(
    ("access", "outcome", "victim"),
    [
        ("host_load", "SIGBUS", "guest"),
        ("host_store", "SIGBUS", "guest"),
        ("uaccess", "EFAULT", "nobody"),
        ("proc_mem", "EIO", "nobody"),
        ("pin", "EFAULT", "nobody"),
    ],
)
def test_the_file_refuses_every_access_of_a_host_process_to_private_memory(
    protection: str, access: str, outcome: str, victim: str
) -> None:
    found = record(protection, access)
    assert (found.private_pages, found.outcome, found.victim) == (1, outcome, victim)
    assert found.leaked_pages == found.spoilt_pages == 0


def test_a_bystander_dies_alone() -> None:
    engine, done = run_with("pkvm", CONVERT, {"access": "host_load", "by": "bystander", "offset": f"{SECOND_BUFFER}B"})
    assert (engine.faults[0].outcome, engine.faults[0].victim) == ("SIGBUS", "process")
    assert dead(engine) == []
    assert (done["outcome"] == Ending.DELIVERED).all()


@pytest.mark.parametrize("access", ["host_load", "uaccess", "proc_mem", "kernel_load"])
def test_shared_memory_is_read_without_a_word(access: str) -> None:
    found = record("sev-snp", access, POOL)
    assert (found.private_pages, found.outcome, found.victim) == (0, "works", "nobody")


def test_a_dead_guests_transfers_end_and_its_neighbours_do_not() -> None:
    engine, done = run_with("sev-snp", CONVERT, {"access": "host_load", "offset": f"{SECOND_BUFFER}B"})
    assert dead(engine) == [0]
    mine, others = done[done["stream"] == 0], done[done["stream"] == 1]
    assert (others["outcome"] == Ending.DELIVERED).all()
    late = mine[mine["submitted_ns"] >= IDLE_NS]
    assert (late["outcome"] == Ending.DROPPED).all()
    assert (late["reason"] == DropReason.GUEST_DIED).all()
    assert (late["ended_ns"] == late["submitted_ns"]).all()
    assert len(mine) == len(others) == FRAMES
    assert engine.in_flight == 0


def kernel_access(protection: str) -> list[tuple[str, str]]:
    return [
        (found.outcome, found.victim) for found in (record(protection, f"kernel_{how}") for how in ("load", "store"))
    ]


def test_k_2_the_host_kernel_may_not_touch_a_private_page() -> None:
    assert kernel_access("pkvm") == [("oops", "host"), ("oops", "host")]
    engine, done = run_with("pkvm", CONVERT, {"access": "kernel_store", "offset": f"{SECOND_BUFFER}B"})
    assert dead(engine) == [0, 1], "all guests go with their host"
    assert set(done["reason"][done["submitted_ns"] >= IDLE_NS].tolist()) == {DropReason.GUEST_DIED}
    assert PROTECTIONS["pkvm"].user_without_file.outcome == "SIGSEGV"


def test_n_4_reading_gives_ciphertext_and_writing_is_an_oops() -> None:
    assert kernel_access("sev-snp") == [("ciphertext", "nobody"), ("oops", "host")]


def test_d_4_a_poisoned_page_kills_whoever_uses_it_next() -> None:
    assert kernel_access("tdx") == [("poison", "nobody"), ("poison", "nobody")]
    engine, done = run_with("tdx", CONVERT, {"access": "kernel_store", "offset": f"{SECOND_BUFFER}B"})
    injected, later = engine.faults
    assert (injected.spoilt_pages, injected.victim) == (1, "nobody")
    assert (later.is_injected, later.outcome, later.victim) == (False, "machine check", "guest")
    assert later.at_ns > injected.at_ns
    assert dead(engine) == [0]
    assert (done["outcome"][done["stream"] == 0] == Ending.DROPPED).any()


def test_a_3_any_access_of_the_kernel_is_a_granule_protection_fault() -> None:
    assert kernel_access("cca") == [("GPF", "host"), ("GPF", "host")]


@pytest.mark.parametrize(
    ("protection", "outcome"), [("pkvm", "SIGSEGV"), ("sev-snp", "SIGBUS"), ("tdx", "SIGBUS"), ("cca", "SIGBUS")]
)
def test_without_a_file_the_hardware_answers(protection: str, outcome: str) -> None:
    fault: Values = {"access": "host_load", "offset": f"{SECOND_BUFFER}B"}
    engine, _ = run_with(protection, CONVERT, fault, memory={"backing": "exclusive_pin"})
    assert engine.faults[0].outcome == outcome


@pytest.mark.parametrize(("protection", "victim"), [("pkvm", "nobody"), ("sev-snp", "nobody"), ("tdx", "guest")])
def test_d_5_a_guest_that_touches_a_shared_page_as_private(protection: str, victim: str) -> None:
    found = record(protection, "guest_private", POOL)
    assert (found.outcome, found.victim) == ("MEMORY_FAULT_EXIT", victim)


def test_a_guest_that_touches_a_private_page_as_shared_gets_it_converted() -> None:
    found = record("sev-snp", "guest_shared")
    assert (found.outcome, found.victim, found.private_pages) == ("MEMORY_FAULT_EXIT", "nobody", 1)


def test_a_page_that_the_host_took_back_ends_the_guest_that_had_accepted_it() -> None:
    engine, _ = run_with(
        "sev-snp", CONVERT, {"access": "punch", "offset": "0"}, {"access": "host_to_shared", "offset": "0"}
    )
    assert [found.outcome for found in engine.faults] == ["works", "works"]
    assert engine.faults[0].spoilt_pages == 1


def test_punching_memory_that_holds_no_frame_yet_damages_nothing_on_pkvm() -> None:
    engine, done = run_with("pkvm", CONVERT, {"access": "punch", "offset": f"{SECOND_BUFFER}B", "length": "8KiB"})
    assert engine.faults[0].spoilt_pages == 2
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert done["is_intact"].all()


def test_overwriting_a_frame_in_a_shared_pool_is_seen_by_its_consumer() -> None:
    spec: Values = {"access": "host_store", "at": "5ms", "offset": "0"}
    engine, done = run_with("sev-snp", {"kind": "shared_pool", "copy": "consumer"}, spec)
    assert engine.faults[0].outcome == "works"
    assert engine.faults[0].spoilt_pages == 1
    assert len(done) == 2 * FRAMES


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_failed_memory_kills_the_guest_at_its_next_use(protection: str) -> None:
    engine, _ = run_with(protection, CONVERT, {"access": "memory_failure", "offset": f"{SECOND_BUFFER}B"})
    assert [(found.outcome, found.victim) for found in engine.faults] == [
        ("hwpoison", "nobody"),
        ("EHWPOISON", "guest"),
    ]
    assert int(engine.gauges().guests()["died_of"][0]) == Outcome.EHWPOISON


def test_a_stray_pin_starves_the_conversion() -> None:
    engine, done = run_with("pkvm", CONVERT, {"access": "pin", "at": "2ms", "offset": "0"})
    assert engine.faults[0].outcome == "works"
    guest = engine.gauges().guests()[0]
    assert int(guest["refusals"]) > 100
    assert (done["outcome"][done["stream"] == 0] == Ending.UNFINISHED).any()


def test_a_pin_that_is_punched_away_leaves_an_orphan() -> None:
    memory: Values = {"pins": {"lasts": "20ms"}}
    faults: tuple[Values, ...] = ({"access": "punch", "at": "6ms", "offset": "0", "length": "16KiB"},)
    engine, done = run_with("pkvm", CONVERT, *faults, memory=memory)
    assert engine.faults[0].orphaned_pages == 4
    assert int(engine.gauges().guests()[0]["orphaned_pages"]) == 4
    assert len(done) == 2 * FRAMES


def test_secrets_leak_when_the_host_shares_and_reads() -> None:
    faults: tuple[Values, ...] = (
        {"access": "host_to_shared", "at": "0s", "offset": f"{SECOND_BUFFER}B", "length": "16KiB"},
        {"access": "host_load", "at": "0s", "offset": f"{SECOND_BUFFER}B", "length": "16KiB"},
    )
    for protection, leaked in (("pkvm", 4), ("sev-snp", 0), ("tdx", 0)):
        engine, _ = run_with(protection, CONVERT, *faults)
        assert engine.faults[1].leaked_pages == leaked, protection
        assert int(engine.gauges().guests()[0]["leaked_pages"]) == leaked
        assert int(engine.gauges().guests()[0]["exposed_pages"]) >= leaked


@pytest.mark.parametrize("access", ["kernel_store", "host_load", "memory_failure"])
def test_whatever_a_fault_does_every_latency_is_its_ledgers_sum(access: str) -> None:
    """Asserted by the engine on all that it gives out; here under a death in the midst of frames."""
    for at in ("1ms", "3ms", "5ms", "101ms"):
        engine, done = run_with("pkvm", CONVERT, {"access": access, "at": at, "offset": "0"})
        assert len(done) == 2 * FRAMES
        assert engine.in_flight == 0
