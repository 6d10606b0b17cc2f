"""Writes docs/model.md from its template, the rule book, the compiled model and the tests: `python docs/make_model.py`.

`--check` writes nothing and exits with 1 where docs/model.md differs from what would be written.
"""

import dataclasses
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from cluster_sim.memory import pages
from cluster_sim.memory.effects import MEANING, Effect
from cluster_sim.memory.guest_memfd import Answer, GuestMemfd, Page
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DEFAULT_RULES, FIRST_TAG, MemoryRules, Operation
from cluster_sim.memory.rulebook import Rule, rules
from cluster_sim.platform.protection import PROTECTIONS

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "docs" / "model.template.md"
TARGET = ROOT / "docs" / "model.md"
COMMAND = ".venv/bin/python docs/make_model.py"
MUTATIONS = ROOT / "tests" / "mutations" / "caught.toml"
INVARIANT, GENERATION = "I", "G"
NOT_CODE = frozenset({"cluster_sim/memory/rulebook.py"})
"""Modules that are the book, and so no place where a rule is kept."""

FIELDS: tuple[tuple[str, int, str], ...] = (
    ("PRIVATE", pages.PRIVATE, "attribute: the host must not touch the page"),
    ("PRESENT", pages.PRESENT, "a page is allocated"),
    ("UPTODATE", pages.UPTODATE, "it has been zeroed, which happens once"),
    ("GUEST_MAPPED", pages.GUEST_MAPPED, "the guest's stage-2 maps it"),
    ("HOST_MAPPED", pages.HOST_MAPPED, "which of the host's mappings (views) have it, a bit a view"),
    ("POISONED", pages.POISONED, "its memory failed"),
    ("ACCEPTED", pages.ACCEPTED, "the guest has accepted or validated it as private"),
    ("SEEN", pages.SEEN, "the host has read what the guest kept secret here"),
    ("EXCLUSIVE", pages.EXCLUSIVE, "exclusively pinned: guest memory without a file"),
    ("DEFERRED", pages.DEFERRED, "becomes private as soon as the last pin goes"),
    ("TWIN", pages.TWIN, "two backings: the other one holds a page for this index too"),
    ("SHORT_PIN_MASK", pages.SHORT_PIN_MASK, "short pins, a count"),
    ("LONG_PIN_MASK", pages.LONG_PIN_MASK, "long-term pins, a count"),
)

Conversion = Literal["to private", "to shared"]
Deed = Operation | Conversion
State = tuple[bool, tuple[Deed, ...]]
"""How a page comes to a state: whether its file begins shared, then what is done to it."""

