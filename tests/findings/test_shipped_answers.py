"""Each shipped definition answers its own question in the first sentence of its report, as its tables have it."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cluster_sim import answer, compare, load, open_results, run
from cluster_sim.analysis.answers.criteria import Criterion, criteria_of
from cluster_sim.analysis.answers.phrases import measured
from cluster_sim.analysis.comparison import Row

SHORT: Final[dict[str, tuple[str, ...]]] = {
    "adaptive_players": ("replications=3", "axes.protection=[pkvm]"),
    "block_fio": ("replications=3", "axes.protection=[pkvm, tdx]", "duration=1s"),
    "boot_acceptance": ("replications=3", "axes.protection=[pkvm, sev-snp]"),
    "camera_contiguous": ("axes.protection=[pkvm]",),
    "camera_upload": ("replications=3", "axes.protection=[pkvm, sev-snp]"),
    "conversion_churn": ("replications=3", "axes.protection=[pkvm, tdx]"),
    "conversion_strategies": ("replications=3", "duration=1s"),
    "echo_server": ("replications=3", "axes.protection=[sev-snp]", "duration=50ms"),
    "exclusive_pins": ("replications=3",),
    "guest_to_guest": ("replications=3", "axes.protection=[pkvm]", "duration=500ms"),
    "huge_page_split": ("replications=3", "axes.protection=[pkvm, tdx]"),
    "many_queues_one_worker": ("replications=3", "axes.protection=[none, tdx]", "duration=20ms"),
    "mixed_tenants": ("replications=3", "axes.protection=[pkvm]"),
    "network_packets": ("replications=3", "axes.protection=[none, tdx]", "duration=200ms"),
    "pinned_pages": ("replications=3", "axes.protection=[pkvm, tdx]"),
    "swiotlb_vs_zero_copy": ("replications=3", "duration=1s", "cluster.hosts=1"),
    "thousand_hosts": ("cluster.hosts=2", "duration=1s"),
    "video_streaming": ("replications=3", "duration=10s", "cluster.hosts=1"),
}
"""A short form of each: all paths, fewer technologies, less time."""

ASKED: Final[dict[str, str]] = {
    "adaptive_players": r"No difference is shown in bit rate played.*switches: .*frozen: ",
    "block_fio": r"lowest median latency.*beside swiotlb, pool-copy is ",
    "boot_acceptance": r"has the lowest boot time.* on pKVM.* on AMD SEV-SNP.*late: ",
    "camera_contiguous": r"Dropped: 100 % by contiguous .* with source vga, hd and full-hd, nothing by ",
    "camera_upload": r"Dropped: .*swiotlb.*has the lowest median latency.*swiotlb delivers nothing .*for camera-8k",
    "conversion_churn": r"has the highest throughput.*nothing is late on any path.*does not sustain 8,000 ranges/s",
    "conversion_strategies": r"kept-64 has the lowest median latency.*; ahead of swiotlb wherever .*kept-8",
    "echo_server": r"has the highest throughput.* with clients 1.*requests/s with clients ",
    "exclusive_pins": r"Nothing is dropped on any path; exclusive_pin has the lowest median latency",
    "guest_to_guest": r"mean time from guest to guest everywhere: .* hosts_on same-host and .* hosts_on two-hosts",
    "huge_page_split": r"Broken leaves: 32 .* huge_page 2MiB and 512 .* huge_page 1GiB by clustered.* by scattered",
    "many_queues_one_worker": r"highest throughput with numjobs 4 and 16.*no difference in it is shown with numjobs 1",
    "mixed_tenants": r"Refused: [0-9.]+ guests for video on every path; nothing is late on any path",
    "network_packets": r"lowest median latency.*beside swiotlb, swiotlb-mapped is ",
    "pinned_pages": r"dropped on any path; unfinished: [0-9.]+ % by retry and wait with lasts forever",
    "swiotlb_vs_zero_copy": r"A shared pool has the lowest median latency on all four .*flips.*not sustain 60 frames/s",
    "thousand_hosts": r"pool-copy has the lowest guest cores: .*convert-.* is .* higher; nothing is dropped",
    "video_streaming": r"Nothing is late, dropped or frozen on any path; ",
}
"""What the sentence must say for the definition's own question."""

LED_BY_ONE: Final = {
    "boot_acceptance",
    "camera_upload",
    "conversion_strategies",
    "echo_server",
    "exclusive_pins",
    "guest_to_guest",
    "network_packets",
    "thousand_hosts",
    "video_streaming",
}
"""Definitions in which one path has the best of the first figure everywhere."""


