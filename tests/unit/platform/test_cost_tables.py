"""Tables of costs over one another: later ones win, kinds of unit stay, sources stay apart; all problems at once."""

import pytest

from cluster_sim.platform.cost_tables import over, read_tables
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import ProvenanceError
from cluster_sim.platform.scenario_profile import cost_of, overrides_of
from cluster_sim.refusal import Refusal
from cluster_sim.scenario.spec import CostOverride


def table(value: float, unit: str = "us", *, cost: str = "mm.syscall", title: str = "mine", more: str = "") -> str:
    return f"""
schema = 1
[source.here]
title = "{title}"
year = "2026"
address = "this machine"
[cost.{cost}]
value = {value}
low = {value / 2}
high = {value * 2}
unit = "{unit}"
source = "here"
confidence = "measured"
{more}
"""


def test_the_later_table_wins_and_each_keeps_its_source() -> None:
    found = read_tables([("a.toml", table(1, title="one")), ("b.toml", table(2, title="two", cost="mm.ioctl"))])
    assert {name: found.sources[cost.source].title for name, cost in found.items()} == {
        "mm.syscall": "one",
        "mm.ioctl": "two",
    }
    found = read_tables([("a.toml", table(1, title="one")), ("b.toml", table(2, title="two"))])
    assert found["mm.syscall"].value == 2
    assert found.sources[found["mm.syscall"].source].title == "two"


def test_over_the_shipped_library_only_what_is_named_changes() -> None:
    found = over([library(), read_tables([("a.toml", table(1))])])
    assert {name for name in found if found[name] != library().get(name)} == {"mm.syscall"}


def test_all_that_is_wrong_with_all_tables_is_told_with_file_and_key() -> None:
    wrong = table(1, "GB/s"), table(1, more='note = ""'), "["
    with pytest.raises(ProvenanceError) as caught:
        read_tables([(f"{number}.toml", text) for number, text in enumerate(wrong)])
    assert [each.where for each in caught.value.refusals] == [
        "0.toml: cost.mm.syscall.unit",
        "1.toml: cost.mm.syscall.note",
        "2.toml: line 1",
    ]


def test_a_unit_of_another_kind_is_told_beside_what_cannot_be_read() -> None:
    other = table(1, cost="mm.ioctl").partition("[cost")[2].replace('source = "here"\n', "")
    with pytest.raises(ProvenanceError) as caught:
        read_tables([("a.toml", f"{table(1, 'GB/s')}[cost{other}")])
    assert [each.where for each in caught.value.refusals] == [
        "a.toml: cost.mm.ioctl.source",
        "a.toml: cost.mm.syscall.unit",
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (table(1).replace("low = 0.5", "low = 3"), "cost.mm.syscall: found 3 .. 1 .. 2"),
        (table(1).replace('source = "here"', 'source = "there"'), "cost.mm.syscall.source: found there"),
        (table(1).replace('unit = "us"', 'unit = "parsec"'), "cost.mm.syscall.unit: found parsec"),
        (table(1).replace('confidence = "measured"', 'confidence = "sure"'), "cost.mm.syscall.confidence: found sure"),
    ],
)
def test_a_table_without_order_source_or_unit_is_refused(text: str, key: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        read_tables([("mine.toml", text)])
    assert f"mine.toml: {key}" in str(caught.value)


def test_a_cost_goes_into_a_definition_with_all_that_is_known_of_it() -> None:
    found = overrides_of(read_tables([("a.toml", table(1)), ("b.toml", table(1, cost="mm.unheard_of"))]))
    assert list(found) == ["mm.syscall"], "what no price can use is left out"
    cost = cost_of("mm.syscall", found["mm.syscall"])
    assert (cost.low, cost.value, cost.high, cost.confidence, cost.source) == (0.5, 1, 2, "measured", "mine")


def test_a_definition_that_says_no_more_is_sure_and_assumed() -> None:
    cost = cost_of("mm.syscall", CostOverride(value=3, unit="us", why="so"))
    assert (cost.low, cost.high, cost.confidence, cost.source) == (3, 3, "assumed", "definition")
    with pytest.raises(ProvenanceError, match="low <= value <= high"):
        cost_of("mm.syscall", CostOverride(value=3, unit="us", why="so", low=4))


def test_a_new_cost_keeps_its_kind_of_unit_in_later_tables_too() -> None:
    new = "mm.unheard_of"
    found = read_tables([("a.toml", table(1, "us", cost=new)), ("b.toml", table(900, "ns", cost=new))])
    assert (found[new].value, found[new].unit) == (900, "ns"), "another unit of the same kind is fine"
    with pytest.raises(ProvenanceError) as caught:
        read_tables([("a.toml", table(1, "us", cost=new)), ("b.toml", table(1, "GB/s", cost=new))])
    assert caught.value.refusals == (Refusal(f"b.toml: cost.{new}.unit", "GB/s", "a duration, such as us"),)


def test_a_table_over_itself_by_the_same_name_keeps_both_sources_apart() -> None:
    found = read_tables([("a.toml", table(1, title="one")), ("a.toml", table(2, cost="mm.ioctl", title="two"))])
    assert [found.sources[found[name].source].title for name in ("mm.syscall", "mm.ioctl")] == ["one", "two"]


def test_no_table_at_all_changes_nothing() -> None:
    assert dict(read_tables([])) == {}
    assert dict(over([library(), read_tables([])])) == dict(library())


def test_tables_over_the_shipped_library_bring_their_sources_along() -> None:
    found = over([library(), read_tables([("a.toml", table(1, title="mine"))])])
    assert set(found) == set(library())
    assert found.sources[found["mm.syscall"].source].title == "mine"
    assert found["mm.mmap_munmap_empty"] == library()["mm.mmap_munmap_empty"]
    assert all(cost.source in found.sources for cost in found.values() if cost.source != "derived")
