"""Costs that say where they come from: value, low..high, unit, source, confidence; nothing else loads."""

import difflib
import keyword
import math
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from cluster_sim.platform.formulas import (
    BANDWIDTH,
    DURATION,
    NUMBER,
    SIZE,
    Dimension,
    FormulaError,
    Interval,
    describe,
    parse_formula,
)
from cluster_sim.refusal import InputError, Refusal

Confidence = Literal["measured", "published", "stand-in", "estimated", "assumed"]
"""How a value is known; `stand-in` is a figure of another thing than the one that it is used for."""
CONFIDENCES: Final[tuple[Confidence, ...]] = get_args(Confidence)
"""From the surest to the least sure; `assumed`, the last, is an experiment's own and never stands in a table."""
_CONFIDENCE_OF_TABLES: Final[dict[str, Confidence]] = {confidence: confidence for confidence in CONFIDENCES[:-1]}

MACHINES: Final = ("AMD", "Intel", "Arm")
"""Whose machines sources may have measured; a source that measured none, or several, names none."""

UNITS: Final[dict[str, tuple[float, Dimension]]] = {
    "ns": (1.0, DURATION),
    "us": (1e3, DURATION),
    "ms": (1e6, DURATION),
    "s": (1e9, DURATION),
    "B": (1.0, SIZE),
    "KiB": (2.0**10, SIZE),
    "MiB": (2.0**20, SIZE),
    "GiB": (2.0**30, SIZE),
    "MB/s": (1e-3, BANDWIDTH),
    "GB/s": (1.0, BANDWIDTH),
    "percent": (0.01, NUMBER),
    "ratio": (1.0, NUMBER),
    "count": (1.0, NUMBER),
}
"""What one of each unit is in bytes and nanoseconds."""


class ProvenanceError(InputError):
    """Costs that cannot be trusted as written."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document or measurement that costs cite by its key; `machine` is whose machine it measured, "" if no one's."""

    key: str
    title: str
    year: str
    address: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one thing takes: a value between low and high, in its unit, and where it comes from.

    `formula` and `inputs` tell how a derived cost was made, from which costs. `stands_in` says what the figure is
    really of, where that is not what it is used for.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float
    source: str
    confidence: Confidence
    note: str = ""
    formula: str | None = None
    inputs: tuple[str, ...] = ()
    stands_in: str = ""


def least_sure(confidences: Iterable[Confidence]) -> Confidence:
    """The least sure of some; what rests on no cost at all is an estimate."""
    return max(confidences, key=CONFIDENCES.index, default="estimated")


def less_sure(one: Cost, other: Cost) -> Cost:
    """The less sure of two views of a cost: what is measured for one technology stands in for another."""
    return max(one, other, key=lambda cost: CONFIDENCES.index(cost.confidence))


def as_stand_in(cost: Cost, of: str) -> Cost:
    """The cost as a figure of something else: a stand-in at most."""
    return replace(cost, confidence=least_sure([cost.confidence, "stand-in"]), stands_in=of)


@dataclass(frozen=True, slots=True)
class CostLibrary(Mapping[str, Cost]):
    """The costs of one or more tables by name, and the sources that they cite by key."""

    costs: dict[str, Cost]
    sources: dict[str, Source]

    def __getitem__(self, name: str) -> Cost:
        return self.costs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.costs)

    def __len__(self) -> int:
        return len(self.costs)


def parse_costs(text: str, where: str) -> CostLibrary:
    """Read a table of costs; ProvenanceError names all that is wrong with it, `where` being its file."""
    library, refusals = read_costs(text, where)
    if refusals:
        raise ProvenanceError.of(refusals)
    return library


def read_costs(text: str, where: str) -> tuple[CostLibrary, list[Refusal]]:
    """What of a table of costs can be read, and all that is wrong with it, `where` being its file."""
    try:
        data: dict[str, object] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        number = line[1] if line else str(text.count("\n") + 1)
        return CostLibrary({}, {}), [Refusal(f"{where}: line {number}", str(error), "TOML")]
    reader = _Reader(where)
    return reader.library(data), reader.refusals


def read_sources(tables: object, where: str) -> tuple[dict[str, Source], list[Refusal]]:
    """What of a file's tables [source.KEY] can be read, and all that is wrong with them, `where` being its file."""
    reader = _Reader(where)
    return reader.sources(tables), reader.refusals


