"""Cost profiles: what one technology costs on one CPU, every price a formula over costs with sources.

A profile is two TOML files over one library: the technology's prices (exits, conversions) and the CPU's
(copies, faults, bus). A price that a technology does not have says why it is absent.

A figure of another thing than the one that it prices is a stand-in: a price says so itself (`stands_in`, with formulas
of what else could be in its place as `alternatives`), and whatever was measured on another maker's machine is one.
"""

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from importlib import resources

from cluster_sim.platform.protection import PROTECTIONS, Protection
from cluster_sim.platform.provenance import (
    Cost,
    CostLibrary,
    ProvenanceError,
    as_stand_in,
    derive,
    parse_costs,
    spanning,
    to_bytes_per_s,
    to_ns,
)
from cluster_sim.refusal import Refusal

DEFAULT_CPU = "zen4"
DEFAULT_MACHINE = "genoa"
FREE_PROFILE = "free"
NAMED_OVERRIDES = 4
"""More replaced costs than this are told by their number and a digest."""
BOUNDLESS_MB_PER_S = 1 << 40
CURVES = ("cold", "one_end_found", "both_ends_found", "engine", "crypto")


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
    """Time of a copy by size: measured points, then a rate; `bus` is bytes on the bus per copied byte, if any.

    Without a rate it is a part of the cold curve, which beyond its points stays as at the last.
    """

    name: str
    points: tuple[tuple[int, Cost], ...]
    beyond: Cost | None
    bus: Cost | None

    def costs_around(self, size: Fraction | int) -> tuple[Cost, ...]:
        """The measured points on both sides of a size, or the last of them and the rate beyond."""
        below = [cost for each, cost in self.points if each <= size]
        above = [cost for each, cost in self.points if each > size]
        beyond = () if self.beyond is None else (self.beyond,)
        return (*below[-1:], *(above[:1] or beyond))


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
    sockets: Mapping[str, Cost]
    """Memory bandwidth of one socket, by machine."""
    remote: Cost
    """How many times as long a copy takes whose memory is on another NUMA node."""
    library: CostLibrary
    machine: str = DEFAULT_MACHINE
    remote_copy: Cost | None = None
    """`remote`, where a definition has such copies."""
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
        machine = "" if self.machine == DEFAULT_MACHINE else f" on {self.machine}"
        across = "" if self.remote_copy is None else " across nodes"
        return f"{self.technology}-{self.cpu}{machine}{across}{replaced}"

    def on_machine(self, machine: str, *, crosses_nodes: bool) -> "Profile":
        """The same with the memory of a machine, and with what copies between its nodes take, if there are any."""
        remote = self.remote if crosses_nodes else None
        return replace(self, machine=machine, bandwidth=self.sockets[machine], remote_copy=remote)

    def with_channels(self, machine: str, transfers_per_us: int) -> "Profile":
        """The same with sockets whose memory channels make so many transfers together, of which copies get a part."""
        formula = f"{transfers_per_us / 1000} * mem.channel_copy_rate"
        bandwidth = derive("memory.bandwidth", formula, self.library, unit="GB/s", note=machine)
        return replace(self, machine=machine, bandwidth=as_stand_in(bandwidth, "the channels of other machines"))

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
        beyond = self.curves[name].beyond
        rate = math.inf if beyond is None else to_bytes_per_s(beyond)
        return 0 if self.is_free or math.isinf(rate) else round((1 << 20) * 1e9 / rate)

    def bus_milli(self, name: str) -> int:
        """Bytes on the bus per 1000 bytes that are copied by a curve."""
        bus = self.curves[name].bus
        return 0 if bus is None else round(bus.value * 1000)

    def bandwidth_mb_per_s(self) -> int:
        """Bus traffic that a host's memory carries; a practically endless figure when unbounded."""
        rate = to_bytes_per_s(self.bandwidth)
        return BOUNDLESS_MB_PER_S if self.is_free or math.isinf(rate) else round(rate / 1e6)

    def costs(self) -> Iterable[Cost]:
        """All costs that a run with this profile can touch."""
        for price in self.prices.values():
            if price.cost is not None:
                yield price.cost
            yield from (cost for _, cost in price.steps)
        for curve in self.curves.values():
            yield from (cost for _, cost in curve.points)
            if curve.beyond is not None:
                yield curve.beyond
            if curve.bus is not None:
                yield curve.bus
        yield self.bandwidth
        if self.remote_copy is not None:
            yield self.remote_copy


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
    """The library with some costs replaced; each must exist, or be that of a price with alternatives."""
    unknown = sorted(set(overrides) - set(base.costs) - costs_of_prices())
    if unknown:
        raise ProvenanceError.of(Refusal("costs", repr(name), "a name of costs.toml") for name in unknown)
    return replace(base, costs={**base.costs, **overrides})


