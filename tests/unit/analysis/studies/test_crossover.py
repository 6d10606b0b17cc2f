"""Crossovers of a lone guest, against crossings worked out by hand from the prices of hand_prices.py."""

import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.crossover import Asked, CrossoverStudy, crossover, prepare, stop_sentence
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.report.studies_charts import crossover_chart
from tests.unit.analysis.studies.lone_guest import lone_guest
from tests.unit.hand_prices import (
    COPY,
    FAULTS,
    INTERRUPT,
    KICK,
    MAP_PIECE,
    PIECES,
    UNMAP,
    UNMAP_EXIT,
    UNMAP_PIECE,
    WORKER,
    share,
)
from tests.unit.lone_host import RAW_1080P

MIB = 1 << 20
COPY_128K, COPY_1M, COPY_2M = 13_637, 137_475, 257_000
BOTH_WAYS = 2 * share("pkvm", pages=1024, calls=2, vmm_exits=0, is_ranged=True) + 2 * UNMAP_EXIT["pkvm"] + UNMAP
"""Two granules shared and unshared, each in a call of its own; an unshare exits to the host, which unmaps."""
FREE_FAULTS = "costs.gmem.host_fault_4k={value: 0, unit: us, why: prefaulted}"


def find(folder: Path, asked: Asked, *sets: str, replications: int = 2) -> CrossoverStudy:
    return crossover(lone_guest(folder, sets, replications), asked, folder / "results", executor="inline")


def only_crossing(study: CrossoverStudy) -> float:
    assert [len(curve.crossings) for curve in study.curves] == [1]
    crossing = study.curves[0].crossings[0]
    assert crossing.is_shown
    return study.varied.amount(crossing.at)


def test_the_copy_rate_at_which_bouncing_twice_more_costs_what_converting_does(tmp_path: Path) -> None:
    """Bounced, F is copied three times; converted, it is copied once and two granules are shared, both ways.

    2 copies + slots = conversions + faults: a copy is 257,000 ns for 2 MiB, then 2**20 * 1e9 / rate ns a MiB.
    """
    copy_ns = (BOTH_WAYS + FAULTS - PIECES * (MAP_PIECE + UNMAP_PIECE)) / 2
    rate = (RAW_1080P - 2 * MIB) / (copy_ns - COPY_2M)  # GB/s
    assert 1 < rate < 11
    study = find(tmp_path, Asked("costs.copy.zen4_stream=0.5..20", "swiotlb,convert-2m"))
    assert only_crossing(study) == pytest.approx(rate, rel=0.01)
    record = json.loads((study.directory / "study.json").read_text())
    assert record["status"] == "complete"
    assert [found["ahead_before"] for found in record["found"]] == ["convert-2m"]
    assert [found["ahead_after"] for found in record["found"]] == ["swiotlb"]


def test_the_frame_size_at_which_two_more_copies_cost_what_one_granule_does(tmp_path: Path) -> None:
    """Up to 2 MiB a frame is one granule, 161,200 ns both ways, and 190 ns a page that the host had mapped.

    Between 128 KiB and 1 MiB, 3 pieces bounced: 2 (13,637 + 123,838 t) + 3 * 231 = 161,200 + 190 (32 + 224 t).
    """
    one_granule = 2 * share("pkvm", pages=512, calls=1, vmm_exits=0, is_ranged=True) + UNMAP_EXIT["pkvm"]
    assert one_granule == 161_200
    t = (one_granule + 190 * 32 - 2 * COPY_128K - 3 * (MAP_PIECE + UNMAP_PIECE)) / (
        2 * (COPY_1M - COPY_128K) - 190 * 224
    )
    pages = 32 + 224 * t
    assert math.ceil(pages / 64) == 3
    study = find(tmp_path, Asked("frame_size=64KiB..2MiB", "swiotlb,convert-2m"), FREE_FAULTS)
    assert only_crossing(study) == pytest.approx(4096 * pages, rel=0.01)


