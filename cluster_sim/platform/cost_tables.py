"""Tables of costs over one another: later ones win, each cost keeps its kind of unit and its source."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cluster_sim.platform.formulas import describe
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import UNITS, CostLibrary, ProvenanceError, read_costs
from cluster_sim.refusal import Refusal


def read_tables(tables: Iterable[tuple[str, str]]) -> CostLibrary:
    """Read tables (name, text) and lay each over those before it; ProvenanceError tells all that is wrong with all.

    A cost may be new, but one that the shipped library or an earlier table has must stay of its kind of unit.
    """
    refusals: list[Refusal] = []
    read: list[CostLibrary] = []
    known = library()
    for number, (where, text) in enumerate(tables):
        found, wrong = read_costs(text, where)
        refusals += [*wrong, *other_kinds(where, found, known)]
        known = over([found, known])
        read.append(prefixed(f"{number}:{where}", found))
    if refusals:
        raise ProvenanceError.of(refusals)
    return over(read)


def over(libraries: Sequence[CostLibrary]) -> CostLibrary:
    """Libraries as one, the later over the earlier."""
    costs = {name: cost for each in libraries for name, cost in each.costs.items()}
    return CostLibrary(costs, {key: source for each in libraries for key, source in each.sources.items()})


def prefixed(where: str, found: CostLibrary) -> CostLibrary:
    """A library whose sources cannot be taken for those of another of the same keys."""
    sources = {f"{where}:{key}": replace(source, key=f"{where}:{key}") for key, source in found.sources.items()}
    costs = {name: replace(cost, source=f"{where}:{cost.source}") for name, cost in found.costs.items()}
    return CostLibrary(costs, sources)


def other_kinds(where: str, found: CostLibrary, base: CostLibrary) -> list[Refusal]:
    """Costs that are of another kind than those of the same name that they would replace."""
    wrong = []
    for name, cost in found.items():
        if name in base and cost.unit in UNITS and UNITS[cost.unit][1] != UNITS[base[name].unit][1]:
            kind = describe(UNITS[base[name].unit][1])
            wrong.append(Refusal(f"{where}: cost.{name}.unit", cost.unit, f"{kind}, such as {base[name].unit}"))
    return wrong
