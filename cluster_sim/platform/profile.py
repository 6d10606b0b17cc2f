"""Cost profiles: what one technology costs on one CPU, every price a formula over costs with sources.

A profile is two TOML files over one library: the technology's prices (exits, conversions) and the CPU's
(copies, faults, bus). A price that a technology does not have says why it is absent.
"""

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from cluster_sim.platform.protection import PROTECTIONS, Protection
from cluster_sim.platform.provenance import (
    Cost,
    CostLibrary,
    ProvenanceError,
    derive,
    parse_costs,
    to_bytes_per_s,
    to_ns,
)
from cluster_sim.refusal import Refusal

DEFAULT_CPU = "zen4"
FREE_PROFILE = "free"
NAMED_OVERRIDES = 4
"""More replaced costs than this are told by their number and a digest."""
CURVES = ("cold", "hot", "engine", "crypto")


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of something takes: the cost it is derived from, and the note of the profile.

    `steps` replaces it from so many vCPUs on. `cost` is None where the technology has no such price.
    """

    name: str
    cost: Cost | None
    note: str
    steps: tuple[tuple[int, Cost], ...] = ()

    def cost_at(self, vcpus: int) -> Cost | None:
        """The cost for a guest of so many vCPUs."""
        chosen = self.cost
        for least, cost in self.steps:
            if vcpus >= least:
                chosen = cost
        return chosen


@dataclass(frozen=True, slots=True)
class Curve:
    """Time of a copy by size: measured points, then a rate; `uses_bus` when it misses the cache."""

    name: str
    points: tuple[tuple[int, Cost], ...]
    beyond: Cost
    uses_bus: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Prices of one technology on one CPU."""

    technology: str
    cpu: str
    title: str
    notes: tuple[str, ...]
    prices: Mapping[str, Price]
    curves: Mapping[str, Curve]
    bandwidth: Cost
    bus_bytes_per_byte: Cost
    library: CostLibrary
    overrides: tuple[Cost, ...] = ()
    is_free: bool = False

    @property
    def name(self) -> str:
        """Technology and CPU, and the costs that a definition replaced."""
        if len(self.overrides) <= NAMED_OVERRIDES:
            replaced = "".join(f" {cost.name}={cost.value:g}{cost.unit}" for cost in self.overrides)
        else:
            told = repr([(cost.name, cost.value, cost.unit, cost.low, cost.high) for cost in self.overrides])
            replaced = f" with {len(self.overrides)} costs replaced ({hashlib.sha256(told.encode()).hexdigest()[:8]})"
        return f"{self.technology}-{self.cpu}{replaced}"

    @property
    def protection(self) -> Protection:
        """What the technology does."""
        return PROTECTIONS[self.technology]

    def price_ns(self, name: str, vcpus: int) -> int:
        """A price for a guest of so many vCPUs, whole ns."""
        cost = self.prices[name].cost_at(vcpus)
        return 0 if cost is None or self.is_free else round(to_ns(cost))

    def curve_points(self, name: str) -> list[tuple[int, int]]:
        """Measured (bytes, ns) of a copy curve."""
        return [(size, 0 if self.is_free else round(to_ns(cost))) for size, cost in self.curves[name].points]

    def curve_beyond_ns_per_mib(self, name: str) -> int:
        """Slope of a copy curve beyond its last point."""
        rate = to_bytes_per_s(self.curves[name].beyond)
        return 0 if self.is_free or math.isinf(rate) else round((1 << 20) * 1e9 / rate)

    def bandwidth_mb_per_s(self) -> int:
        """Bus traffic that a host's memory carries; a practically endless figure when unbounded."""
        rate = to_bytes_per_s(self.bandwidth)
        return 1 << 40 if self.is_free or math.isinf(rate) else round(rate / 1e6)

    def costs(self) -> Iterable[Cost]:
        """All costs that a run with this profile can touch."""
        for price in self.prices.values():
            if price.cost is not None:
                yield price.cost
            yield from (cost for _, cost in price.steps)
        for curve in self.curves.values():
            yield from (cost for _, cost in curve.points)
            yield curve.beyond
        yield self.bandwidth
        yield self.bus_bytes_per_byte


Toml = Mapping[str, object]