TOUCH, PIN, GUEST = Operation.HOST_TOUCH, Operation.PIN_LONG, Operation.GUEST_TOUCH_PRIVATE
STATES: dict[str, State] = {
    "H shared": (True, ()),
    "S0": (True, (TOUCH, Operation.UNMAP_HOST)),
    "Sm": (True, (TOUCH,)),
    "Sp": (True, (TOUCH, PIN)),
    "H private": (False, ()),
    "P0": (True, (TOUCH, "to private")),
    "Pg": (False, (GUEST,)),
}
ROWS: dict[str, Deed] = {
    "host touch": Operation.HOST_TOUCH,
    "host store": Operation.HOST_WRITE,
    "host load": Operation.HOST_READ,
    "unmap one view": Operation.UNMAP_HOST,
    "unmap from all": Operation.UNMAP_ALL,
    "pin, short": Operation.PIN_SHORT,
    "pin, long-term": Operation.PIN_LONG,
    "unpin, short": Operation.UNPIN_SHORT,
    "unpin, long-term": Operation.UNPIN_LONG,
    "guest touch, shared": Operation.GUEST_TOUCH_SHARED,
    "guest touch, private": Operation.GUEST_TOUCH_PRIVATE,
    "guest store": Operation.GUEST_WRITE,
    "accept": Operation.ACCEPT,
    "convert to private": "to private",
    "convert to shared": "to shared",
    "allocate": Operation.ALLOCATE,
    "punch": Operation.PUNCH,
    "memory failure": Operation.POISON,
}
POLICIES: dict[str, MemoryRules] = {
    "in place (G3, G4)": DEFAULT_RULES,
    "in place, deferring": DEFAULT_RULES._replace(defers=True),
    "two backings (G0), discarding": DEFAULT_RULES._replace(backing=pages.TWO_BACKINGS),
    "two backings (G0), keeping": DEFAULT_RULES._replace(backing=pages.TWO_BACKINGS, discards=False),
    "fixed for life (G1, G2)": DEFAULT_RULES._replace(backing=pages.FIXED),
    "exclusive pins": DEFAULT_RULES._replace(backing=pages.EXCLUSIVE_PINS),
}
QUESTIONS: dict[str, tuple[State, Deed]] = {
    "Sm, to private": (STATES["Sm"], "to private"),
    "Sp, to private": (STATES["Sp"], "to private"),
    "two pins, to private": ((True, (TOUCH, PIN, PIN)), "to private"),
    "Pg, to shared": (STATES["Pg"], "to shared"),
    "Pg, host touch": (STATES["Pg"], TOUCH),
}
EXCLUSIVE_STATES: dict[str, State] = {
    "S0": STATES["S0"],
    "Sm": STATES["Sm"],
    "Sp": STATES["Sp"],
    "two pins": (True, (TOUCH, PIN, PIN)),
    "exclusive": (True, (TOUCH, Operation.UNMAP_HOST, Operation.PIN_EXCLUSIVE)),
}
EXCLUSIVE_ROWS: dict[str, Deed] = {
    "exclusive pin": Operation.PIN_EXCLUSIVE,
    "the same, not long-term": Operation.PIN_EXCLUSIVE_SHORT,
    "pin, long-term": Operation.PIN_LONG,
    "unpin, long-term": Operation.UNPIN_LONG,
    "convert to private": "to private",
    "convert to shared": "to shared",
}


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(header), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def bits_of(mask: int) -> str:
    """The bits of a mask that has no gaps."""
    low, high = (mask & -mask).bit_length() - 1, mask.bit_length() - 1
    assert mask == (1 << high + 1) - (1 << low), f"{mask:#x} has a gap"
    return str(low) if low == high else f"{low}..{high}"


def bits() -> str:
    """The page word, bit by bit; a bit that nobody describes is an error."""
    covered = 0
    for name, mask, _ in FIELDS:
        assert not covered & mask, f"{name} overlaps another field of the page word"
        covered |= mask
    assert covered == pages.STATE_MASK, f"describe bits {pages.STATE_MASK & ~covered:#x} of the page word in FIELDS"
    rows = [(bits_of(mask), f"`{name}`", meaning) for name, mask, meaning in FIELDS]
    tags = (
        f"{pages.ZEROS} zeros, {pages.LOST} lost, {pages.SECRET} a secret of the guest, from {FIRST_TAG} on a transfer"
    )
    rows.append((f"{pages.CONTENT_SHIFT}..", "content", f"what it reads as: {tags}"))
    return table(("bits", "name", "meaning"), rows)


def name_of(page: Page) -> str:
    """A page's state by its short name, and what else is to be said of it."""
    if page.is_poisoned:
        name = "X"
    elif not page.is_present:
        name = "H private" if page.is_private else "H shared"
    elif not page.is_uptodate:
        name = "A private" if page.is_private else "A shared"
    elif page.is_private:
        name = "Pg" if page.is_guest_mapped else "P0"
    elif page.pins:
        name = "Sp"
    else:
        name = "Sm" if page.host_views else "S0"
    more = {
        f"{page.pins} pins": page.pins > 1,
        "pinned": page.pins == 1 and name != "Sp",
        "not mapped": name == "Sp" and not page.host_views,
        "host-mapped": page.host_views > 0 and name not in ("Sm", "Sp"),
        "guest-mapped": page.is_guest_mapped and name != "Pg",
        "exclusive": page.is_exclusive,
        "deferred": page.is_deferred,
        "a page in the other backing": page.has_twin,
    }
    return ", ".join([name, *(word for word, holds in more.items() if holds)])


def apply(memfd: GuestMemfd, deed: Deed) -> Answer:
    """Do one thing to the file's first page."""
    if isinstance(deed, Operation):
        return memfd.apply(deed, 0, 1, tag=FIRST_TAG)
    return memfd.convert(0, 1, to_private=deed == "to private")


