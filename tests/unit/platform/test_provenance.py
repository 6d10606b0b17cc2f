"""Costs: what has no provenance does not load, and what is derived is derived in the open."""

import math
from dataclasses import replace
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.platform.provenance import (
    CONFIDENCES,
    UNITS,
    Cost,
    CostLibrary,
    ProvenanceError,
    as_stand_in,
    derive,
    parse_costs,
    spanning,
    to_bytes,
    to_bytes_per_s,
    to_ns,
)

SOURCES = '[source.bench]\ntitle = "A bench"\nyear = "2026"\naddress = "here"\n'
FIELDS = {
    "value": "2.0",
    "unit": '"us"',
    "low": "1.0",
    "high": "3.0",
    "source": '"bench"',
    "confidence": '"measured"',
}


def table(name: str = "exit.a", **replaced: str | None) -> str:
    """Return a cost as TOML, some fields replaced or, by None, left out."""
    fields = {key: text for key, text in {**FIELDS, **replaced}.items() if text is not None}
    return f"[cost.{name}]\n" + "\n".join(f"{key} = {text}" for key, text in fields.items()) + "\n"


def cost(name: str, low: float, value: float, high: float, unit: str = "ns") -> Cost:
    return Cost(name, value, unit, low, high, "bench", "measured", "")


def library(*costs: Cost) -> CostLibrary:
    return CostLibrary({cost.name: cost for cost in costs}, {})


KNOWN = library(
    cost("exit.a", 1, 2, 4),
    cost("exit.b", 0.5, 1, 3),
    cost("exit.long", 1, 1.5, 2, "us"),
    cost("page.size", 4, 4, 4, "KiB"),
    cost("copy.rate", 8, 10, 16, "GB/s"),
    cost("copy.unbounded", 8, 10, math.inf, "GB/s"),
    cost("nothing", 0, 0, 0),
    cost("loss", 1, 5, 10, "percent"),
)


def shipped() -> CostLibrary:
    text = resources.files("cluster_sim.platform").joinpath("costs.toml").read_text("utf-8")
    return parse_costs(text, "costs.toml")


def test_the_shipped_costs_load_and_each_names_a_source() -> None:
    costs = shipped()
    assert len(costs) == 149
    assert len(costs.sources) == 56
    assert costs["exit.snp.vmgexit_hypercall"] == Cost(
        name="exit.snp.vmgexit_hypercall",
        value=3.553,
        unit="us",
        low=3.5,
        high=4.3,
        source="tum_vmexit",
        confidence="published",
        note="same host; cpuid leaf 0xb 3.859, rdmsr 3.573, in(0x40) 3.885; ratio to plain 2.4-3.1x",
    )
    assert {costs[name].source for name in costs} <= set(costs.sources)
    assert all(source.address for source in costs.sources.values())


def test_a_cost_keeps_all_that_its_table_says() -> None:
    costs = parse_costs("schema = 1\n" + SOURCES + table(note='"why"'), "t.toml")
    assert costs["exit.a"] == Cost("exit.a", 2.0, "us", 1.0, 3.0, "bench", "measured", "why")
    assert (costs.sources["bench"].title, costs.sources["bench"].machine) == ("A bench", "")
    assert list(costs) == ["exit.a"]
    assert "exit.b" not in costs


def test_only_a_bandwidth_may_be_unbounded() -> None:
    text = SOURCES + table(unit='"GB/s"', value="inf", high="inf")
    assert to_bytes_per_s(parse_costs(text, "t.toml")["exit.a"]) == math.inf