@dataclass(frozen=True)
class Found:
    """What was found of a definition: the sentence, and what it is of."""

    sentence: str
    criteria: Sequence[Criterion]
    rows: list[Row]
    baseline: Mapping[str, str]

    def stratum(self, row: Row) -> dict[str, str]:
        """A row's labels on the axes that tell no paths apart."""
        return {axis: label for axis, label in row.axes.items() if axis not in self.baseline}

    def label(self, row: Row) -> str:
        """What a path is called where it has the baseline's labels but for one."""
        others = [label for axis, label in row.axes.items() if self.baseline.get(axis, label) != label]
        return others[0] if len(others) == 1 else next(iter(self.baseline.values())) if not others else ""


@pytest.fixture(scope="module", params=sorted(SHORT))
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Found]:
    name = str(request.param)
    experiment = load(name, ("record=summary", *SHORT[name]))
    results = open_results(run(experiment, tmp_path_factory.mktemp("run"), executor="inline").directory)
    return name, Found(
        answer(results).summary, criteria_of(experiment.spec.judge), compare(results), experiment.spec.baseline
    )


def test_all_shipped_definitions_are_here() -> None:
    shipped = {path.stem for path in Path("workloads").glob("*.yaml")}
    assert set(SHORT) == shipped
    assert set(ASKED) == shipped


def test_the_first_sentence_answers_the_question_and_agrees_with_the_tables(found: tuple[str, Found]) -> None:
    name, told = found
    assert re.search(ASKED[name], told.sentence), told.sentence
    for check in (what_is_nothing, what_is_refused, who_leads, who_sustains):
        check(told)


def test_leaders_are_looked_up_in_the_tables_of_most_definitions(found: tuple[str, Found]) -> None:
    """So that the check above cannot pass by finding nothing to look up."""
    name, told = found
    assert bool(leads_everywhere(told)) == (name in LED_BY_ONE)


def values(rows: Sequence[Row], criterion: Criterion) -> list[float]:
    """A figure of all rows that have it."""
    known = [row.figures.get(criterion.figure, float("nan")) for row in rows]
    return [value for value in known if not math.isnan(value)]


def what_is_nothing(told: Found) -> None:
    """A share is told to be nothing just where it is; each other one is told."""
    sentence = re.search(r"[Nn]othing is ([a-z, ]+) on any path", told.sentence)
    words = set(re.split(r", | or ", sentence[1])) if sentence else set()
    for criterion in told.criteria:
        if criterion.is_share and not criterion.is_count:
            is_nothing = all(value <= criterion.nothing_to for value in values(told.rows, criterion))
            assert (criterion.name in words) == is_nothing, criterion
            assert is_nothing or f"{criterion.name}: " in told.sentence.lower(), criterion


def what_is_refused(told: Found) -> None:
    """Guests that were refused are told by their number and their group."""
    refused = [row for row in told.rows if row.figures["refused"] > 0]
    if refused and any(criterion.figure == "refused" for criterion in told.criteria):
        ends = {measured(end([row.figures["refused"] for row in refused]), "refused") for end in (min, max)}
        assert all(each.removesuffix(" guests") in told.sentence for each in ends)
        assert all(f" for {row.group}" in told.sentence for row in refused)


def leads_everywhere(told: Found) -> list[tuple[str, Criterion]]:
    """Paths that are told to have the best of a figure in all cases, and the figure."""
    found = []
    for criterion in told.criteria:
        at = r"(, alone or with others,)?( everywhere| on both| on all [a-z]+)?"
        claim = rf"(\S+) has the (?:lowest|highest) {criterion.name}{at}( technologies)?( and without protection)?: "
        if (sentence := re.search(claim, told.sentence)) and sentence[1] in {told.label(row) for row in told.rows}:
            found.append((sentence[1], criterion))
    return found


def who_leads(told: Found) -> None:
    """A path that is told to have the best of a figure everywhere has it; of several that do, all but."""
    for label, criterion in leads_everywhere(told):
        best: Callable[[Sequence[float]], float] = max if criterion.more_is_better else min
        for row in told.rows:
            if told.label(row) == label and row.overload is None and values([row], criterion):
                place = (row.group, told.stratum(row))
                near = [each for each in told.rows if (each.group, told.stratum(each)) == place and not each.overload]
                assert row.figures[criterion.figure] == pytest.approx(best(values(near, criterion)), rel=0.05), row


def who_sustains(told: Found) -> None:
    """That something is not sustained is told just where that is so."""
    is_strained = any(row.overload for row in told.rows if row.figures["throughput"] > 0)
    assert (" not sustain " in told.sentence) == is_strained