def derive(name: str, formula: str, library: CostLibrary, *, unit: str, note: str) -> Cost:
    """Return the cost that a formula over other costs comes to, its ends by interval arithmetic.

    It is as sure as the least sure of these, from the source `derived`; a formula that is one name alone keeps that
    cost's source, and what it stands in. A low end below 0, as differences of wide intervals have, becomes 0 and the
    note says so; a value below 0 is refused.
    """
    try:
        parsed = parse_formula(formula)
        low, value, high = _price_in(unit, parsed.evaluate(lambda cost: _interval(cost, library)))
    except FormulaError as error:
        raise ProvenanceError(f"{name} = {formula[:120]}", error.found, error.allowed) from error
    if low < 0:
        note = f"{note}; low end {low:g} {unit} taken as 0".removeprefix("; ")
    known = least_sure(library[used].confidence for used in parsed.names)
    derived = Cost(name, value, unit, max(low, 0.0), high, "derived", known, note, formula, parsed.names)
    if not parsed.is_name:
        return derived
    original = library[parsed.names[0]]
    return replace(derived, source=original.source, stands_in=original.stands_in)


def spanning(cost: Cost, alternatives: Sequence[str], library: CostLibrary) -> Cost:
    """The cost with ends as far apart as those of other formulas that could be in the place of its own, 0 at least."""
    try:
        others = [
            _amount_in(cost.unit, parse_formula(formula).evaluate(lambda name: _interval(name, library)))
            for formula in alternatives
        ]
    except FormulaError as error:
        raise ProvenanceError(f"{cost.name} or {', '.join(alternatives)[:120]}", error.found, error.allowed) from error
    low = min([cost.low, *(max(low, 0.0) for low, _, _ in others)])
    return replace(cost, low=low, high=max([cost.high, *(high for _, _, high in others)]))


def _price_in(unit: str, amount: Interval) -> tuple[float, float, float]:
    """Return low, value, high in a unit; FormulaError if they are of another kind or no price."""
    low, value, high = _amount_in(unit, amount)
    if value < 0:
        raise FormulaError(f"{value:g} {unit}", "0 or more")
    return low, value, high


def _amount_in(unit: str, amount: Interval) -> tuple[float, float, float]:
    """Return low, value, high in a unit; FormulaError if they are of another kind or without bound."""
    if unit not in UNITS:
        raise FormulaError(f"the unit {unit!r}", ", ".join(UNITS))
    factor, dimension = UNITS[unit]
    if amount.dimension != dimension:
        raise FormulaError(describe(amount.dimension), f"{describe(dimension)} in {unit}")
    if math.isinf(amount.high) and dimension != BANDWIDTH:
        raise FormulaError("an amount without bound", "a finite one")
    return amount.low / factor, amount.value / factor, amount.high / factor


def to_ns(cost: Cost) -> float:
    """Return a duration in nanoseconds."""
    return _in_base_units(cost, DURATION)


def to_bytes(cost: Cost) -> float:
    """Return a size in bytes."""
    return _in_base_units(cost, SIZE)


def to_bytes_per_s(cost: Cost) -> float:
    """Return a bandwidth in bytes a second, infinite if it is unbounded."""
    return _in_base_units(cost, BANDWIDTH) * 1e9


def _in_base_units(cost: Cost, wanted: Dimension) -> float:
    factor, dimension = UNITS[cost.unit]
    if dimension != wanted:
        raise ProvenanceError(cost.name, cost.unit, describe(wanted))
    return cost.value * factor


def _interval(name: str, library: CostLibrary) -> Interval:
    """Return a cost in base units; FormulaError names the known costs that an unknown one may mean."""
    cost = library.get(name)
    if cost is None:
        raise FormulaError(f"the cost {name}", _near(name, library))
    factor, dimension = UNITS[cost.unit]
    return Interval(cost.low * factor, cost.value * factor, cost.high * factor, dimension)


