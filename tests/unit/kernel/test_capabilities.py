"""Why a kernel cannot be asked is said in one sentence, and nothing is tried beyond the first refusal."""

import platform
from pathlib import Path

import pytest

from cluster_sim.kernel.capabilities import Capabilities, UnavailableError, probe, refused_calls


def test_a_machine_without_kvm_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="No such file or directory, allowed: a KVM device that may be opened"):
        probe(tmp_path / "kvm")


def test_a_device_that_is_no_kvm_makes_no_vm(tmp_path: Path) -> None:
    (tmp_path / "kvm").write_bytes(b"")
    with pytest.raises(UnavailableError, match=r"KVM_CREATE_VM: .+, allowed: a KVM that makes VMs"):
        probe(tmp_path / "kvm")


def test_a_machine_of_another_kind_is_refused_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    with pytest.raises(UnavailableError, match="found a s390x machine, allowed: x86_64 or aarch64"):
        probe(Path("/nonexistent"))


@pytest.mark.parametrize(("answer", "has"), [(0, False), (1, True), (9, True)])
def test_conversion_in_place_is_there_when_its_extension_is(answer: int, has: bool) -> None:  # noqa: FBT001
    found = Capabilities("6.18", "x86_64", {"GUEST_MEMFD_MEMORY_ATTRIBUTES": answer}, {})
    assert found.has_conversion == has


def test_what_this_machine_forbids_to_any_process_is_named_with_its_rule() -> None:
    for call, reason in refused_calls().items():
        assert {"register": "X-6, io_uring_setup: ", "userfault": "X-13, userfaultfd: "}[call] in reason
