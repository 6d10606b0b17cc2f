"""Loading as the room `scenario` does it alone: what needs traces, costs or layouts is not checked."""

from collections.abc import Sequence
from pathlib import Path

from cluster_sim.scenario.contradictions import contradictions, gather
from cluster_sim.scenario.load import Experiment, read_definition


def load_unchecked(file: Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a file whose traces may be empty; DefinitionError tells what is wrong with it."""
    definition = read_definition(file, overrides)
    found = [contradictions(variant.scenario, file.parent) for variant in definition.variants]
    definition.tell_contradictions(gather(definition.variants, found))
    return definition.experiment()
