"""What stands beside an answer: whose conversions are assumed, who trusts shared memory, what no price can mend."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim import load, open_results, run
from cluster_sim.analysis.answers.answer import Answer
from cluster_sim.analysis.answers.run_answer import answer
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.cli import app
from cluster_sim.platform.vmm import VMMS

DEFINITION = """
name: assumed
question: Whose monitor?
replications: 2
duration: 200ms
record: summary
cluster:
  hosts: 1
  host: {cpus: 16, memory: 64GiB}
guests:
  - name: raw
    count_per_host: 1
    vcpus: 2
    memory: 4GiB
    workloads:
      - kind: video
        source: {kind: raw, width: 1920, height: 1080, format: nv12, fps: 60}
        buffers: 4
        deadline: 16ms
axes:
  protection: [pkvm, sev-snp]
  io_path:
    bounce: {kind: swiotlb, mapping: long_lived}
    anew: {kind: swiotlb, mapping: per_transfer}
    out-4k: {kind: convert, granule: 4KiB}
    out-2m: {kind: convert, granule: 2MiB}
    in-place: {kind: convert, granule: 2MiB, consume: in_place}
    copied: {kind: shared_pool, copy: both}
    shown: {kind: shared_pool, copy: none}
baseline: {io_path: bounce}
"""
IN_PLACE = (
    "With in-place and shown the guest works on what came while the host can still change it: "
    "it must fetch each field once (double fetch)."
)


IN_PIECES = (
    "The device of raw takes a picture in pieces of 256 KiB; one that takes it as one mapping gets none so large from "
    "swiotlb, whatever the pool: `segments: contiguous` shows it."
)


def directory_of(folder: Path, *sets: str) -> Path:
    file = folder / "assumed.yaml"
    file.write_text(DEFINITION, "utf-8")
    return run(load(file, sets), folder / "results", executor="inline").directory


def answer_to(folder: Path, *sets: str) -> Answer:
    return answer(RunReading(open_results(directory_of(folder, *sets))))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return directory_of(tmp_path_factory.mktemp("assumed"))


@pytest.fixture(scope="module")
def found(directory: Path) -> Answer:
    return answer(RunReading(open_results(directory)))


def test_the_monitor_is_named_with_what_it_maps_and_its_source(found: Answer) -> None:
    """QEMU maps ahead where a hypercall asks it; pKVM's guest keeps its mapping, of which nothing is said."""
    monitor, pieces, trusting = found.assumed
    assert monitor.sentence == (
        "Memory converts under the monitor qemu-10: the host's mapping faults page by page; "
        "the guest's is mapped ahead."
    )
    assert monitor.source == VMMS["qemu-10"].source
    assert pieces.sentence == IN_PIECES
    assert trusting.sentence == IN_PLACE


def test_a_definition_that_overrules_its_monitor_is_named(tmp_path: Path) -> None:
    sets = ("replications=1", "axes.cluster.host.host_faults=[lazy, populate]", "axes.protection=[sev-snp, cca]")
    monitor, *_ = answer_to(tmp_path, *sets, "cluster.host.vmm=crosvm", "cluster.host.guest_faults=lazy").assumed
    assert monitor.sentence == (
        "Memory converts under the monitor crosvm (host_faults and guest_faults as the definition says): "
        "the host's mapping faults page by page or is populated by one call, by variant; "
        "the guest's faults page by page."
    )


def test_technologies_that_are_mapped_otherwise_are_told_apart(tmp_path: Path) -> None:
    """Under CCA the monitor is not asked, so that it maps nothing ahead."""
    monitor, *_ = answer_to(tmp_path, "replications=1", "axes.protection=[sev-snp, tdx, cca]").assumed
    told = "the guest's is mapped ahead on AMD SEV-SNP and Intel TDX; it faults page by page on Arm CCA."
    assert monitor.sentence.endswith(told)


def test_a_run_that_converts_nothing_and_copies_out_assumes_pieces_alone(tmp_path: Path) -> None:
    sets = ("exclude=[{io_path: [out-4k, out-2m, in-place, shown]}]", "replications=1")
    assert [each.sentence for each in answer_to(tmp_path, *sets).assumed] == [IN_PIECES]
    small = ("guests.raw.workloads.0.source.width=320", "guests.raw.workloads.0.source.height=240")
    assert answer_to(tmp_path, *sets, *small).assumed == ()
    assert answer_to(tmp_path, *sets, "guests.raw.workloads.0.segments=contiguous").assumed == ()


def test_a_group_whose_pictures_fit_one_mapping_is_not_named(tmp_path: Path) -> None:
    small = """
  - name: small
    count_per_host: 1
    vcpus: 2
    memory: 4GiB
    workloads:
      - kind: video
        source: {kind: raw, width: 320, height: 240, format: nv12, fps: 60}
        deadline: 16ms
axes:"""
    file = tmp_path / "both.yaml"
    file.write_text(DEFINITION.replace("\naxes:", small), "utf-8")
    sets = ("replications=1", "protection=pkvm", "io_path=bounce")
    done = run(load(file, sets), tmp_path / "results", executor="inline")
    assert [each.sentence for each in answer(RunReading(open_results(done.directory))).assumed] == [IN_PIECES]


def test_an_unprotected_guest_and_one_that_only_sends_trust_nobody(tmp_path: Path) -> None:
    sets = ("replications=1", "io_path=shown")
    assert answer_to(tmp_path, "protection=none", *sets).assumed == ()
    assert answer_to(tmp_path, "guests.raw.workloads.0.direction=to_device", *sets).assumed == ()


def test_compare_and_the_reports_say_what_is_assumed(directory: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["compare", str(directory)])
    assert f"Assumed: {IN_PLACE}" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["report", str(directory), "--prices=0", f"--out={tmp_path}"])
    assert done.exit_code == 0, done.output
    assert f"Assumed: {IN_PLACE}" in " ".join((tmp_path / "report.txt").read_text("utf-8").split())
    assert f"> **Assumed:** {IN_PLACE}" in (tmp_path / "report.md").read_text("utf-8")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert IN_PLACE in page
    assert "KVM_PRE_FAULT_MEMORY after each KVM_HC_MAP_GPA_RANGE" in page


def test_who_copies_as_a_bounce_does_and_converts_besides_loses_at_any_price(found: Answer) -> None:
    """SNP loses content and copies out; pKVM keeps it, and the others copy less. 760 pages or 2 granules, both ways."""
    told = {verdict.stratum: [line for line in verdict.details if "at any price" in line] for verdict in found.verdicts}
    besides = (
        "out-4k (1,520) and out-2m (4) make the copies of bounce, 1 by the guest and 1 by the host of each byte, "
        "and conversions besides (granules a transfer in brackets): they lose to it at any price."
    )
    assert told == {"protection pkvm": [], "protection sev-snp": [besides]}
