"""The rule book, its page in docs and the code agree; each failure says what to do instead."""

import re
from collections import Counter
from pathlib import Path

import pytest

from cluster_sim.memory.rulebook import Rule, RuleBookError, read_rule, rules
from docs import make_model

ROOT = Path(__file__).parents[2]
SOURCES = {"gmem": "virt/kvm/guest_memfd.c"}
CHECKED = [rule for rule in rules() if rule.status != "not modelled"]
MEMORY = sorted((ROOT / "cluster_sim" / "memory").glob("*.py"))
LAST = {"C": 12, "F": 16, "P": 9, "X": 18, "M": 14, "T": 6, "E": 5, "V": 15, "H": 7, "Q": 8, "G": 4, "I": 12}
"""Last rule of each section that follows the kernel's subjects; those of technologies are as long as they need be."""


def test_the_model_page_is_what_is_generated() -> None:
    is_current = make_model.TARGET.read_text("utf-8") == make_model.written()
    assert is_current, f"docs/model.md is stale: run {make_model.COMMAND}"


def test_no_rule_stands_twice() -> None:
    twice = [identity for identity, count in Counter(rule.id for rule in rules()).items() if count > 1]
    assert not twice, f"keep one of {twice} in cluster_sim/memory/rules.toml"
    same = [text for text, count in Counter(rule.says for rule in rules()).items() if count > 1]
    assert not same, f"two rules say the same: {same}"


@pytest.mark.parametrize("letter", LAST)
def test_a_section_has_all_its_rules_in_order(letter: str) -> None:
    found = [rule.id for rule in rules() if rule.id.startswith(f"{letter}-")]
    first = 0 if letter == "G" else 1
    assert found == [f"{letter}-{number}" for number in range(first, LAST[letter] + 1)], (
        "complete cluster_sim/memory/rules.toml"
    )


def test_a_rule_that_is_not_modelled_says_why() -> None:
    silent = [rule.id for rule in rules() if rule.status == "not modelled" and not rule.why.strip()]
    assert not silent, f"say why {silent} are not modelled"


def test_a_rule_says_something_and_names_its_source() -> None:
    empty = [rule.id for rule in rules() if not rule.says.strip() or not rule.source.strip()]
    assert not empty, f"complete {empty} in cluster_sim/memory/rules.toml"


@pytest.mark.parametrize("rule", CHECKED, ids=lambda rule: rule.id)
def test_a_rule_that_is_held_has_a_test_by_its_name(rule: Rule) -> None:
    name = rule.id.replace("I-", "invariant-").replace("-", "_").lower()
    assert make_model.tests_by_rule()[rule.id], f"name the test of {rule.id} test_{name}_…, or call it not modelled"


@pytest.mark.parametrize("rule", CHECKED, ids=lambda rule: rule.id)
def test_a_rule_that_is_held_is_mentioned_where_it_is_kept(rule: Rule) -> None:
    assert make_model.code_by_rule()[rule.id], f"mention {rule.id} in the code that keeps it, or call it not modelled"


@pytest.mark.parametrize("source", MEMORY, ids=lambda path: path.name)
def test_a_rule_that_memory_code_mentions_stands_in_the_book(source: Path) -> None:
    known = {rule.id for rule in rules()}
    unknown = sorted(make_model.mentions(source.read_text("utf-8")) - known)
    assert not unknown, f"add {unknown} to cluster_sim/memory/rules.toml, or correct the comment"


def test_a_test_named_after_a_rule_names_one_of_the_book() -> None:
    unknown = set(make_model.tests_by_rule()) - {rule.id for rule in rules()}
    assert not unknown, f"rename the tests of {sorted(unknown)}: the book has no such rules"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("V-3 and (V-4)", {"V-3", "V-4"}),
        ("X-18, not X-1", {"X-18", "X-1"}),
        ("UTF-8, V-3a, 0V-3 and A-V-3", set()),
        ("invariant 12 at G4", {"I-12", "G-4"}),
    ],
)
def test_an_id_counts_as_a_whole_word_only(text: str, found: set[str]) -> None:
    assert make_model.mentions(text) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("def test_f_1_a_thing(", ["f", "1"]),
        ("def test_f_16_private_pages(", ["f", "16"]),
        ("def test_invariant_5_a_refusal(", ["invariant", "5"]),
        ("def test_v_3_and_v_4_together(", ["v", "3", "v", "4"]),
        ("def test_a_rule_is_no_id(", []),
        ("def test_f_1a(", []),
    ],
)
def test_a_test_belongs_to_the_rules_that_its_name_begins_with(name: str, found: list[str]) -> None:
    match = make_model.TEST_NAME.search(name)
    assert re.findall(r"([a-z]+)_(\d+)", match[1] if match else "") == list(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (["modelled", "gmem"], "allowed: \\[status, source, says\\]"),
        (["modelled", "gmem", "says", "why", "more"], "allowed: \\[status, source, says\\]"),
        ({"status": "modelled"}, "allowed: \\[status, source, says\\]"),
        (["checked", "gmem", "says"], "allowed: a status"),
        (["modelled", "nowhere", "says"], "a source of the book"),
        (["modelled", "gmem", "says", "why"], "one where it is not modelled"),
        (["not modelled", "gmem", "says"], "one where it is not modelled"),
    ],
)
def test_a_badly_written_rule_is_refused_with_what_is_allowed(entry: object, message: str) -> None:
    with pytest.raises(RuleBookError, match=message):
        read_rule("Z-1", "nothing", entry, SOURCES)