def on_machine(costs: CostLibrary, machine: str) -> CostLibrary:
    """The library as one maker's machines have it: there the figures of others, but for constants, are stand-ins."""
    foreign = {key: source.machine for key, source in costs.sources.items() if source.machine not in ("", machine)}
    stand_ins = {
        name: as_stand_in(cost, cost.stands_in or f"the same on {foreign[cost.source]}")
        for name, cost in costs.items()
        if cost.source in foreign and cost.low < cost.high
    }
    return replace(costs, costs={**costs.costs, **stand_ins})


@cache
def toml_of(name: str) -> Toml:
    """A parsed TOML file of the package."""
    return tomllib.loads(text_of(name))


def load_profile(technology: str, cpu: str = "auto", overrides: Mapping[str, Cost] | None = None) -> Profile:
    """The profile of a technology on a CPU (`auto` is Zen 4; `free` prices everything at nothing)."""
    cpu_name = DEFAULT_CPU if cpu in ("auto", FREE_PROFILE) else cpu
    prices_of_technology = toml_of(f"profiles/{technology}.toml")
    prices_of_cpu = toml_of(f"profiles/{cpu_name}.toml")
    costs = on_machine(with_overrides(library(), overrides or {}), str(prices_of_technology["machine"]))
    costs = with_costs_of_prices(with_costs_of_prices(costs, prices_of_cpu), prices_of_technology)
    curves = table(prices_of_cpu, "curve")
    memory = table(prices_of_cpu, "memory")
    of_sockets = table(memory, "socket")
    sockets = {machine: socket_bandwidth(table(of_sockets, machine), costs) for machine in of_sockets}
    profile = Profile(
        technology=technology,
        cpu=cpu_name,
        title=f"{prices_of_technology['title']} on {prices_of_cpu['title']}",
        notes=(str(prices_of_technology["note"]), str(prices_of_cpu["note"])),
        prices={
            **read_prices(prices_of_cpu, costs),
            **read_prices(prices_of_technology, costs),
        },
        curves={name: read_curve(name, table(curves, name), costs) for name in CURVES},
        bandwidth=sockets[DEFAULT_MACHINE],
        sockets=sockets,
        remote=derive("memory.remote_copy", str(memory["remote_copy"]), costs, unit="ratio", note=""),
        library=costs,
        overrides=tuple((overrides or {}).values()),
    )
    return replace(profile, cpu=FREE_PROFILE, is_free=True) if cpu == FREE_PROFILE else profile


def socket_bandwidth(entry: Toml, costs: CostLibrary) -> Cost:
    """What the memory of one socket carries."""
    cost = derive("memory.bandwidth", str(entry["bandwidth"]), costs, unit="GB/s", note="")
    return as_stand_in(cost, str(entry["stands_in"]))


def profile_files() -> list[str]:
    """Names of the profiles of technologies and CPUs."""
    files = resources.files("cluster_sim.platform").joinpath("profiles").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files)


