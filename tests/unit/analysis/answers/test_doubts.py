"""Which costs overturn an order: both ends of a range."""

from cluster_sim import load
from cluster_sim.analysis.answers.doubts import Examiner, StatedOrder, doubts_of
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.scenario.spec import ScenarioSpec
from tests.main_job import MAIN_JOB
from tests.unit.lone_host import Values, scenario

CONVERT: Values = {"kind": "convert", "granule": "4KiB", "unmapped_by": "host"}
BOUNCE: Values = {"kind": "swiotlb", "mapping": "per_transfer"}
CHEAP_CONVERSION: Values = {
    "gmem.host_fault_4k": {"value": 0, "unit": "us", "why": "prefaulted"},
    "pkvm.unshare_4k": {"value": 0.05, "unit": "us", "why": "nearly free"},
    "exit.pkvm.hvc_guest_or_host_to_el2": {"value": 0, "unit": "us", "why": "free"},
    "copy.zen4_stream": {"value": 1.2, "unit": "GB/s", "why": "slow memory"},
    "gmem.zap_4k_bulk": {"value": 0, "unit": "us", "why": "free"},
    "pkvm.without_fwb": {"value": 0, "unit": "ratio", "why": "a coherent SoC"},
}
"""With these, a 4 KiB share of 2.5 us costs less than copying its page twice, and one of 8 us, its high end, more."""


def manifest_of(**scenarios: ScenarioSpec) -> Manifest:
    """A manifest of variants that are their own labels."""
    variants = {
        label: VariantRecord(
            axes={"io_path": label},
            profile="p",
            duration_ns=each.duration,
            scenario=each.model_dump(mode="json", by_alias=True),
        )
        for label, each in scenarios.items()
    }
    return Manifest(
        experiment="hand", question="?", definition="hand.yaml", seed=1, replications=3, baseline={"io_path": "bounce"},
        variants=variants, profiles={}, versions={}, host={}, status="complete",
    )  # fmt: skip


def lone(protection: str, path: Values, costs: Values | None = None) -> ScenarioSpec:
    """A raw frame along a path, with some costs replaced."""
    plain = scenario(protection, path).model_dump(mode="json", by_alias=True) | {"costs": costs or {}}
    return ScenarioSpec.model_validate(plain)


def order(ratio: float) -> StatedOrder:
    """The order of converting over bouncing, as a run showed it."""
    return StatedOrder("protection pkvm", "raw", "convert", "convert", "bounce", "bounce", ratio)


def test_a_cost_whose_end_turns_the_order_is_named_with_that_end() -> None:
    manifest = manifest_of(
        convert=lone("pkvm", CONVERT, CHEAP_CONVERSION), bounce=lone("pkvm", BOUNCE, CHEAP_CONVERSION)
    )
    doubts, remarks, overturning_at = doubts_of(manifest, [order(0.6)])
    overturning = [each for each in doubts if each.overturns]
    assert [each.cost for each in overturning] == ["pkvm.share_4k"]
    (found,) = overturning
    assert (found.low, found.value, found.high, found.unit) == (1.0, 2.5, 8.0, "us")
    assert found.sentence == (
        "Estimated; at its high end, 8 us, one lone transfer would be faster by bounce than by convert "
        "(protection pkvm, raw)."
    )
    assert overturning_at == {("protection pkvm", "raw"): ("pkvm.share_4k",)}
    assert remarks == []


def test_at_the_shipped_prices_no_cost_turns_conversion_against_bouncing() -> None:
    manifest = manifest_of(convert=lone("pkvm", CONVERT), bounce=lone("pkvm", BOUNCE))
    doubts, _, overturning_at = doubts_of(manifest, [order(6.0)])
    assert doubts
    assert not any(each.overturns for each in doubts)
    assert overturning_at == {}
    assert all("no order turns within its range" in each.sentence for each in doubts)


def test_a_cost_that_the_definition_assumes_is_not_doubted() -> None:
    assumed: Values = {"pkvm.share_4k": {"value": 2.5, "unit": "us", "why": "ours"}}
    manifest = manifest_of(convert=lone("pkvm", CONVERT, assumed), bounce=lone("pkvm", BOUNCE, assumed))
    doubts, _, _ = doubts_of(manifest, [order(6.0)])
    assert "pkvm.share_4k" not in {each.cost for each in doubts}