def _near(name: str, known: Iterable[str]) -> str:
    """Return the known names closest to one that is not known."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"{', '.join(close)} or another known name" if close else ", ".join(names[:8]) or "none is known"


class _Reader:
    """Turns TOML tables into records and collects what is wrong with them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.refusals: list[Refusal] = []

    def library(self, data: Mapping[str, object]) -> CostLibrary:
        self._known_only("", data, ("schema", "source", "cost"))
        if data.get("schema", 1) != 1:
            self._refuse("schema", data["schema"], "1")
        sources = self.sources(data.get("source", {}))
        costs = self._costs("", self._table("cost", data.get("cost", {})), sources)
        return CostLibrary({cost.name: cost for cost in costs}, sources)

    def sources(self, found: object) -> dict[str, Source]:
        tables = self._table("source", found)
        return {key: self._source(key, self._table(f"source.{key}", tables[key])) for key in tables}

    def _source(self, key: str, table: Mapping[str, object]) -> Source:
        at = f"source.{key}"
        self._known_only(at, table, ("title", "year", "address", "machine"))
        title, year, address = (self._text(at, table, field) for field in ("title", "year", "address"))
        machine = self._choice(at, table, "machine", MACHINES) if "machine" in table else ""
        return Source(key, title, year, address, machine)

    def _costs(self, prefix: str, tables: Mapping[str, object], sources: Mapping[str, Source]) -> Iterator[Cost]:
        """Walk groups of costs; a table that holds anything but tables is a cost."""
        for key, content in tables.items():
            name = f"{prefix}{key}"
            table = self._table(f"cost.{name}", content)
            if not (key.isascii() and key.isidentifier()) or keyword.iskeyword(key):
                self._refuse(f"cost.{name}", key, "a name of letters, digits and _ that formulas can use")
            if table and all(isinstance(value, dict) for value in table.values()):
                yield from self._costs(f"{name}.", table, sources)
            elif isinstance(content, dict):
                yield self._cost(name, table, sources)

    def _cost(self, name: str, table: Mapping[str, object], sources: Mapping[str, Source]) -> Cost:
        at = f"cost.{name}"
        self._known_only(at, table, ("value", "unit", "low", "high", "source", "confidence", "note", "stands_in"))
        unit = self._choice(at, table, "unit", UNITS)
        source = self._choice(at, table, "source", sources)
        confidence = self._choice(at, table, "confidence", _CONFIDENCE_OF_TABLES)
        low, value, high = (self._amount(at, table, end, unit) for end in ("low", "value", "high"))
        if low > value or value > high:
            self._refuse(at, f"{low:g} .. {value:g} .. {high:g}", "low <= value <= high")
        note = self._text(at, table, "note") if "note" in table else ""
        known = _CONFIDENCE_OF_TABLES.get(confidence, "estimated")
        stands_in = self._text(at, table, "stands_in") if known == "stand-in" or "stands_in" in table else ""
        if stands_in and known != least_sure([known, "stand-in"]):
            self._refuse(f"{at}.confidence", known, "stand-in or estimated where stands_in says of what")
        return Cost(name, value, unit, low, high, source, known, note, stands_in=stands_in)

    def _amount(self, at: str, table: Mapping[str, object], field: str, unit: str) -> float:
        """Return a number of 0 or more, NaN for what is none; only a bandwidth may have no bound."""
        found = table.get(field)
        unbounded = unit in UNITS and UNITS[unit][1] == BANDWIDTH
        allowed = "a number of 0 or more, or inf" if unbounded else "a finite number of 0 or more"
        if isinstance(found, int | float) and not isinstance(found, bool):
            try:
                amount = float(found)
            except OverflowError:
                amount = math.nan
            if amount >= 0 and (unbounded or math.isfinite(amount)):
                return amount
        self._refuse(f"{at}.{field}", found, allowed)
        return math.nan

    def _choice(self, at: str, table: Mapping[str, object], field: str, known: Collection[str]) -> str:
        found = table.get(field)
        if not isinstance(found, str) or found not in known:
            allowed = _near(str(found), known) if field == "source" else ", ".join(known)
            self._refuse(f"{at}.{field}", found, allowed)
            return ""
        return found

    def _text(self, at: str, table: Mapping[str, object], field: str) -> str:
        found = table.get(field)
        if not isinstance(found, str) or not found.strip():
            self._refuse(f"{at}.{field}", found, "a text that is not empty")
            return ""
        return found

    def _table(self, at: str, found: object) -> Mapping[str, object]:
        if isinstance(found, dict):
            return found
        self._refuse(at, found, "a table")
        return {}

    def _known_only(self, at: str, table: Mapping[str, object], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self._refuse(f"{at}.{key}".lstrip("."), "an unknown field", ", ".join(known))

    def _refuse(self, at: str, found: object, allowed: str) -> None:
        shown = "nothing" if found is None else str(found)[:60]
        self.refusals.append(Refusal(f"{self.where}: {at}", shown, allowed))
