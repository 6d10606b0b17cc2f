"""Run with one mistake in the package: who notices? python -m tests.mutations.judge WHAT; one line of JSON out.

The mistake is put in while the package is imported; its files stay as they are.
"""

import contextlib
import json
import random
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutations.mutant import ROOT, Judge, Mutant
from tests.mutations.mutants import MUTANTS

UNIT = ROOT / "tests" / "unit"
ORACLE_CALLS = 3_000
KERNELS = ("G3", "G0-keep", "G4-2MiB", "G3-defer", "exclusive-pin")
OPERATIONS = 250
TESTS: dict[Judge, tuple[str, ...]] = {
    "idle": (
        "io_paths/test_idle_to_device.py",
        "io_paths/test_idle_latency.py",
        "io_paths/test_idle_requests.py",
        "io_paths/test_idle_copies.py",
        "io_paths/test_idle_guest_to_guest.py",
        "io_paths/test_strategies.py",
        "io_paths/test_ahead_and_behind.py",
        "io_paths/test_whole_leaves.py",
    ),
    "contention": (
        "engine/test_contention.py",
        "engine/test_waiting.py",
        "engine/test_host_contention.py",
        "io_paths/test_notifications.py",
        "io_paths/test_full_pools.py",
        "io_paths/test_credits.py",
        "engine/test_links.py",
    ),
    "engine": (
        "engine/test_engine.py",
        "engine/test_buffer_life.py",
        "engine/test_shared_resources.py",
        "engine/test_memory_choices.py",
        "memory/test_leaves.py",
        "engine/test_guest_end.py",
        "engine/test_faults.py",
    ),
    "prices": ("platform",),
    "cache": (
        "engine/test_last_level_cache.py",
        "engine/test_memory_buses.py",
        "io_paths/test_cache_ends.py",
        "planning/test_copy_curves.py",
    ),
    "drivers": ("io_paths/test_drivers.py", "io_paths/test_ciphers.py", "planning/test_slot_mappings.py"),
    "servers": ("io_paths/test_answers.py", "io_paths/test_moderation.py", "io_paths/test_wakes.py"),
    "boots": ("io_paths/test_boots.py", "planning/test_teardown.py", "planning/test_placement.py"),
    "devices": (
        "engine/test_assigned_devices.py",
        "engine/test_shootdowns.py",
        "engine/test_shared_workers.py",
    ),
}
"""Fast tests by what they hold.

Sums of single transfers, who waits for whom, the loop and its memory, prices; caches and buses, drivers and ciphers,
servers and moderation, boots and what they leave, and what devices, workers and shootdowns take from others.
"""


class WrongSource(SourceFileLoader):
    """Loads a module with the mistake in it."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(mutant.source))
        self.text = mutant.text()

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.get_filename(fullname), "exec", dont_inherit=True)


class WrongModule(MetaPathFinder):
    """Finds the module that has the mistake, and leaves all others to those who find them else."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = ".".join(("cluster_sim", *Path(mutant.file).with_suffix("").parts))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname != self.name:
            return None
        return spec_from_file_location(fullname, self.mutant.source, loader=WrongSource(fullname, self.mutant))


def put_in(mutant: Mutant) -> None:
    """From now on the package has the mistake; nothing of it that knows the file may have been imported yet."""
    if mutant.source.suffix == ".py":
        finder = WrongModule(mutant)
        assert finder.name not in sys.modules, f"{finder.name} was imported without the mistake"
        sys.meta_path.insert(0, finder)
        return
    from cluster_sim.platform import profile

    text_of, wrong, file = profile.text_of, mutant.text(), mutant.file.removeprefix("platform/")
    profile.text_of = lambda name: wrong if name == file else text_of(name)


def oracle_verdict() -> str | None:
    """The call on which model and kernel differ, or None; None too where the kernel cannot be asked."""
    from cluster_sim.kernel.capabilities import UnavailableError, probe
    from cluster_sim.kernel.oracle import replay

    try:
        capabilities = probe()
    except UnavailableError as error:
        sys.stderr.write(f"the kernel cannot be asked: {error}\n")
        return None
    try:
        found = replay(ORACLE_CALLS, 1, capabilities)
    except AssertionError as broken:
        return f"the model's own assertion: {broken}"
    return f"differs on {found.differences[0].calls[-1][0]}" if found.differences else None


def invariant_verdict() -> str | None:
    """The first law that is broken, or None."""
    from tests.oracles.invariants import TECHNOLOGIES, CheckedMemfd, rules_of
    from tests.properties.test_invariants import step

    for technology in TECHNOLOGIES:
        for kernel in KERNELS:
            checked = CheckedMemfd(rules_of(technology, kernel))
            draw = random.Random(f"{technology} {kernel}")
            try:
                for _ in range(OPERATIONS):
                    step(checked, draw)
                checked.check_all()
            except AssertionError as broken:
                return str(broken).partition("\n")[0] or "an assertion of the model"
    return None


class FirstFailure:
    """The first test that fails, by file and name."""

    name: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.name is None:
            file, _, test = report.nodeid.partition("::")
            self.name = f"{Path(file).stem}.{test.partition('[')[0]}"


def tests_verdict(files: Sequence[str]) -> str | None:
    """The first test that fails, or None."""
    failure = FirstFailure()
    arguments = ["-x", "-q", "-p", "no:cacheprovider", *(str(UNIT / file) for file in files)]
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main(arguments, plugins=[failure])
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), "the tests cannot be read"
    assert (failure.name is None) == (code == pytest.ExitCode.OK)
    return failure.name


def main(what: str) -> None:
    """Put the mistake in and ask its judges."""
    mutant = next(mutant for mutant in MUTANTS if mutant.what == what)
    put_in(mutant)
    if mutant.judge == "memory":
        found = {"oracle": oracle_verdict(), "invariants": invariant_verdict()}
    else:
        found = {mutant.judge: tests_verdict(TESTS[mutant.judge])}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
