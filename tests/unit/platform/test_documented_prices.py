"""docs/simulation.md has every price, and each cell says what the profiles say: value, unit, ends, confidence, formula.

A number is compared as it is written: to its own digits, in its own unit.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_sim.platform.profile import DEFAULT_CPU, Profile, load_profile
from cluster_sim.platform.provenance import UNITS, Cost

PAGE = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text("utf-8")
TECHNOLOGIES = ("none", "pkvm", "sev-snp", "tdx", "cca")
PROFILES = {technology: load_profile(technology, DEFAULT_CPU) for technology in TECHNOLOGIES}
FEW_VCPUS = 2
ABSENT = "–"
CONSTANT = "a constant of the kernel"
OF_NO_PRICE = {
    "bus bytes per copied byte": "mem.bus_bytes_per_copied_byte",
}
"""Rows whose first cell names no price and no cost."""
BULLET = re.compile(r"- ((?:`\w+`(?:, )?)+) = `([^`]+)`, (measured|published|stand-in|estimated)(?: \(([^()]+)\))?")
BULLET_OF_MANY = re.compile(r"- ((?:`\w+`(?:, )?)+) = the costs `huge\.…` of these names, (estimated)")
NONE_FOR = re.compile(r"- none for ((?:`\w+`(?:, )?)+): (.+)\.")


def section(number: str) -> str:
    """The text below a heading, up to the next one of any depth."""
    found = re.search(rf"^#+ {re.escape(number)}\.? .*?\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/simulation.md has no section {number}"
    return found[1]


def table(number: str, heading: str) -> dict[str, list[str]]:
    """A table of a section by the first cell of its heading: further cells by the first of each row."""
    lines = section(number).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows: dict[str, list[str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        assert first not in rows, first
        rows[first] = cells
    return rows


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def bullets(number: str) -> Iterator[str]:
    """The bullets of a section, each as one line."""
    for found in re.finditer(r"^- .*(?:\n  .*)*", section(number), re.MULTILINE):
        yield re.sub(r"\s+", " ", found[0])


def is_as_written(cell: str, value: float) -> bool:
    """Whether a number is what a cell says, to the digits of the cell."""
    text = cell.replace(",", "")
    half_a_digit = 0.5 / 10.0 ** len(text.partition(".")[2])
    return abs(float(text) - value) <= half_a_digit + 1e-9


def in_unit(cost: Cost, unit: str) -> tuple[float, float, float]:
    """A cost's low, value and high in another unit of its kind."""
    factor, kind = UNITS[cost.unit]
    wanted, wanted_kind = UNITS[unit.replace("µ", "u")]
    assert kind == wanted_kind, f"{cost.name} is in {cost.unit}, the page has {unit}"
    return tuple(each * factor / wanted for each in (cost.low, cost.value, cost.high))  # type: ignore[return-value]


def cost_of(name: str, profile: Profile) -> Cost:
    """A price's cost, or the cost of that name."""
    if name in profile.prices:
        cost = profile.prices[name].cost
        assert cost is not None, name
        return cost
    return profile.library[name]


def formula_of(cost: Cost, profile: Profile) -> str:
    """What a price is made of; one with alternatives is a cost of its own, which is."""
    inner = profile.library[cost.inputs[0]] if cost.inputs else cost
    return str(inner.formula or cost.formula or cost.name)


BY_TECHNOLOGY = table("6.1", "price")
BY_CPU = table("6.2", "cost of the CPU profile")


@pytest.mark.parametrize("price", BY_TECHNOLOGY)
def test_a_price_of_a_technology_is_what_its_profile_says(price: str) -> None:
    (name,) = names_in(price)
    for technology, cell in zip(TECHNOLOGIES, BY_TECHNOLOGY[price], strict=True):
        profile = PROFILES[technology]
        if cell == ABSENT:
            assert profile.prices[name].cost is None, f"{technology} has a price {name}"
        else:
            assert profile.prices[name].cost is not None, f"{technology} has no price {name}"
            assert cell == f"{profile.price_ns(name, FEW_VCPUS):,}", technology


