"""`cluster-sim profile`: what costs are, where they come from, and in what two tables of them differ."""

from pathlib import Path
from typing import Annotated

import typer

from cluster_sim.cli.options import console, read_profiles, refusing_bad_input
from cluster_sim.platform.cost_tables import over
from cluster_sim.platform.profile import library, load_profile
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.provenance import CostLibrary, ProvenanceError
from cluster_sim.refusal import Refusal
from cluster_sim.report.calibration import costs_table, differences_report, prices_table

SHIPPED = "shipped"

app = typer.Typer(no_args_is_help=True, help="Show tables of costs, and compare them.", pretty_exceptions_enable=False)


@app.command("show")
def show(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]…", help="Tables over the shipped one, which is `shipped`; later ones win."),
    ] = None,
) -> None:
    """Print every cost with its range, how it is known and its source: the shipped ones, and files over them."""
    with refusing_bad_input():
        costs = over([library(), read_profiles([file for file in files or [] if str(file) != SHIPPED])])
    console().print(costs_table(costs), highlight=False)


@app.command("prices")
def prices(
    technology: Annotated[str, typer.Argument(metavar="TECHNOLOGY", help=f"One of {', '.join(PROTECTIONS)}.")],
) -> None:
    """Print every price of a technology: range, how it is known, the costs that it is made of, and what stands in."""
    with refusing_bad_input():
        if technology not in PROTECTIONS:
            raise ProvenanceError("TECHNOLOGY", repr(technology), " | ".join(PROTECTIONS))
        profile = load_profile(technology)
    console().print(prices_table(profile), highlight=False)


@app.command("diff")
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A table, or `shipped`.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="A table, or `shipped`.")],
) -> None:
    """Print the costs in which two tables differ, each laid over the shipped one, side by side with their sources."""
    with refusing_bad_input():
        one, other = all_named([first, second])
    console().print(differences_report(one, other), highlight=False, markup=False)


def all_named(files: list[Path]) -> list[CostLibrary]:
    """Each table over the shipped one; ProvenanceError tells what is wrong with all of them."""
    found: list[CostLibrary] = []
    refusals: dict[Refusal, None] = {}
    for file in files:
        try:
            found.append(over([library(), read_profiles([file] if str(file) != SHIPPED else [])]))
        except ProvenanceError as error:
            refusals |= dict.fromkeys(error.refusals)
    if refusals:
        raise ProvenanceError.of(refusals)
    return found
