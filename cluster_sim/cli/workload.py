"""`cluster-sim workload`: definitions, listed, shown, checked, and their schema."""

import json

import typer
import yaml
from rich.text import Text

from cluster_sim.cli.options import Sets, Workload, console, experiment_of, refusing_bad_input
from cluster_sim.scenario.axes import runs
from cluster_sim.scenario.spec import ExperimentSpec
from cluster_sim.shipped import find_workload, shipped_workloads

app = typer.Typer(no_args_is_help=True, help="Workload definitions.")


@app.command("list")
def list_all() -> None:
    """List the shipped definitions with the question that each answers."""
    out = console()
    for path in shipped_workloads():
        definition = yaml.safe_load(path.read_text("utf-8"))
        out.print(Text.assemble((path.stem, "bold"), "  ", definition["question"].strip()), soft_wrap=True)


@app.command()
def show(workload: Workload) -> None:
    """Print a definition as it is written."""
    with refusing_bad_input():
        experiment_of(workload, None)
    typer.echo(find_workload(workload).read_text("utf-8"), nl=False)


@app.command()
def check(workload: Workload, *, sets: Sets = None) -> None:
    """Check a definition and say what it makes; all that is wrong with it otherwise, with exit code 2."""
    with refusing_bad_input():
        experiment = experiment_of(workload, sets)
    every_run = runs(experiment.spec, experiment.variants)
    typer.echo(f"{workload}: good: {len(experiment.variants)} scenarios, {len(every_run)} runs")


@app.command()
def schema() -> None:
    """Print the JSON Schema of definitions."""
    typer.echo(json.dumps(ExperimentSpec.model_json_schema(), indent=2))