def cell(state: State, deed: Deed, memory_rules: MemoryRules) -> str:
    """What a deed makes of a page in a state: its new state, a refusal, or a dash for no change."""
    init_shared, makes = state
    memfd = GuestMemfd(1, memory_rules, init_shared=init_shared)
    for made in makes:
        answer = apply(memfd, made)
        if answer.outcome != Outcome.OK:
            return f"({answer.outcome.name} before)"
    before = memfd.page(0)
    answer = apply(memfd, deed)
    after = memfd.page(0)
    words = [] if answer.outcome == Outcome.OK else [answer.outcome.name]
    if name_of(after) != name_of(before) or (Effect.ORPHANED in answer.effects):
        words.append(name_of(after))
    if Effect.ORPHANED in answer.effects:
        words.append("an orphan")
    return ", ".join(words) or "–"


def transitions() -> str:
    """States by operations, as the compiled model answers at 4 KiB in place."""
    rows = [(title, *(cell(state, row, DEFAULT_RULES) for state in STATES.values())) for title, row in ROWS.items()]
    return table(("operation", *STATES), rows)


def policies() -> str:
    """The same questions under each kind of backing and pin policy."""
    rows = [
        (title, *(cell(state, row, memory_rules) for state, row in QUESTIONS.values()))
        for title, memory_rules in POLICIES.items()
    ]
    return table(("backing", *QUESTIONS), rows)


def exclusive() -> str:
    """States by operations under exclusive pins."""
    memory_rules = POLICIES["exclusive pins"]
    rows = [
        (title, *(cell(state, row, memory_rules) for state in EXCLUSIVE_STATES.values()))
        for title, row in EXCLUSIVE_ROWS.items()
    ]
    return table(("operation", *EXCLUSIVE_STATES), rows)


def effects() -> str:
    """Effects and what they count."""
    return table(("effect", "what it counts"), ((f"`{effect.name}`", MEANING[effect]) for effect in Effect))


def value_text(field: str, value: object) -> str:
    """A field of a technology's record as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and "bytes" in field:
        units = ((30, "GiB"), (20, "MiB"), (10, "KiB"))
        return next((f"{value >> shift} {unit}" for shift, unit in units if value >> shift), str(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = ((part, getattr(value, part.name)) for part in dataclasses.fields(value))
        told = [(part.name, value_text(part.name, found)) for part, found in parts if found != part.default]
        return ", ".join(text if number == 0 else f"{name}: {text}" for number, (name, text) in enumerate(told))
    return str(value)


def technologies() -> str:
    """Each technology's record, field by field, then its source."""
    records = list(PROTECTIONS.values())
    shown = [field.name for field in dataclasses.fields(records[0]) if field.name not in ("name", "title", "source")]
    rows = [(f"`{name}`", *(value_text(name, getattr(record, name)) for record in records)) for name in shown]
    sources = "\n".join(f"- {record.title} (`{record.name}`): {record.source}." for record in records)
    return table(("field", *(record.title for record in records)), rows) + f"\n\nSources:\n\n{sources}"


TEST_NAME = re.compile(r"^\s*(?:async )?def test((?:(?:_and)?_(?:[a-z]|invariant)_\d+(?=[_(]))+)", re.MULTILINE)
FULL_NAME = re.compile(r"\b(test\w+)")


@cache
def tests_by_rule() -> Mapping[str, tuple[str, ...]]:
    """Names of tests by the rule that they are named after: test_f_13_…, test_invariant_5_… (also …_and_f_14_…)."""
    found: dict[str, list[str]] = {rule.id: [] for rule in rules()}
    for source in sorted((ROOT / "tests").rglob("*.py")):
        text = source.read_text("utf-8")
        for match in TEST_NAME.finditer(text):
            name = FULL_NAME.search(text, match.start())
            assert name is not None
            for kind, number in re.findall(r"_([a-z]|invariant)_(\d+)", match[1]):
                identity = f"{INVARIANT if kind == 'invariant' else kind.upper()}-{number}"
                found.setdefault(identity, []).append(name[1])
    return {identity: tuple(dict.fromkeys(names)) for identity, names in found.items()}