def test_a_cost_that_a_definition_gives_a_range_is_doubted_over_that() -> None:
    ours: Values = {"pkvm.share_4k": {"value": 2.5, "low": 2, "high": 8, "unit": "us", "why": "ours"}}
    near: Values = {**CHEAP_CONVERSION, **ours}
    manifest = manifest_of(convert=lone("pkvm", CONVERT, near), bounce=lone("pkvm", BOUNCE, near))
    _, _, overturning_at = doubts_of(manifest, [order(0.6)])
    assert overturning_at == {("protection pkvm", "raw"): ("pkvm.share_4k",)}
    apart: Values = {**near, "pkvm.share_4k": {"value": 2.4, "unit": "us", "why": "an axis"}}
    manifest = manifest_of(convert=lone("pkvm", CONVERT, near), bounce=lone("pkvm", BOUNCE, apart))
    _, _, overturning_at = doubts_of(manifest, [order(0.6)])
    assert overturning_at == {}, "what the two sides have otherwise is what is compared"


def test_measured_costs_are_doubted_too_and_stand_ins_say_of_what_they_are() -> None:
    """Of a lone transfer of SNP, a request's tax of 6 to 20 us moves the pool's part of it most."""
    pool = lone("sev-snp", {"kind": "shared_pool", "copy": "none"})
    manifest = manifest_of(convert=pool, bounce=lone("sev-snp", BOUNCE))
    doubts, _, _ = doubts_of(manifest, [order(0.01)])
    known = {each.cost: each.sentence for each in doubts}
    assert doubts[0].cost == "notify.snp.io_qd1_tax"
    assert known["notify.snp.io_qd1_tax"].startswith("Measured; no order turns within its range")
    assert known["copy.zen4_cold_2097152"].startswith("Measured; ")
    told = "Stand-in (a thread woken through a pipe); no order turns"
    assert known["price.zen4.wake_worker"].startswith(told)


def test_a_cost_is_as_sure_as_where_it_is_least_sure() -> None:
    """Zen 4's copies are measured for SNP, and stand in for Arm's."""
    plain: Values = {"kind": "shared_pool", "copy": "none"}
    manifest = manifest_of(
        pool=lone("sev-snp", plain), bounce=lone("sev-snp", BOUNCE), a=lone("pkvm", plain), b=lone("pkvm", BOUNCE)
    )
    orders = [
        StatedOrder("snp", "raw", "pool", "pool", "bounce", "bounce", 0.01),
        StatedOrder("pkvm", "raw", "pool", "a", "bounce", "b", 0.01),
    ]
    for asked in (orders, orders[::-1]):
        examiner = Examiner(manifest)
        for each in asked:
            examiner.examine(each)
        assert examiner.findings["copy.zen4_stream"].cost.confidence == "stand-in"
    alone = Examiner(manifest)
    alone.examine(orders[0])
    assert alone.findings["copy.zen4_stream"].cost.confidence == "measured"


def test_an_order_that_a_lone_transfer_does_not_have_is_said_to_come_of_waiting() -> None:
    manifest = manifest_of(convert=lone("pkvm", CONVERT), bounce=lone("pkvm", BOUNCE))
    doubts, remarks, _ = doubts_of(manifest, [order(0.5)])
    assert doubts == ()
    (remark,) = remarks
    assert remark.startswith("No cost was doubted for 1 of 1 pairs of paths, where a lone transfer has another order")


def test_traces_that_are_gone_are_told_and_doubt_nothing() -> None:
    spec = load(MAIN_JOB, ["protection=pkvm", "io_path=swiotlb"]).variants[0].scenario
    text = spec.model_dump_json(by_alias=True).replace("bbb_720p24", "gone")
    gone = ScenarioSpec.model_validate_json(text)
    doubts, remarks, _ = doubts_of(manifest_of(convert=gone, bounce=gone), [order(0.5)])
    assert doubts == ()
    assert len(remarks) == 1
    assert "a trace is missing" in remarks[0]
