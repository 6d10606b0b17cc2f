"""Figures that a machine cannot give are refused with the reason, from facts that are put in its place."""

import errno
import mmap
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cluster_sim.calibration import catalogue, copies, exits, faults, flushes, shootdowns
from cluster_sim.calibration.catalogue import gone_through
from cluster_sim.calibration.machine import Machine, machine
from cluster_sim.calibration.running import others
from cluster_sim.calibration.sampling import ONCE, Measure, Refused, RefusedError
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import UNITS

NATIVE = Machine("AMD EPYC 9334", 64, "6.18", is_guest=False, load_1m=0.25, mhz=())
NESTED = replace(NATIVE, cpus=2, is_guest=True)


def reasons(todo: Sequence[Measure]) -> dict[str, str]:
    """Why each is refused; fails when one is not."""
    found = {}
    for each in gone_through(todo, ONCE):
        assert isinstance(each, Refused), each
        found[each.measure.cost] = each.reason
    return found


def test_an_exit_of_a_machine_that_is_itself_a_guest_is_refused() -> None:
    told = reasons(exits.measures(NESTED))
    assert list(told) == ["exit.plain_amd.hypercall"]
    assert "hypervisor bit" in told["exit.plain_amd.hypercall"] or platform.machine() != "x86_64"


def test_an_exit_without_kvm_is_refused(tmp_path: Path) -> None:
    told = reasons(exits.measures(replace(NATIVE, processor="Intel(R) Xeon(R)", kvm=tmp_path / "kvm")))
    assert list(told) == ["exit.plain_intel.hypercall"]
    assert f"no {tmp_path / 'kvm'} here" in told.values() or platform.machine() != "x86_64"


def test_guest_memfd_without_kvm_is_refused(tmp_path: Path) -> None:
    todo = [each for each in faults.measures(replace(NATIVE, kvm=tmp_path / "kvm")) if each.cost.startswith("gmem.")]
    told = reasons(todo)
    assert len(told) >= 8
    assert set(told.values()) == {f"no {tmp_path / 'kvm'} here"}


def test_a_kvm_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    todo = [each for each in faults.measures(replace(NATIVE, kvm=tmp_path)) if each.cost == "gmem.populate_4k"]
    assert reasons(todo)["gmem.populate_4k"] == f"{tmp_path} cannot be opened: Is a directory"


def test_a_device_that_is_no_kvm_is_refused() -> None:
    todo = [each for each in faults.measures(replace(NATIVE, kvm=Path("/dev/null"))) if each.cost == "gmem.populate_4k"]
    assert "KVM makes no VM" in reasons(todo)["gmem.populate_4k"]


def test_a_flush_on_a_cpu_without_the_instruction_is_refused() -> None:
    told = reasons(flushes.measures(NATIVE))
    assert told == {f"cache.clflush_{state}_4k": "this CPU has no clflushopt" for state in ("dirty", "clean", "absent")}


def test_a_flush_where_memory_may_not_be_written_and_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> mmap.mmap:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(flushes, "mmap", refuse)
    with pytest.raises(RefusedError, match="memory that runs cannot be had here: Permission denied"), flushes.flusher():
        pass


def test_giving_back_a_huge_page_is_refused_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "MADV_HUGEPAGE", faults.MADV_NOHUGEPAGE)
    with pytest.raises(RefusedError, match="no huge pages"):
        faults.huge_zaps(ONCE)


def test_a_shootdown_of_more_threads_than_there_are_cpus_is_refused() -> None:
    cpus = len(os.sched_getaffinity(0))
    with pytest.raises(RefusedError, match=f"{cpus} CPUs, and {cpus + 1} threads"), others(cpus):
        pass


def test_shootdowns_are_named_by_threads_and_one_by_what_ships() -> None:
    named = [each.cost for each in shootdowns.measures(replace(NATIVE, cpus=6))]
    for way in ("mprotect", "munmap", "membarrier"):
        counts = [cost.split("_")[1] for cost in named if cost.startswith(f"tlb.{way}_")]
        assert counts == (["0", "1", "2", "4", "5"] if way == "munmap" else ["0", "2", "4", "5"])
    assert {"tlb.shootdown_1target_in_vm", "tlb.ipi_expedited_1target_in_vm"} < set(named)


def test_threads_that_would_need_more_memory_than_is_free_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda _: 4 * (128 << 20) // 4096 - 1)
    with pytest.raises(RefusedError, match="1 threads need 128 MiB of 511 MiB that are free"):
        copies.thread_rounds(1, ONCE)


def test_what_ships_is_measured_in_its_own_kind_of_unit() -> None:
    todo = catalogue.measures(NATIVE)
    assert len({measure.cost for measure in todo}) == len(todo), "a cost is measured once"
    known = [measure for measure in todo if measure.cost in library()]
    assert len(known) >= 58
    for measure in known:
        assert UNITS[measure.unit][1] == UNITS[library()[measure.cost].unit][1], measure.cost


@pytest.mark.parametrize(
    ("flags", "is_guest"), [("fpu vme hypervisor lahf_lm", True), ("fpu vme svm", False), ("hypervisors", False)]
)
def test_a_guest_is_known_by_cpuids_flag(tmp_path: Path, flags: str, *, is_guest: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"model name\t: A CPU\ncpu MHz\t\t: 2596.5\nflags\t\t: {flags}\n", "utf-8")
    found = machine(cpuinfo, tmp_path)
    assert (found.processor, found.is_guest, found.mhz) == ("A CPU", is_guest, (2596.5,))


@pytest.mark.parametrize(("flags", "has_clflushopt"), [("clflush clflushopt clwb", True), ("clflush clwb", False)])
def test_a_cpu_that_flushes_line_after_line_is_known_by_its_flag(
    tmp_path: Path, flags: str, *, has_clflushopt: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags\t\t: {flags}\n", "utf-8")
    assert machine(cpuinfo, tmp_path).has_clflushopt is has_clflushopt


def test_cpufreq_knows_better_and_nobody_knowing_is_told(tmp_path: Path) -> None:
    assert "frequency not told" in machine(tmp_path / "none", tmp_path).state
    for number, khz in enumerate((2_600_000, 3_700_000)):
        directory = tmp_path / f"cpu{number}" / "cpufreq"
        directory.mkdir(parents=True)
        (directory / "scaling_cur_freq").write_text(f"{khz}\n", "ascii")
    found = machine(tmp_path / "none", tmp_path)
    assert found.mhz == (2600.0, 3700.0)
    assert "2600 to 3700 MHz" in found.state


def test_a_machine_is_busy_from_half_a_program_a_cpu_on() -> None:
    assert not replace(NATIVE, cpus=2, load_1m=0.99).is_busy
    assert replace(NATIVE, cpus=2, load_1m=1.0).is_busy
