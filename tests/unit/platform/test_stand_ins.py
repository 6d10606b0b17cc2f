"""Figures of something else: whose machine they are from, what prices say of them, and how far they may be off."""

from dataclasses import replace

import pytest

from cluster_sim.platform.profile import (
    Toml,
    costs_of_prices,
    load_profile,
    on_machine,
    read_prices,
    toml_of,
    with_costs_of_prices,
)
from cluster_sim.platform.provenance import Confidence, Cost, CostLibrary, ProvenanceError, Source
from cluster_sim.platform.scenario_profile import cost_of, overrides_of
from cluster_sim.scenario.spec import CostOverride

SOURCES = {
    "ours": Source("ours", "a bench", "2026", "here", "AMD"),
    "theirs": Source("theirs", "a mail", "2025", "there", "Arm"),
    "nowhere": Source("nowhere", "a guess", "2026", "here"),
}


def cost(name: str, value: float, source: str, confidence: Confidence = "measured") -> Cost:
    """A cost in ns that may be half or twice as much."""
    return Cost(name, value, "ns", value / 2, value * 2, source, confidence)


COSTS = CostLibrary(
    {
        each.name: each
        for each in (
            cost("copy", 600, "ours"),
            cost("flush", 200, "theirs", "published"),
            cost("call", 1000, "nowhere", "estimated"),
            replace(cost("tick", 50, "theirs", "published"), low=50, high=50),
        )
    },
    SOURCES,
)


def prices_of(costs: CostLibrary = COSTS, **entry: object) -> tuple[Cost, CostLibrary]:
    """The one price of a hand-made profile, and the library with what it has of its own."""
    toml: Toml = {"name": "sev-x", "price": {"it": entry}}
    known = with_costs_of_prices(costs, toml)
    price = read_prices(toml, known)["it"].cost
    assert price is not None
    return price, known


def test_what_was_measured_on_another_makers_machine_is_a_stand_in() -> None:
    seen = on_machine(COSTS, "Arm")
    assert (seen["copy"].confidence, seen["copy"].stands_in) == ("stand-in", "the same on AMD")
    assert seen["flush"] == COSTS["flush"]
    assert (seen["copy"].low, seen["copy"].value, seen["copy"].high) == (300, 600, 1200)
    assert on_machine(COSTS, "AMD")["copy"] == COSTS["copy"]
    assert on_machine(COSTS, "AMD")["flush"].stands_in == "the same on Arm"


def test_what_no_machine_decides_stands_in_for_nothing() -> None:
    seen = on_machine(COSTS, "Intel")
    assert seen["call"] == COSTS["call"], "its source measured no one's machine"
    assert seen["tick"] == COSTS["tick"], "a constant is the same everywhere"


def test_what_is_already_of_something_else_stays_of_that() -> None:
    phone = replace(COSTS["flush"], confidence="stand-in", stands_in="a phone's")
    costs = replace(COSTS, costs={**COSTS.costs, "flush": phone})
    assert on_machine(costs, "Intel")["flush"] == phone


@pytest.mark.parametrize(
    ("formula", "confidence"), [("copy", "stand-in"), ("copy + flush", "stand-in"), ("copy + call", "estimated")]
)
def test_a_price_that_says_of_what_it_really_is_is_a_stand_in_at_most(formula: str, confidence: str) -> None:
    price, known = prices_of(formula=formula, stands_in="a drawing")
    assert (price.confidence, price.stands_in, price.formula) == (confidence, "a drawing", formula)
    assert known == COSTS, "without alternatives it has no cost of its own"


def test_a_price_with_alternatives_is_a_cost_of_its_own_over_all_of_them() -> None:
    """Copy is 300 .. 600 .. 1200 ns, flush 100 .. 400, twice the call 1000 .. 4000."""
    price, known = prices_of(
        formula="copy", note="why", stands_in="a drawing", alternatives=["flush", "2 * call"], spans="to two calls"
    )
    own = known["price.sev_x.it"]
    assert (own.low, own.value, own.high, own.unit) == (100, 600, 4000, "ns")
    assert (own.confidence, own.stands_in, own.source, own.formula) == ("stand-in", "a drawing", "ours", "copy")
    assert own.note == "why; range to two calls"
    assert (price.low, price.value, price.high) == (100, 600, 4000)
    assert (price.inputs, price.confidence, price.stands_in) == (("price.sev_x.it",), "stand-in", "a drawing")


def test_what_an_experiment_assumes_has_the_range_that_it_says() -> None:
    assumed = replace(COSTS["copy"], value=500, low=500, high=500, confidence="assumed", source="definition")
    costs = replace(COSTS, costs={**COSTS.costs, "copy": assumed})
    price, _ = prices_of(costs, formula="copy", stands_in="a drawing", alternatives=["call"], spans="to a call")
    assert (price.low, price.value, price.high, price.confidence) == (500, 500, 500, "assumed")