def test_the_ends_of_a_span_belong_to_it() -> None:
    for value in ("1", "3.0"):
        assert parse_costs(SOURCES + table(value=value), "t.toml")["exit.a"].value == float(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (table(value=None), "cost.exit.a.value: found nothing, allowed: a finite number of 0 or more"),
        (table(unit=None), "cost.exit.a.unit: found nothing, allowed: ns, us, ms, s, B, KiB"),
        (table(low=None), "cost.exit.a.low: found nothing"),
        (table(high=None), "cost.exit.a.high: found nothing"),
        (table(source=None), "cost.exit.a.source: found nothing, allowed: bench"),
        (
            table(confidence=None),
            "cost.exit.a.confidence: found nothing, allowed: measured, published, stand-in, estimated",
        ),
        (table(unit='"hours"'), "cost.exit.a.unit: found hours"),
        (table(low="2.1"), "cost.exit.a: found 2.1 .. 2 .. 3, allowed: low <= value <= high"),
        (table(high="1.9"), "cost.exit.a: found 1 .. 2 .. 1.9, allowed: low <= value <= high"),
        (table(value="nan"), "cost.exit.a.value: found nan"),
        (table(low="-1.0"), "cost.exit.a.low: found -1.0"),
        (table(high="inf"), "cost.exit.a.high: found inf, allowed: a finite number"),
        (table(high="9" * 400), "cost.exit.a.high: found 999"),
        (table(value="true"), "cost.exit.a.value: found True"),
        (table(value='"2"'), "cost.exit.a.value: found 2, allowed: a finite number"),
        (table(value="[2]"), "cost.exit.a.value: found [2]"),
        (table(source='"bnch"'), "cost.exit.a.source: found bnch, allowed: bench or another known name"),
        (table(source='["bench"]'), "cost.exit.a.source: found ['bench']"),
        (table(confidence='"assumed"'), "cost.exit.a.confidence: found assumed"),
        (table(confidence='"sure"'), "cost.exit.a.confidence: found sure"),
        (table(note='""'), "cost.exit.a.note: found , allowed: a text that is not empty"),
        (table(confidence='"stand-in"'), "cost.exit.a.stands_in: found nothing, allowed: a text that is not empty"),
        (table(stands_in='"x"'), "cost.exit.a.confidence: found measured, allowed: stand-in or estimated where"),
        (table(confidence='"published"', stands_in='"x"'), "cost.exit.a.confidence: found published, allowed: stand"),
        (table(nota='"x"'), "cost.exit.a.nota: found an unknown field, allowed: value, unit, low"),
        (table() + table("exit.a.b"), "cost.exit.a.b: found an unknown field"),
        ("[cost.exit.a]\n", "cost.exit.a.unit: found nothing"),
        ("[cost]\nexit = 5\n", "cost.exit: found 5, allowed: a table"),
        (table('"a b"'), "cost.a b: found a b, allowed: a name of letters, digits and _"),
        (table("exit.in"), "cost.exit.in: found in, allowed: a name"),
        ("[costs]\n", "costs: found an unknown field, allowed: schema, source, cost"),
        ("[source.other]\ntitle = 'x'\nyear = 2026\naddress = 'y'\n", "source.other.year: found 2026"),
        ("[source.other]\ntitle = 'x'\nyear = '2026'\n", "source.other.address: found nothing"),
        (
            "[source.other]\ntitle = 'x'\nyear = '2026'\naddress = 'y'\nmachine = 'VAX'\n",
            "source.other.machine: found VAX, allowed: AMD, Intel, Arm",
        ),
        ("[source.other]\ntitle = 'x'\nyear = '2026'\naddress = 'y'\nurl = 'z'\n", "source.other.url: found an unk"),
    ],
)
def test_what_has_no_provenance_does_not_load(text: str, told: str) -> None:
    with pytest.raises(ProvenanceError) as refused:
        parse_costs(SOURCES + text, "t.toml")
    assert str(refused.value.refusals[0]).startswith(f"t.toml: {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [("schema = 2", "schema: found 2, allowed: 1"), ("cost = 5", "cost: found 5, allowed: a table")],
)
def test_a_wrong_frame_of_a_table_is_refused(text: str, told: str) -> None:
    with pytest.raises(ProvenanceError, match=f"^t.toml: {told}$"):
        parse_costs(text, "t.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("[cost\n", 1), (table() + table(), 8), ("a = 1\nb = '", 2), ("a = " + "[" * 9999, 1)],
)
def test_text_that_is_no_toml_is_refused_by_its_line(text: str, line: int) -> None:
    with pytest.raises(ProvenanceError, match=f"^t.toml: line {line}: found .*allowed: TOML"):
        parse_costs(text, "t.toml")


def test_all_problems_are_told_at_once() -> None:
    text = SOURCES + table(value=None, unit='"h"', source='"x"') + table("exit.b", low="9")
    with pytest.raises(ProvenanceError) as refused:
        parse_costs(text, "t.toml")
    places = [each.where.split(": ")[1] for each in refused.value.refusals]
    assert places == ["cost.exit.a.unit", "cost.exit.a.source", "cost.exit.a.value", "cost.exit.b"]


@pytest.mark.parametrize(
    ("formula", "unit", "low", "value", "high"),
    [
        ("exit.a + exit.b", "ns", 1.5, 3, 7),
        ("exit.long - exit.a", "ns", 996, 1498, 1999),
        ("2 * (exit.a + exit.b) / 4", "ns", 0.75, 1.5, 3.5),
        ("max(exit.a, exit.b)", "ns", 1, 2, 4),
        ("min(exit.a, exit.b, exit.long)", "ns", 0.5, 1, 3),
        ("page.size / copy.rate", "ns", 256, 409.6, 512),
        ("page.size / copy.unbounded", "ns", 0, 409.6, 512),
        ("page.size / exit.a", "GB/s", 1024, 2048, 4096),
        ("copy.rate * exit.a", "B", 8, 20, 64),
        ("exit.a / exit.b", "ratio", 1 / 3, 2, 8),
        ("exit.a * (1 - loss)", "ns", 0.9, 1.9, 3.96),
        ("3", "count", 3, 3, 3),
        ("1.5", "percent", 150, 150, 150),
        ("copy.unbounded", "GB/s", 8, 10, math.inf),
    ],
)
def test_a_formula_comes_to_what_pencil_and_paper_say(
    formula: str, unit: str, low: float, value: float, high: float
) -> None:
    derived = derive("it", formula, KNOWN, unit=unit, note="why")
    assert (derived.low, derived.value, derived.high) == pytest.approx((low, value, high))
    assert (derived.name, derived.unit, derived.formula, derived.note) == ("it", unit, formula, "why")


def test_a_derived_cost_is_of_its_own_source_and_tells_its_inputs() -> None:
    derived = derive("it", "exit.b + 2 * exit.a - exit.b", KNOWN, unit="ns", note="")
    assert derived.source == "derived"
    assert derived.inputs == ("exit.b", "exit.a")


@pytest.mark.parametrize(
    ("formula", "confidence"),
    [
        ("m + m", "measured"),
        ("m + p", "published"),
        ("p + s + m", "stand-in"),
        ("s + e", "estimated"),
        ("a + m + e", "assumed"),
        ("max(m, s)", "stand-in"),
        ("2 * m", "measured"),
        ("s", "stand-in"),
        ("3", "estimated"),
    ],
)
def test_a_derived_cost_is_as_sure_as_the_least_sure_that_it_is_made_of(formula: str, confidence: str) -> None:
    of = zip("mpsea", CONFIDENCES, strict=True)
    known = library(*(replace(cost(name, 1, 2, 3, "count"), confidence=known) for name, known in of))
    assert derive("it", formula, known, unit="count", note="").confidence == confidence


def test_one_name_alone_keeps_what_it_stands_in_and_a_sum_says_it_of_its_parts() -> None:
    known = library(as_stand_in(cost("a", 1, 2, 3), "another machine's"), cost("b", 1, 2, 3))
    assert derive("it", "a", known, unit="ns", note="").stands_in == "another machine's"
    assert derive("it", "a + b", known, unit="ns", note="").stands_in == ""


def test_a_figure_of_something_else_is_a_stand_in_at_most() -> None:
    originals = [replace(cost("x", 1, 2, 3), confidence=known) for known in CONFIDENCES]
    known = [as_stand_in(each, "y").confidence for each in originals]
    assert known == ["stand-in", "stand-in", "stand-in", "estimated", "assumed"]


@pytest.mark.parametrize(
    ("alternatives", "low", "high"),
    [
        ([], 1000, 2000),
        (["exit.a"], 1, 2000),
        (["exit.a", "exit.long + exit.a"], 1, 2004),
        (["1.2 * exit.long"], 1000, 2400),
        (["exit.b - exit.a"], 0, 2000),
    ],
)
def test_a_range_spans_those_of_the_alternatives_and_the_value_stays(
    alternatives: list[str], low: float, high: float
) -> None:
    """exit.long is 1000 .. 1500 .. 2000 ns; exit.b - exit.a has a value below 0, which an end may have."""
    derived = spanning(derive("it", "exit.long", KNOWN, unit="ns", note=""), alternatives, KNOWN)
    assert (derived.low, derived.value, derived.high) == pytest.approx((low, 1500, high))


def test_an_alternative_of_another_kind_or_of_no_known_cost_is_refused() -> None:
    derived = derive("it", "exit.long", KNOWN, unit="ns", note="")
    with pytest.raises(ProvenanceError, match=r"^it or page\.size: found a size, allowed: a duration in ns"):
        spanning(derived, ["page.size"], KNOWN)
    with pytest.raises(ProvenanceError, match=r"^it or exit\.aa: found the cost exit\.aa, allowed: exit\.a"):
        spanning(derived, ["exit.aa"], KNOWN)


@pytest.mark.parametrize("formula", ["exit.long", " (exit.long) "])
def test_one_name_alone_keeps_its_source_and_confidence(formula: str) -> None:
    derived = derive("it", formula, KNOWN, unit="ns", note="")
    assert (derived.low, derived.value, derived.high, derived.unit) == (1000, 1500, 2000, "ns")
    assert (derived.source, derived.confidence, derived.inputs) == ("bench", "measured", ("exit.long",))


def test_a_low_end_below_nothing_is_nothing_and_says_so() -> None:
    derived = derive("it", "exit.a - exit.b", KNOWN, unit="ns", note="gap")
    assert (derived.low, derived.value, derived.high) == (0, 1, 3.5)
    assert derived.note == "gap; low end -2 ns taken as 0"


@pytest.mark.parametrize(
    ("formula", "unit", "told"),
    [
        ("exit.aa + 1", "ns", "found the cost exit.aa, allowed: exit.a, exit.b"),
        ("zzz", "ns", "found the cost zzz, allowed: "),
        ("exit.b - exit.a", "ns", "found -1 ns, allowed: 0 or more"),
        ("exit.a + 1", "ns", "found a sum of a duration and a number"),
        ("max(exit.a, page.size)", "ns", r"found max\(\) of a duration, a size"),
        ("exit.a", "B", "found a duration, allowed: a size in B"),
        ("exit.a * exit.a", "ns", "found bytes\\^0 × ns\\^2"),
        ("exit.a", "hours", "found the unit 'hours', allowed: ns, us"),
        ("exit.a / nothing", "ratio", "found a divisor between 0 and 0"),
        ("exit.a / (exit.a - exit.b)", "ratio", "found a divisor between -2 and 3.5"),
        ("copy.unbounded - copy.unbounded", "GB/s", "found inf - inf"),
        ("nothing * copy.unbounded", "B", r"found inf - inf, 0 \* inf"),
        ("copy.unbounded / copy.rate", "ratio", "found an amount without bound"),
        ("1e200 * 1e200", "count", "found an amount without bound"),
        ("1e999", "count", "found a number beyond all measure"),
        ("9" * 500, "count", "found a number beyond all measure"),
        ("True", "count", "found 'True', allowed: names, numbers"),
        ("1j", "count", "found '1j'"),
        ("-1", "count", "found '-1'"),
        ("2 ** 3", "count", r"found '2 \*\* 3'"),
        ("__import__('os')", "count", 'found "__import__'),
        ("max()", "count", r"found 'max\(\)'"),
        ("max(1, key=2)", "count", r"found 'max\(1, key=2\)'"),
        ("max(*exit.a)", "ns", r"found '\*exit.a'"),
        ("exit.a[0].b", "ns", r"found 'exit.a\[0\]'"),
        ("exit.a +", "ns", "found no formula"),
        ("", "ns", "found no formula"),
        ("a\0", "ns", "found no formula"),
        ("(" * 250 + "1" + ")" * 250, "count", "found no formula"),
        ("1" * 601, "count", "found 601 characters, allowed: 600 at most"),
    ],
)
def test_a_wrong_formula_is_refused_by_its_name(formula: str, unit: str, told: str) -> None:
    with pytest.raises(ProvenanceError, match=f"(?s)^it = .*: {told}"):
        derive("it", formula, KNOWN, unit=unit, note="")


def test_amounts_convert_to_base_units_and_to_no_other() -> None:
    assert to_ns(cost("a", 1, 1.5, 2, "ms")) == 1_500_000
    assert to_bytes(cost("a", 1, 1.5, 2, "MiB")) == 1_572_864
    assert to_bytes_per_s(cost("a", 1, 1.5, 2, "GB/s")) == 1_500_000_000
    assert to_bytes_per_s(cost("a", 1, 1.5, 2, "MB/s")) == 1_500_000
    for convert in (to_ns, to_bytes, to_bytes_per_s):
        with pytest.raises(ProvenanceError, match=r"^a: found percent, allowed: a "):
            convert(cost("a", 1, 1.5, 2, "percent"))


Span = tuple[float, float, float]


def ordered(amounts: Span) -> Span:
    low, value, high = sorted(amounts)
    return low, value, high


part = st.floats(0, 1e9, allow_subnormal=False)
spans = st.tuples(part, part, part).map(ordered)
formulas = st.recursive(
    st.sampled_from(["a", "b", "c", "2", "0.5"]),
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from("+-*/"), parts).map(lambda made: f"({made[0]} {made[1]} {made[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(lambda made: f"{made[0]}({made[1]}, {made[2]})"),
    ),
    max_leaves=8,
)


