"""`cluster-sim`: one file a command group, no logic of its own; a command's file is imported when it is asked for.

Exit codes: 0 done, 1 a run failed or the model differs from the kernel, 2 bad input, 3 no kernel to ask.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click.core import Command, Context

COMMANDS = (
    "run",
    "compare",
    "report",
    "explain",
    "crossover",
    "sensitivity",
    "oracle",
    "calibrate",
    "profile",
    "validate",
    "workload",
    "trace",
)
"""Each is a module of this package, with a function of its name, or with an `app` of several commands."""


class CommandsByName(TyperGroup):
    """Commands that are imported by name, since some of them bring libraries that take seconds."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """All of them, in the order of the README."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """One of them; None if there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__name__}.{cmd_name}")
        group = getattr(module, "app", None)
        if group is None:
            group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            group.command(cmd_name)(getattr(module, cmd_name))
        command = get_command(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=CommandsByName,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Simulates how protected virtual machines move data.",
)


@app.callback()
def commands() -> None:
    """Simulates how protected virtual machines move data."""


def main() -> None:
    """Run the command line; a numba that cannot compile the model is said in one line."""
    try:
        app()
    except ImportError as error:
        if error.name != "numba":
            raise
        raise SystemExit(str(error)) from None
