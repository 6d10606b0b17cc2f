"""H1 and H2 from the shipped definitions' own tables: where conversion beats bouncing, where not, what a pool gains."""

import pytest

from cluster_sim import compare, load, open_results, run
from cluster_sim.analysis.comparison import Row
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.hand_prices import COPY, HOST_FAULT, HOST_UNMAP, MAP_PIECE, PAGES, PIECES, UNMAP_PIECE
from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

WARM_COPY = 242_000
"""A copy of F, one end of which is in the cache."""

Rows = dict[tuple[str, str, str], Row]


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    experiment = load("camera_upload", ["replications=1"])
    finished = run(experiment, tmp_path_factory.mktemp("run"), executor="inline")
    rows = compare(open_results(finished.directory))
    return {(row.axes["protection"], row.axes["io_path"], row.group): row for row in rows}


@pytest.mark.parametrize("protection", ["pkvm", "cca"])
def test_conversion_beats_bouncing_where_a_frame_does_not_fit_the_bounce_pool(uploads: Rows, protection: str) -> None:
    """An 8K P010 frame takes 380 mappings of 256 KiB; the 64 MiB of pKVM and CCA hold 256."""
    bounced = uploads[protection, "swiotlb", "camera-8k"].figures
    assert (bounced["throughput"], bounced["dropped"]) == (0, 100)
    assert uploads[protection, "convert-2m", "camera-8k"].figures["throughput"] > 0


@pytest.mark.parametrize("protection", ["sev-snp", "tdx"])
def test_conversion_loses_where_the_pool_follows_the_guests_memory(uploads: Rows, protection: str) -> None:
    for path in ("convert-4k", "convert-2m"):
        mine, bounced = (uploads[protection, each, "camera-8k"].figures for each in (path, "swiotlb"))
        assert mine["throughput"] < 0.5 * bounced["throughput"]


def test_the_granule_decides_on_pkvm_and_not_where_each_page_is_changed_all_the_same(uploads: Rows) -> None:
    """EL2 takes a range at a time; RMP, SEPT and granules are changed page by page, and 2 MiB only pads."""
    small, large = (uploads["pkvm", path, "camera"].figures["guest CPU"] for path in ("convert-4k", "convert-2m"))
    assert large < small / 5
    for protection in ("sev-snp", "tdx", "cca"):
        small, large = (
            uploads[protection, path, "camera"].figures["guest CPU"] for path in ("convert-4k", "convert-2m")
        )
        assert large > small


@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
def test_a_pool_gains_the_copies_that_it_saves_and_no_more(uploads: Rows, protection: str) -> None:
    """To the device swiotlb copies once in the guest and once on the host, a pool once or not at all.

    Each copy finds one end in the cache: what the guest just made, or what it just copied.
    """
    bounced, copied, made = (
        uploads[protection, path, "camera"].figures for path in ("swiotlb", "pool-copy", "pool-zero")
    )
    assert (bounced["copies"], copied["copies"], made["copies"]) == (2, 1, 0)
    assert copied["p50"] * 1e3 == pytest.approx(WARM_COPY, abs=35_000)
    assert bounced["p50"] * 1e3 == pytest.approx(2 * WARM_COPY, abs=50_000)
    assert made["p50"] * 1e3 < 30_000


CONVERT: Values = {"kind": "convert", "granule": "4KiB", "unmapped_by": "host"}
BOUNCE: Values = {"kind": "swiotlb", "mapping": "per_transfer"}


def frame_ns(path: Values, **costs_ns: float) -> int:
    """A frame to a pKVM guest, with other prices."""
    costs: Values = {
        name.replace("__", "."): {"value": value, "unit": "ns", "why": "either side of the threshold"}
        for name, value in costs_ns.items()
    }
    plain = scenario("pkvm", path).model_dump(mode="json", by_alias=True) | {"costs": costs}
    return int(one_frame(ScenarioSpec.model_validate(plain), RAW_1080P)["ended_ns"])


def test_conversion_wins_below_the_price_of_the_copies_that_it_avoids_and_loses_above_it() -> None:
    """H1, from both sides, with pages that the host has mapped ahead: two copies and the slots pay for a page's share,
    unshare and unmapping by the worker. At the shipped prices the host's faults alone are more than that.
    """
    saved_ns = 2 * COPY + PIECES * (MAP_PIECE + UNMAP_PIECE)
    assert saved_ns < PAGES * (HOST_FAULT + HOST_UNMAP)
    assert frame_ns(CONVERT) > frame_ns(BOUNCE)
    threshold_ns = saved_ns // PAGES - HOST_UNMAP
    assert threshold_ns > 0
    for pair_ns, wins in ((threshold_ns - 10, True), (threshold_ns + 10, False)):
        ways = {"pkvm__share_4k": pair_ns // 2, "pkvm__unshare_4k": pair_ns - pair_ns // 2}
        call = {"exit__pkvm__hvc_guest_or_host_to_el2": 0, "gmem__host_fault_4k": 0}
        assert (frame_ns(CONVERT, **ways, **call) < frame_ns(BOUNCE)) == wins