def test_who_measures_the_thing_itself_replaces_the_stand_in_alone() -> None:
    own = cost("price.sev_x.it", 700, "ours")
    costs = replace(COSTS, costs={**COSTS.costs, own.name: own})
    price, known = prices_of(costs, formula="copy", stands_in="a drawing", alternatives=["call"], spans="to a call")
    assert (price.value, price.low, price.high) == (700, 350, 1400)
    assert (price.confidence, price.stands_in) == ("measured", "")
    assert known["copy"].value == 600


def test_a_definition_and_a_table_may_replace_the_cost_of_a_shipped_price() -> None:
    name = "price.zen4.wake_worker"
    assert name in costs_of_prices()
    override = CostOverride(value=3, unit="us", why="timed", confidence="measured", low=2, high=4)
    profile = load_profile("tdx", "zen4", {name: cost_of(name, override)})
    assert profile.price_ns("wake_worker", 2) == 3000
    assert profile.prices["wake_worker"].cost is not None
    assert profile.prices["wake_worker"].cost.confidence == "measured"
    table = CostLibrary({name: cost(name, 3000, "ours"), "mm.unheard_of": cost("mm.unheard_of", 1, "ours")}, SOURCES)
    assert list(overrides_of(table)) == [name]


def test_the_cost_of_another_technologys_price_is_passed_over_and_that_of_none_refused() -> None:
    name = "price.cca.interrupt"
    override = cost(name, 1000, "ours")
    assert load_profile("cca", "zen4", {name: override}).price_ns("interrupt", 2) == 1000
    assert load_profile("pkvm", "zen4", {name: override}).price_ns("interrupt", 2) == 2100
    with pytest.raises(ProvenanceError, match=r"found 'price\.tdx\.kick', allowed: a name of costs\.toml"):
        load_profile("tdx", "zen4", {"price.tdx.kick": override})


def test_a_stand_in_goes_through_a_definition_with_what_it_is_of() -> None:
    original = replace(cost("mm.zap_4k_bulk", 300, "ours", "stand-in"), stands_in="a drawing")
    (override,) = overrides_of(CostLibrary({original.name: original}, SOURCES)).values()
    back = cost_of(original.name, override)
    assert (back.confidence, back.stands_in, back.low, back.high) == ("stand-in", "a drawing", 150, 600)


@pytest.mark.parametrize("file", ["none", "pkvm", "sev-snp", "tdx", "cca", "zen4"])
def test_whoever_names_alternatives_says_of_what_the_figure_is_and_how_far_they_reach(file: str) -> None:
    prices = toml_of(f"profiles/{file}.toml")["price"]
    assert isinstance(prices, dict)
    for name, entry in prices.items():
        assert ("alternatives" in entry) == ("spans" in entry), name
        assert "alternatives" not in entry or "stands_in" in entry, name
        assert not ("absent" in entry and "stands_in" in entry), name


@pytest.mark.parametrize(
    ("technology", "price", "confidence", "low", "high"),
    [
        ("pkvm", "share_page_ranged", "estimated", 50, 2500),
        ("tdx", "interrupt", "estimated", 300, 1500),
        ("cca", "interrupt", "stand-in", 900, 31_000),
        ("cca", "wake_vcpu", "estimated", 0, 37_100),
        ("none", "wake_worker", "stand-in", 1000, 5000),
        ("none", "wake_vcpu", "stand-in", 1000, 7000),
        ("none", "host_fault_page", "measured", 1430, 1810),
        ("pkvm", "host_fault_page", "stand-in", 1430, 1810),
        ("none", "host_unmap_leaf_2m", "stand-in", 145, 17_000),
        ("none", "iommu_map_leaf_2m", "stand-in", 57_000, 95_000),
        ("tdx", "share_page", "stand-in", 13_090, 18_360),
        ("sev-snp", "share_leaf_2m", "estimated", 46_580, 191_320),
    ],
)
def test_shipped_prices_are_known_as_what_they_are(
    technology: str, price: str, confidence: str, low: float, high: float
) -> None:
    """On pKVM 0.05 .. 0.5 + 2 us of cleaning; CCA's wake 7 + 31 - 0.9; a kernel thread's wake is 1 .. 5 us.

    TDX 13 + 0.09 .. 18 + 0.36, whose flush was measured on AMD; SNP 0.2 + 0.3 + 512 x 0.09 .. 5 + 2 + 512 x 0.36.
    """
    found = load_profile(technology).prices[price].cost
    assert found is not None
    assert found.confidence == confidence
    assert (found.low, found.high) == pytest.approx((low, high))


def test_copies_on_arm_and_intel_are_those_of_zen_4() -> None:
    for technology, confidence in (("sev-snp", "measured"), ("pkvm", "stand-in"), ("tdx", "stand-in")):
        assert {cost.confidence for _, cost in load_profile(technology).curves["cold"].points[1:]} == {confidence}
