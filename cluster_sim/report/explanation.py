"""One transfer of each path as a terminal table: steps, costs, sums, and where each price is from."""

from collections import Counter

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_sim.analysis.lone_transfer.explanation import ExplainedTransfer
from cluster_sim.analysis.lone_transfer.step_prices import PricedTerm
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import least_sure


def explanation(title: str, explained: ExplainedTransfer) -> Group:
    """The steps of one transfer, their sum, and their sources."""
    table = Table(title=None, box=None, padding=(0, 1))
    for column in ("at us", "step", "on", "ledger"):
        table.add_column(column, justify="right" if column == "at us" else "left")
    table.add_column("us", justify="right")
    table.add_column("count × ns price")
    table.add_column("from")
    marks: dict[str, int] = {}
    stand_ins: dict[str, str] = {}
    for step in (*explained.steps, *explained.between):
        stand_ins |= {term.price: cost.stands_in for term in step.terms for cost in term.costs}
        is_between = step in explained.between
        table.add_row(
            f"{step.started_ns / 1e3:,.2f}",
            Text(f"between transfers: {step.text}" if is_between else step.text),
            "" if step.runner == "nobody" else step.runner,
            step.category,
            f"{step.spent_ns / 1e3:,.3f}",
            Text("\n".join(f"{term.count:,} × {term.each_ns:,} {term.price}" for term in step.terms)),
            "\n".join(provenance(term, marks) for term in step.terms),
        )
    ledger = Counter[str]()
    for step in explained.steps:
        ledger[step.category] += step.spent_ns
    sums = ", ".join(f"{category} {spent / 1e3:,.3f}" for category, spent in ledger.most_common())
    copied = ", ".join(f"{who} {amount / explained.frame_bytes:g}" for who, amount in explained.copied_bytes.items())
    summary = (
        f"  sum {explained.latency_ns / 1e3:,.3f} us = latency ({sums})\n"
        f"  copies a byte: {copied}; conversions {explained.conversions}; exits {explained.exits}"
    )
    if explained.between:
        between_us = sum(step.spent_ns for step in explained.between) / 1e3
        summary += (
            f"\n  between transfers {between_us:,.3f} us, in no latency; the buffer's next transfer answers for it"
        )
    if explained.outcome != "delivered":
        summary = f"  {explained.outcome}\n{summary}"
    what = f"workload {explained.workload}, {explained.role} {explained.direction}"
    size = f"{explained.frame_bytes:,} B alone on its host"
    heading = Text(f"{title}, {explained.group}, {what}: {size}", "bold")
    return Group(heading, table, Text(summary), Text(sources(marks, stand_ins, explained.profile), "dim"), Text(""))


def provenance(term: PricedTerm, marks: dict[str, int]) -> str:
    """Confidence and source marks of a price."""
    if not term.costs:
        return "the definition"
    inputs = dict.fromkeys(name for cost in term.costs for name in cost.inputs)
    numbers = [marks.setdefault(name, len(marks) + 1) for name in inputs]
    return f"{least_sure(cost.confidence for cost in term.costs)} {' '.join(f'[{number}]' for number in numbers)}"


def sources(marks: dict[str, int], stand_ins: dict[str, str], profile: Profile) -> str:
    """The costs behind the marks, each with value, range, confidence and source; then what prices are really of."""
    lines, told = [], {""}
    for name, mark in marks.items():
        cost = profile.library.costs[name]
        source = profile.library.sources.get(cost.source)
        made = f"{name} = {cost.formula}" if cost.formula else name
        known = f"{cost.confidence} ({cost.stands_in})" if cost.stands_in else cost.confidence
        told.add(cost.stands_in)
        lines.append(
            f"  [{mark}] {made} = {cost.value:g} {cost.unit} ({cost.low:g}..{cost.high:g}), {known}: "
            f"{source.title if source else cost.source}"
        )
    lines += [f"  {price}: {of} stands in" for price, of in stand_ins.items() if of not in told]
    return "\n".join(lines)