def text_of(name: str) -> str:
    """A TOML file of the package."""
    return resources.files("cluster_sim.platform").joinpath(name).read_text("utf-8")


@cache
def library() -> CostLibrary:
    """The shipped costs: those found in sources, and those that the model adds."""
    found, added = (parse_costs(text_of(name), name) for name in ("costs.toml", "assumptions.toml"))
    return CostLibrary({**found.costs, **added.costs}, {**found.sources, **added.sources})


def with_overrides(base: CostLibrary, overrides: Mapping[str, Cost]) -> CostLibrary:
    """The library with some costs replaced; each must exist."""
    unknown = sorted(set(overrides) - set(base.costs))
    if unknown:
        raise ProvenanceError.of(Refusal("costs", repr(name), "a name of costs.toml") for name in unknown)
    return replace(base, costs={**base.costs, **overrides})


@cache
def toml_of(name: str) -> Toml:
    """A parsed TOML file of the package."""
    return tomllib.loads(text_of(name))


def load_profile(technology: str, cpu: str = "auto", overrides: Mapping[str, Cost] | None = None) -> Profile:
    """The profile of a technology on a CPU (`auto` is Zen 4; `free` prices everything at nothing)."""
    costs = with_overrides(library(), overrides or {})
    cpu_name = DEFAULT_CPU if cpu in ("auto", FREE_PROFILE) else cpu
    prices_of_technology = toml_of(f"profiles/{technology}.toml")
    prices_of_cpu = toml_of(f"profiles/{cpu_name}.toml")
    curves = table(prices_of_cpu, "curve")
    memory = table(prices_of_cpu, "memory")
    profile = Profile(
        technology=technology,
        cpu=cpu_name,
        title=f"{prices_of_technology['title']} on {prices_of_cpu['title']}",
        notes=(str(prices_of_technology["note"]), str(prices_of_cpu["note"])),
        prices={
            **read_prices(table(prices_of_cpu, "price"), costs),
            **read_prices(table(prices_of_technology, "price"), costs),
        },
        curves={name: read_curve(name, table(curves, name), costs) for name in CURVES},
        bandwidth=derive("memory.bandwidth", str(memory["bandwidth"]), costs, unit="GB/s", note=""),
        bus_bytes_per_byte=derive("memory.bus", str(memory["bus_bytes_per_byte"]), costs, unit="ratio", note=""),
        library=costs,
        overrides=tuple((overrides or {}).values()),
    )
    return replace(profile, cpu=FREE_PROFILE, is_free=True) if cpu == FREE_PROFILE else profile


def cpus() -> tuple[str, ...]:
    """Values that a scenario's `profile` may have."""
    names = {
        path.name.removesuffix(".toml")
        for path in resources.files("cluster_sim.platform").joinpath("profiles").iterdir()
    }
    return ("auto", FREE_PROFILE, *sorted(names - set(PROTECTIONS)))


def table(toml: Toml, key: str) -> Toml:
    """A sub-table of a TOML file."""
    found = toml[key]
    assert isinstance(found, dict), key
    return found


def read_prices(tables: Toml, costs: CostLibrary) -> dict[str, Price]:
    """All prices of a profile file."""
    prices = {}
    for name in tables:
        entry = table(tables, name)
        if "absent" in entry:
            prices[name] = Price(name, None, str(entry["absent"]))
            continue
        note = str(entry.get("note", ""))
        steps = entry.get("from_vcpus", [])
        assert isinstance(steps, list)
        prices[name] = Price(
            name,
            derive(f"price.{name}", str(entry["formula"]), costs, unit="ns", note=note),
            note,
            tuple((least, derive(f"price.{name}", formula, costs, unit="ns", note=note)) for least, formula in steps),
        )
    return prices


def read_curve(name: str, entry: Toml, costs: CostLibrary) -> Curve:
    """One copy curve of a profile file."""
    points = entry["points"]
    assert isinstance(points, list)
    return Curve(
        name,
        tuple((size, derive(f"copy.{name}", formula, costs, unit="ns", note="")) for size, formula in points),
        derive(f"copy.{name}", str(entry["beyond"]), costs, unit="GB/s", note=""),
        uses_bus=bool(entry["uses_bus"]),
    )
