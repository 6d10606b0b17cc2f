"""Model and kernel answer alike; a model that is wrong is found, and shown by few calls."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.cli import app
from cluster_sim.cli import oracle as command
from cluster_sim.kernel import abi
from cluster_sim.kernel.capabilities import Capabilities, UnavailableError, probe
from cluster_sim.kernel.oracle import DIED, compare, replay, worker
from cluster_sim.kernel.sequences import OPENING, sequence
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DEFAULT_RULES
from cluster_sim.memory.rulebook import replayed
from cluster_sim.memory.system_calls.call_numbers import GUEST_MEMFD
from cluster_sim.memory.system_calls.model import SystemCalls
from cluster_sim.memory.system_calls.replies import Reply, done

SHORT_RUN = 4_000


def test_a_short_run_finds_no_difference_and_meets_every_rule(capabilities: Capabilities) -> None:
    found = replay(SHORT_RUN, 1, capabilities)
    assert found.differences == ()
    assert found.calls == SHORT_RUN
    left_out = {text.partition(",")[0] for text in found.left_out}
    assert set(replayed()) - left_out <= set(found.coverage)


def test_the_same_seed_replays_the_same_calls() -> None:
    assert sequence(7, 3, 50) == sequence(7, 3, 50)
    assert sequence(7, 3, 50) != sequence(8, 3, 50)
    assert not [call for call in sequence(1, 0, 500, without=frozenset({"register"})) if call[0] == "register"]


class MappingsAreIgnored(SystemCalls):
    """A wrong model: a private page may be read."""

    def load(self, slot: int, number: int, page: int) -> Reply:
        reply = super().load(slot, number, page)
        return done(*reply.rules) if reply.outcome == Outcome.SIGBUS else reply


class PunchKeepsMappings(SystemCalls):
    """A wrong model: punching forgets to unmap."""

    def fallocate(self, slot: int, mode: int, offset: int, length: int) -> Reply:
        return done("F-5") if mode == 3 else super().fallocate(slot, mode, offset, length)


class SlotsMayMove(SystemCalls):
    """A wrong model: setting a slot again works."""

    def set_slot(
        self, vm: int, number: int, gpa_page: int, pages: int, file: int, offset: int, flags: int, pad: int
    ) -> Reply:
        reply = super().set_slot(vm, number, gpa_page, pages, file, offset, flags, pad)
        is_same = reply.outcome == Outcome.EINVAL and self.slots[vm][number] is not None
        return done("M-7") if is_same and flags == GUEST_MEMFD and pages else reply


@pytest.mark.parametrize("wrong", [MappingsAreIgnored, PunchKeepsMappings, SlotsMayMove])
def test_a_wrong_model_is_found_and_shown_by_few_calls(capabilities: Capabilities, wrong: type[SystemCalls]) -> None:
    found = replay(SHORT_RUN, 1, capabilities, make_model=lambda: wrong(DEFAULT_RULES))
    (difference,) = found.differences
    assert len(difference.calls) <= 4, difference.calls
    assert difference.model != difference.kernel
    with worker() as tested:
        for leave_out in range(len(difference.calls)):
            shorter = difference.calls[:leave_out] + difference.calls[leave_out + 1 :]
            if shorter:
                again = compare(shorter, tested, lambda: wrong(DEFAULT_RULES), found.coverage)
                assert again is None, "every call of the shortest sequence is needed"


def test_a_tested_process_that_dies_is_a_difference(capabilities: Capabilities) -> None:
    del capabilities
    calls = [*OPENING, ("no_such_call",)]
    with worker() as tested:
        answers = list(tested.answers(calls))
        assert answers[-1][0] == DIED
        assert len(list(tested.answers(OPENING))) == len(OPENING), "and it is started anew"


def test_the_command_says_what_it_found(capabilities: Capabilities) -> None:
    result = CliRunner().invoke(app, ["oracle", "--ops", "600", "--seed", "3"])
    assert result.exit_code == 0, result.output
    assert f"Linux {capabilities.release}" in result.output
    assert "600 calls, seed 3" in result.output
    assert "0 differences" in result.output
    assert ("cannot convert memory in place" in result.output) != capabilities.has_conversion


def test_the_command_ends_with_1_and_the_calls_when_model_and_kernel_differ(
    capabilities: Capabilities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        command,
        "replay",
        lambda ops, seed, found, **_: replay(ops, seed, found, make_model=lambda: MappingsAreIgnored(DEFAULT_RULES)),
    )
    result = CliRunner().invoke(app, ["oracle", "--ops", "600"])
    assert result.exit_code == 1
    assert "Shortest sequence that differs" in result.output
    assert "load(1, 0, " in result.output
    assert "kernel: SIGBUS" in result.output
    del capabilities


@pytest.mark.parametrize("ops", ["0", "-1", "many"])
def test_bad_input_ends_with_2(ops: str) -> None:
    assert CliRunner().invoke(app, ["oracle", "--ops", ops]).exit_code == 2


def test_without_a_device_the_command_ends_with_3_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="No such file"):
        probe(tmp_path / "kvm")
    monkeypatch.setattr(command, "probe", lambda: probe(tmp_path / "kvm"))
    result = CliRunner().invoke(app, ["oracle"])
    assert result.exit_code == 3
    assert "the kernel cannot be asked" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_kernel_without_guest_memfd_is_named(monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities) -> None:
    del capabilities
    monkeypatch.setattr(abi, "KVM_CREATE_GUEST_MEMFD", 0xC040AEFE)
    with pytest.raises(UnavailableError, match=r"KVM_CREATE_GUEST_MEMFD .*6\.18"):
        probe()