def cpus() -> tuple[str, ...]:
    """Values that a scenario's `profile` may have."""
    return ("auto", FREE_PROFILE, *(name for name in profile_files() if name not in PROTECTIONS))


def table(toml: Toml, key: str) -> Toml:
    """A sub-table of a TOML file."""
    found = toml[key]
    assert isinstance(found, dict), key
    return found


def cost_of_price(toml: Toml, name: str) -> str:
    """The name of the cost that a price with alternatives has of its own."""
    return f"price.{str(toml['name']).replace('-', '_')}.{name}"


@cache
def costs_of_prices() -> frozenset[str]:
    """Names of the costs that prices of the shipped profiles have of their own."""
    profiles = [toml_of(f"profiles/{file}.toml") for file in profile_files()]
    return frozenset(
        cost_of_price(toml, name)
        for toml in profiles
        for name, entry in price_entries(toml).items()
        if "alternatives" in entry
    )


def price_entries(toml: Toml) -> dict[str, Toml]:
    """What a profile file says of each price."""
    prices = table(toml, "price")
    return {name: table(prices, name) for name in prices}


def note_of(entry: Toml) -> str:
    """The note of a price; `spans` says from which to which of its alternatives its range goes."""
    spans = f"range {entry['spans']}" if "spans" in entry else ""
    return "; ".join(filter(None, (str(entry.get("note", "")), spans)))


def with_costs_of_prices(costs: CostLibrary, toml: Toml) -> CostLibrary:
    """The library with a cost for each price that has alternatives, so that its range can be doubted and sampled.

    The range spans what else could be in its place, but not where the experiment assumes what the price is made of.
    """
    own: dict[str, Cost] = {}
    for name, entry in price_entries(toml).items():
        cost_name = cost_of_price(toml, name)
        if "alternatives" not in entry or cost_name in costs:
            continue
        alternatives = entry["alternatives"]
        assert isinstance(alternatives, list)
        assert "from_vcpus" not in entry, f"{cost_name} has one range for all guests"
        cost = derive(cost_name, str(entry["formula"]), costs, unit="ns", note=note_of(entry))
        cost = as_stand_in(cost, str(entry["stands_in"]))
        own[cost_name] = cost if cost.confidence == "assumed" else spanning(cost, alternatives, costs)
    return replace(costs, costs={**costs.costs, **own})


def read_prices(toml: Toml, costs: CostLibrary) -> dict[str, Price]:
    """All prices of a profile file."""
    return {name: read_price(toml, name, entry, costs) for name, entry in price_entries(toml).items()}


def read_price(toml: Toml, name: str, entry: Toml, costs: CostLibrary) -> Price:
    """One price of a profile file; one with alternatives is the cost that it has of its own."""
    if "absent" in entry:
        return Price(name, None, str(entry["absent"]))
    note, steps = note_of(entry), entry.get("from_vcpus", [])
    assert isinstance(steps, list)
    if "alternatives" in entry:
        return Price(name, derive(f"price.{name}", cost_of_price(toml, name), costs, unit="ns", note=note), note)

    def cost_of(formula: str) -> Cost:
        cost = derive(f"price.{name}", formula, costs, unit="ns", note=note)
        return as_stand_in(cost, str(entry["stands_in"])) if "stands_in" in entry else cost

    return Price(name, cost_of(str(entry["formula"])), note, tuple((least, cost_of(each)) for least, each in steps))


def read_curve(name: str, entry: Toml, costs: CostLibrary) -> Curve:
    """One copy curve of a profile file."""
    points = entry["points"]
    assert isinstance(points, list)
    return Curve(
        name,
        tuple((size, derive(f"copy.{name}", formula, costs, unit="ns", note="")) for size, formula in points),
        derive(f"copy.{name}", str(entry["beyond"]), costs, unit="GB/s", note="") if "beyond" in entry else None,
        bus=derive(f"copy.{name}", str(entry["bus"]), costs, unit="ratio", note="") if "bus" in entry else None,
    )
