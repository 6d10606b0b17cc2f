"""What a run did to guest memory, as terminal tables: only figures that are not nothing."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from cluster_sim.analysis.guest_memory import FIGURES, FaultRow, MemoryRow
from cluster_sim.report.comparison import number


def guest_memory(rows: Sequence[MemoryRow], faults: Sequence[FaultRow]) -> Group:
    """The tables that have something to say."""
    tables = []
    told = [figure for figure in FIGURES if any(row.figures[figure.name] for row in rows)]
    if told:
        table = Table(
            title="guest memory, all guests of a run",
            title_justify="left",
            title_style="bold",
            box=None,
            padding=(0, 1),
        )
        table.add_column("variant\n")
        for figure in told:
            table.add_column(f"{figure.name}\n{figure.unit}", justify="right", no_wrap=True)
        for row in rows:
            values = [row.figures[figure.name] for figure in told]
            if any(values):
                table.add_row(row.variant, *(number(value) for value in values))
        tables.append(table)
    if faults:
        tables.append(fault_table(faults))
    return Group(*tables)


def fault_table(faults: Sequence[FaultRow]) -> Table:
    """What was done against the rules, what it came to, and who died of it."""
    table = Table(title="faults", title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for name in ("variant", "access", "outcome", "who died"):
        table.add_column(name)
    for name in ("times", "leaked pages", "spoilt pages"):
        table.add_column(name, justify="right")
    for row in faults:
        access = row.access if row.is_injected else f"  {row.access}"
        counts = (row.times, row.leaked_pages, row.spoilt_pages)
        table.add_row(row.variant, access, row.outcome, row.victim, *(number(count) for count in counts))
    return table