def test_the_price_of_a_fault_at_which_they_cross_with_faster_conversions(tmp_path: Path) -> None:
    """Converting is linear in the fault: where that is free, it is ahead by two copies less both ways."""
    slow = "costs.copy.zen4_stream={value: 2, unit: GB/s, why: a slow one}"
    copy_ns = COPY_2M + (RAW_1080P - 2 * MIB) / 2
    fault_us = (2 * copy_ns + PIECES * (MAP_PIECE + UNMAP_PIECE) - BOTH_WAYS) / 760 / 1000
    assert 0 < fault_us < FAULTS / 760 / 1000
    asked = Asked("costs.gmem.host_fault_4k=0..2", "convert-2m,swiotlb")
    study = find(tmp_path, asked, slow, replications=1)
    assert only_crossing(study) == pytest.approx(fault_us, rel=0.01)


def test_the_uses_after_which_a_kept_buffer_costs_less_than_bouncing(tmp_path: Path) -> None:
    """A cycle of two granules and 760 faults against two copies and 12 slots for each frame: 2.4 uses of it.

    A run of 120 frames makes whole cycles: between 2 and 3 uses the logarithm of the ratio is taken for straight.
    """
    bounced_more, cycle = 2 * COPY + PIECES * (MAP_PIECE + UNMAP_PIECE), BOTH_WAYS + FAULTS
    kept = COPY + KICK["pkvm"] + WORKER + INTERRUPT["pkvm"]
    logs = [math.log((kept + bounced_more) / (kept + cycle / uses)) for uses in (2, 3)]
    uses = 2 * (3 / 2) ** (-logs[0] / (logs[1] - logs[0]))
    assert uses == pytest.approx(cycle / bounced_more, rel=0.01)
    sets = ("axes.io_path.convert-2m.consume=in_place", "duration=2s")
    study = find(tmp_path, Asked("keep=1..16", "swiotlb,convert-2m"), *sets)
    assert only_crossing(study) == pytest.approx(uses, rel=0.01)


def test_where_the_bounce_pool_holds_no_frame_swiotlb_stops_and_nothing_crosses(tmp_path: Path) -> None:
    """The pool of pKVM is 64 MiB in all; at 10 frames a second both designs sustain all sizes that they deliver."""
    slowly = ("guests.raw.workloads.0.source.fps=10", "guests.raw.workloads.0.deadline=100ms", "duration=1s")
    study = find(tmp_path, Asked("frame_size=1MiB..100MiB", "swiotlb,pool"), *slowly)
    (curve,) = study.curves
    assert curve.crossings == ()
    (stop,) = curve.stops
    assert study.varied.amount(stop.at(study.span)) == pytest.approx(64 * MIB, rel=0.01)
    sentence = stop_sentence(study, stop)
    assert sentence.startswith("swiotlb delivers nothing above 6")
    assert sentence.endswith(": its 64 MiB pool cannot hold the frame")
    (kept,) = json.loads((study.directory / "study.json").read_text("utf-8"))["found"]
    assert (kept["kind"], kept["design"], kept["side"], kept["sentence"]) == ("stop", "swiotlb", "above", sentence)
    assert sentence in crossover_chart(study, curve).to_json()


def test_who_is_ahead_everywhere_crosses_nowhere(tmp_path: Path) -> None:
    study = find(tmp_path, Asked("frame_size=64KiB..2MiB", "swiotlb,convert-4k"))
    assert [curve.crossings for curve in study.curves] == [()]
    table = pq.read_table(study.directory / "crossover.parquet")
    assert table.num_rows == 9
    assert max(table.column("ratio").to_pylist()) < 1


def test_a_granule_is_one_of_three(tmp_path: Path) -> None:
    study = find(tmp_path, Asked("granule=4KiB..2MiB", "swiotlb,convert-4k"), replications=1)
    assert [study.varied.shown(step) for step in study.curves[0].samples] == ["4KiB", "2MiB"]


