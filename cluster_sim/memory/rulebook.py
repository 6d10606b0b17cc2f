"""The rule book as records: what each rule says, where it is from, and who checks it (rules.toml)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

from cluster_sim.refusal import InputError

Status = Literal["replayed", "modelled", "not modelled"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `why` is said where the model leaves it out."""

    id: str
    title: str
    says: str
    source: str
    status: Status
    why: str = ""


class RuleBookError(InputError):
    """A rule that is not written as the book wants it."""


def read_rule(identity: str, title: str, entry: object, sources: dict[str, str]) -> Rule:
    """One entry: [status, source, what it says] and, where it is not modelled, why."""
    if not isinstance(entry, list) or len(entry) not in (3, 4) or not all(isinstance(part, str) for part in entry):
        raise RuleBookError(identity, repr(entry), "[status, source, says] and maybe why")
    status, source, says, *why = entry
    if status not in get_args(Status) or source not in sources:
        raise RuleBookError(identity, f"{status!r} and {source!r}", "a status and a source of the book")
    if bool(why) != (status == "not modelled"):
        raise RuleBookError(identity, f"{len(why)} reasons", "one where it is not modelled, else none")
    return Rule(identity, title, says, sources[source], cast("Status", status), *why)


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in the book's order."""
    book = tomllib.loads(resources.files("cluster_sim.memory").joinpath("rules.toml").read_text("utf-8"))
    sources, titles = book.pop("source"), book.pop("title")
    if set(book) != set(titles):
        raise RuleBookError("", f"sections {sorted(book)}", str(sorted(titles)))
    return tuple(
        read_rule(f"{letter}-{number}", titles[letter], entry, sources)
        for letter in titles
        for number, entry in book[letter].items()
    )


def replayed() -> tuple[str, ...]:
    """Ids of the rules that an oracle's run must meet."""
    return tuple(rule.id for rule in rules() if rule.status == "replayed")