def mentions(text: str) -> frozenset[str]:
    """Rule ids that stand in a text as whole words; invariant 5 is I-5 there, and G3 is G-3."""
    letters = "".join(dict.fromkeys(rule.id[0] for rule in rules()))
    ids = set(re.findall(rf"(?<![\w-])[{letters}]-\d+(?!\w)", text))
    ids |= {f"{INVARIANT}-{number}" for number in re.findall(r"\b[Ii]nvariant (\d+)\b", text)}
    return frozenset(ids | {f"{GENERATION}-{number}" for number in re.findall(r"\bG([0-4])\b", text)})


@cache
def code_by_rule() -> Mapping[str, tuple[str, ...]]:
    """Modules that mention a rule, the book's own left out; an invariant's code is its checker among the oracles."""
    found: dict[str, list[str]] = {rule.id: [] for rule in rules()}
    sources = [*sorted((ROOT / "cluster_sim").rglob("*.py")), *sorted((ROOT / "tests" / "oracles").rglob("*.py"))]
    for source in sources:
        place = source.relative_to(ROOT).as_posix()
        if place not in NOT_CODE:
            for identity in mentions(source.read_text("utf-8")):
                found.setdefault(identity, []).append(place.removeprefix("cluster_sim/"))
    return {identity: tuple(places) for identity, places in found.items()}


def status_text(rule: Rule) -> str:
    """Who checks a rule, or why nobody does."""
    return f"{rule.status}: {rule.why}" if rule.why else rule.status


def rules_of(letter: str) -> str:
    """The table of one section of the book."""
    chosen = [rule for rule in rules() if rule.id.startswith(f"{letter}-")]
    if not chosen:
        raise ValueError(f"the template asks for rules {letter!r}; the book has {sorted({r.id[0] for r in rules()})}")
    rows = (
        (
            rule.id,
            rule.says,
            rule.source,
            status_text(rule),
            ", ".join(f"`{name}`" for name in tests_by_rule()[rule.id]) or "–",
            ", ".join(f"`{place}`" for place in code_by_rule()[rule.id]) or "–",
        )
        for rule in chosen
    )
    return f"### {chosen[0].title}\n\n" + table(("id", "rule", "source", "status", "tests", "code"), rows)


def counts() -> str:
    """How many rules have which status."""
    by_status = Counter(rule.status for rule in rules())
    return table(("status", "rules"), ((status, str(by_status[status])) for status in sorted(by_status, reverse=True)))


def mutations() -> str:
    """Deliberate mistakes in the model and what catches each; those in other rooms are in docs/mutants.md."""
    entries: list[dict[str, str]] = tomllib.loads(MUTATIONS.read_text("utf-8"))["mutation"]
    rows = (
        (entry["name"], entry["rule"], f"`{entry['file']}`", f"`{entry['caught_by']}`")
        for entry in entries
        if entry["file"].startswith("memory/")
    )
    text = "Mistakes put into the model on purpose, each with what catches it; [mutants.md](mutants.md) has others.\n\n"
    return "## 9. Mutations\n\n" + text + table(("mutation", "rule", "changed in", "caught by"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "bits": bits,
    "transitions": transitions,
    "policies": policies,
    "exclusive": exclusive,
    "effects": effects,
    "technologies": technologies,
    "counts": counts,
    "mutations": mutations,
}


def written() -> str:
    """The whole of docs/model.md."""
    template = TEMPLATE.read_text("utf-8")
    asked = re.findall(r"\{\{rules:(\w)\}\}", template)
    left_out = {rule.id[0] for rule in rules()} - set(asked)
    if left_out:
        raise ValueError(f"{TEMPLATE.name} places no rules {sorted(left_out)}: add {{{{rules:…}}}}")

    def part(match: re.Match[str]) -> str:
        name, letter = match[1], match[2]
        if letter is not None and name == "rules":
            return rules_of(letter)
        if letter is not None or name not in PARTS:
            raise ValueError(f"{TEMPLATE.name} asks for {match[0]}; allowed: {sorted(PARTS)} and rules:…")
        return PARTS[name]()

    text = re.sub(r"\{\{(\w+)(?::(\w+))?\}\}", part, template)
    return text.rstrip("\n") + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or tell whether it is up to date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"found {arguments}, allowed: nothing, or --check\n")
        return 2
    text = written()
    if not arguments:
        TARGET.write_text(text, "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"docs/model.md is not what is generated: run {COMMAND}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