@pytest.mark.parametrize("row", BY_CPU)
def test_a_price_of_the_cpu_is_what_its_profile_says(row: str) -> None:
    value, ends, confidence = BY_CPU[row]
    number, _, unit = value.partition(" ")
    for name in [OF_NO_PRICE[row]] if row in OF_NO_PRICE else names_in(row):
        cost = cost_of(name, PROFILES["none"])
        assert cost.confidence == confidence, name
        low, found, high = in_unit(cost, unit) if unit else (cost.low, cost.value, cost.high)
        assert is_as_written(number, found), f"{name}: found {found:g} {unit}"
        if ends == CONSTANT:
            assert low == found == high, name
        else:
            said = ends.split("..")
            assert is_as_written(said[0], low), f"{name}: low is {low:g} {unit}"
            assert is_as_written(said[1], high), f"{name}: high is {high:g} {unit}"


def test_no_price_is_left_out() -> None:
    written = {name for row in (*BY_TECHNOLOGY, *BY_CPU) for name in names_in(row)}
    priced = {name for profile in PROFILES.values() for name in profile.prices}
    assert priced - written == set(), "put them into a table of docs/simulation.md, section 6"
    assert {name for row in BY_TECHNOLOGY for name in names_in(row)} <= priced


def test_what_is_the_same_under_every_technology_is_in_the_table_of_the_cpu() -> None:
    own = {name for row in BY_TECHNOLOGY for name in names_in(row)}
    for name in {name for row in BY_CPU for name in names_in(row)} - own:
        costs = [cost_of(name, profile) for profile in PROFILES.values()]
        assert len({(cost.formula, cost.low, cost.value, cost.high) for cost in costs}) == 1, name


@pytest.mark.parametrize(("price", "vcpus", "cell"), [("share_page", 32, 0), ("share_page_ranged", 64, 1)])
def test_steps_of_a_price_are_as_told(price: str, vcpus: int, cell: int) -> None:
    told = re.search(r"step up to ([\d,]+) from 32 vCPUs on and to ([\d,]+) from 64", section("6.1"))
    assert told
    below = PROFILES["tdx"].price_ns(price, vcpus - 1)
    assert f"{PROFILES['tdx'].price_ns(price, vcpus):,}" == told[cell + 1]
    assert below == (15_450, 18_550)[cell], "one vCPU fewer still pays the price before"


CURVES = table("4.4", "mover")


@pytest.mark.parametrize(
    ("row", "curve"),
    [
        ("guest, host, cold", "cold"),
        ("cipher", "crypto"),
        ("copy engine", "engine"),
    ],
)
def test_a_curve_ends_in_the_rate_that_the_page_has(row: str, curve: str) -> None:
    text, bus = CURVES[row]
    found = PROFILES["none"].curves[curve]
    assert 1000 * int(bus) == PROFILES["none"].bus_milli(curve)
    rate = re.search(r"([\d.]+) GB/s", text)
    if rate:
        assert found.beyond is not None
        assert is_as_written(rate[1], in_unit(found.beyond, "GB/s")[1])
    else:
        size, last_ns = PROFILES["none"].curve_points(curve)[-1]
        assert text.endswith("as at the last point")
        assert PROFILES["none"].curve_beyond_ns_per_mib(curve) == last_ns * (1 << 20) // size


@pytest.mark.parametrize(
    ("number", "technology"),
    [("6.2", "none"), ("6.3", "none"), ("6.4", "pkvm"), ("6.5", "sev-snp"), ("6.6", "tdx"), ("6.7", "cca")],
)
def test_a_formula_and_its_confidence_are_those_of_the_profile(number: str, technology: str) -> None:
    profile = PROFILES[technology]
    told = 0
    for bullet in bullets(number):
        if found := BULLET_OF_MANY.match(bullet):
            names, confidence, of = names_in(found[1]), found[2], ""
            formulas = [f"huge.{name}" for name in names]
        elif found := BULLET.match(bullet):
            names, confidence, of = names_in(found[1]), found[3], found[4] or ""
            formulas = [found[2]] * len(names)
        elif found := NONE_FOR.match(bullet):
            for name in names_in(found[1]):
                assert profile.prices[name].cost is None, name
                assert profile.prices[name].note == found[2], name
                told += 1
            continue
        else:
            raise AssertionError(f"cannot be read: {bullet}")
        for name, formula in zip(names, formulas, strict=True):
            cost = cost_of(name, profile)
            assert formula_of(cost, profile) == formula, name
            assert (cost.confidence, cost.stands_in) == (confidence, of), name
            told += 1
    own = BY_CPU if number == "6.2" else BY_TECHNOLOGY
    listed = {name for row in own for name in names_in(row) if name in profile.prices}
    assert told == len(listed) - (number in ("6.3", "6.4", "6.7")), "break_leaf is the CPU's where nothing replaces it"