def test_a_kind_names_the_only_design_of_its_kind(tmp_path: Path) -> None:
    assert prepare(lone_guest(tmp_path), Asked("rate", "swiotlb,shared_pool")).between == ("swiotlb", "pool")


def test_an_axis_that_varies_makes_no_strata(tmp_path: Path) -> None:
    axes = ["axes.guests.raw.vcpus=[1, 2]", "axes.guests.raw.workloads.0.buffers=[1, 2]"]
    search = prepare(lone_guest(tmp_path, axes), Asked("vcpus", "swiotlb,pool"))
    assert [stratum.title for stratum in search.strata] == [
        "protection pkvm, guests.raw.workloads.0.buffers 1",
        "protection pkvm, guests.raw.workloads.0.buffers 2",
    ]


def test_without_an_axis_of_paths_the_baselines_axis_holds_the_designs() -> None:
    churn = load_checked(Path("conversion_churn"))
    search = prepare(churn, Asked("vcpus", "500,2000"))
    assert search.between == ("500", "2000")
    assert len(search.strata) == 4 * 2


def test_default_ranges_end_where_scenarios_end(tmp_path: Path) -> None:
    """1 to 960 frames a second by a factor of 16 each way; vCPUs up to the 32 of them."""
    rate = prepare(lone_guest(tmp_path), Asked("rate", "swiotlb,pool"))
    assert (rate.span.low, rate.span.high) == (3, 960)
    vcpus = prepare(lone_guest(tmp_path), Asked("vcpus", "swiotlb,pool"))
    assert (vcpus.span.low, vcpus.span.high) == (1, 32)
    pages = prepare(lone_guest(tmp_path), Asked("guests.raw.memory=1GiB..2GiB", "swiotlb,pool"))
    assert pages.varied.writes(pages.span.low) == {"guests.raw.memory": "1GiB"}
    assert pages.varied.writes(pages.span.low + 1) == {"guests.raw.memory": "1048580KiB"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked("frame_size", "swiotlb"), "--between: found 'swiotlb', allowed: two designs"),
        (Asked("frame_size", "swiotlb,convert"), "which is convert-4k and convert-2m, allowed: swiotlb | convert-4k"),
        (Asked("frame_size", "swiotlb,nothing"), "found 'nothing', allowed: swiotlb | convert-4k | convert-2m | pool"),
        (
            Asked("colour", "swiotlb,pool"),
            "found 'colour', allowed: granule | keep | frame_size | rate | guests",
        ),
        (Asked("guests.raw.wcpus", "swiotlb,pool"), "did you mean vcpus?"),
        (Asked("guests.raw.name", "swiotlb,pool"), "found guests.raw.name with 'raw', allowed: a field with a number"),
        (Asked("vcpus=4..2", "swiotlb,pool"), "found '4..2', allowed: LOW..HIGH"),
        (Asked("vcpus=many..2", "swiotlb,pool"), "found 'many..2', allowed: LOW..HIGH"),
        (Asked("vcpus=1..100000", "swiotlb,pool"), "found 100000, allowed: 4096 or less"),
        (Asked("vcpus=1..100", "swiotlb,pool"), "--vary vcpus at 100: "),
        (Asked("guests.raw.memory=64KiB..1GiB", "swiotlb,pool"), "--vary guests.raw.memory at 64KiB: "),
        (Asked("vcpus", "swiotlb,pool", figure="speed"), "--figure: found 'speed', allowed: mean"),
        (Asked("vcpus", "swiotlb,pool", group="nobody"), "--group: found 'nobody', allowed: raw"),
        (Asked("costs.nothing", "swiotlb,pool"), "found 'costs.nothing', allowed: costs.NAME"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(tmp_path: Path, asked: Asked, told: str) -> None:
    with pytest.raises(StudyError) as refused:
        find(tmp_path, asked, "guests.raw.memory=1GiB")
    assert told in str(refused.value)
    assert not (tmp_path / "results").exists()
