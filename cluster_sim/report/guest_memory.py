"""What a run did to guest memory, as terminal tables: only figures that are not nothing."""

from collections.abc import Sequence

from rich.console import Group

from cluster_sim.analysis.guest_memory import FIGURES, FaultRow, MemoryRow
from cluster_sim.report.comparison import number
from cluster_sim.report.folded import FoldedTable


def guest_memory(rows: Sequence[MemoryRow], faults: Sequence[FaultRow]) -> Group:
    """The tables that have something to say."""
    tables = list[FoldedTable]()
    told = [figure for figure in FIGURES if any(row.figures[figure.name] for row in rows)]
    if told:
        headers = [f"{figure.name}\n{figure.unit}" for figure in told]
        table = FoldedTable(["variant"], headers, "guest memory, all guests of a run")
        for row in rows:
            values = [row.figures[figure.name] for figure in told]
            if any(values):
                table.add_row([row.variant], [number(value) for value in values])
        tables.append(table)
    if faults:
        tables.append(fault_table(faults))
    return Group(*tables)


def fault_table(faults: Sequence[FaultRow]) -> FoldedTable:
    """What was done against the rules, what it came to, and who died of it."""
    headers = ("access", "outcome", "who died", "times", "leaked pages", "spoilt pages")
    table = FoldedTable(["variant"], headers, "faults")
    for row in faults:
        access = row.access if row.is_injected else f"  {row.access}"
        counts = (row.times, row.leaked_pages, row.spoilt_pages)
        table.add_row([row.variant], [access, row.outcome, row.victim, *(number(count) for count in counts)])
    return table
