"""What a run did to guest memory, as terminal tables: only figures that are not nothing."""

from collections.abc import Sequence

from rich.console import Group

from cluster_sim.analysis.guest_memory import MEMORY_FIGURES, FaultRow
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.comparison import number
from cluster_sim.report.folded_table import FoldedTable


def guest_memory(reading: RunReading) -> Group:
    """The tables that have something to say."""
    tables = list[FoldedTable]()
    told = [figure for figure in MEMORY_FIGURES if any(row.figures[figure.name] for row in reading.memory_rows)]
    if told:
        headers = [f"{figure.name}\n{figure.unit}" for figure in told]
        table = FoldedTable(["variant"], headers, "guest memory, all guests of a run")
        for row in reading.memory_rows:
            values = [row.figures[figure.name] for figure in told]
            if any(values):
                table.add_row([row.variant], [number(value) for value in values])
        tables.append(table)
    if reading.fault_rows:
        tables.append(fault_table(reading.fault_rows))
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
