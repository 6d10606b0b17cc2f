"""Which costs overturn an order: both ends of a range."""

from cluster_sim import load
from cluster_sim.analysis.answers.doubts import StatedOrder, doubts_of
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import Values, scenario

CONVERT: Values = {"kind": "convert", "granule": "4KiB"}
BOUNCE: Values = {"kind": "swiotlb"}
CHEAP_CONVERSION: Values = {
    "gmem.host_fault_4k": {"value": 0, "unit": "us", "why": "prefaulted"},
    "pkvm.unshare_4k": {"value": 0.05, "unit": "us", "why": "nearly free"},
    "exit.pkvm.hvc_guest_or_host_to_el2": {"value": 0, "unit": "us", "why": "free"},
    "copy.zen4_stream": {"value": 1.2, "unit": "GB/s", "why": "slow memory"},
    "mm.zap_4k_bulk": {"value": 0, "unit": "us", "why": "free"},
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


def test_an_order_that_a_lone_transfer_does_not_have_is_said_to_come_of_waiting() -> None:
    manifest = manifest_of(convert=lone("pkvm", CONVERT), bounce=lone("pkvm", BOUNCE))
    doubts, remarks, _ = doubts_of(manifest, [order(0.5)])
    assert doubts == ()
    (remark,) = remarks
    assert remark.startswith("No cost was doubted for 1 of 1 pairs of paths, where a lone transfer has another order")


def test_traces_that_are_gone_are_told_and_doubt_nothing() -> None:
    spec = load("swiotlb_vs_zero_copy", ["protection=pkvm", "io_path=swiotlb"]).variants[0].scenario
    text = spec.model_dump_json(by_alias=True).replace("bbb_720p24", "gone")
    gone = ScenarioSpec.model_validate_json(text)
    doubts, remarks, _ = doubts_of(manifest_of(convert=gone, bounce=gone), [order(0.5)])
    assert doubts == ()
    assert len(remarks) == 1
    assert "a trace is missing" in remarks[0]