@given(a=spans, b=spans, c=spans, formula=formulas, shares=st.tuples(*[st.floats(0, 1)] * 3))
def test_wherever_inputs_lie_the_result_lies_between_its_ends(
    a: Span, b: Span, c: Span, formula: str, shares: Span
) -> None:
    known = library(*(cost(name, *span, "count") for name, span in zip("abc", (a, b, c), strict=True)))
    try:
        derived = derive("it", formula, known, unit="count", note="")
    except ProvenanceError:
        return
    assert 0 <= derived.low <= derived.value <= derived.high
    points = {
        name: min(max(span[0] + share * (span[2] - span[0]), span[0]), span[2])
        for name, span, share in zip("abc", (a, b, c), shares, strict=True)
    }
    elsewhere = eval(formula, {"min": min, "max": max}, points)  # noqa: S307 - the slow, obvious twin
    assert elsewhere <= derived.high
    assert derived.low <= max(elsewhere, 0)


@given(a=spans, unit=st.sampled_from([unit for unit, (_, kind) in UNITS.items() if kind == (0, 1)]))
def test_a_change_of_unit_keeps_order_and_amount(a: Span, unit: str) -> None:
    original = replace(cost("a", *a), unit=unit)
    derived = derive("it", "a", library(original), unit="ns", note="")
    assert derived.low <= derived.value <= derived.high
    assert to_ns(derived) == to_ns(original)


@given(low=st.floats(), value=st.floats(), high=st.floats(), unit=st.sampled_from(list(UNITS)))
def test_only_ordered_bounded_amounts_of_0_or_more_load(low: float, value: float, high: float, unit: str) -> None:
    text = SOURCES + table(low=repr(low), value=repr(value), high=repr(high), unit=f'"{unit}"')
    fits = 0 <= low <= value <= high and (high < math.inf or unit in {"GB/s", "MB/s"})
    try:
        loaded = parse_costs(text, "t.toml")["exit.a"]
    except ProvenanceError:
        assert not fits
    else:
        assert fits
        assert (loaded.low, loaded.value, loaded.high) == (low, value, high)
