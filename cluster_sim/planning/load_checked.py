"""Loading a definition with all checks: those of its fields, of its arithmetic, and of the files that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster_sim.planning.checks import check_variants
from cluster_sim.scenario.load import Experiment, read_definition
from cluster_sim.scenario.spec import CostOverride
from cluster_sim.shipped import find_workload


def load_checked(path: Path, sets: Sequence[str] = (), costs: Mapping[str, CostOverride] | None = None) -> Experiment:
    """The experiment of a workload file, or of a shipped one by name; DefinitionError tells all that is wrong with it.

    `sets` are overrides (a.b.c=value); `costs` replace a profile's where the definition itself does not.
    """
    file = find_workload(path)
    definition = read_definition(file, sets, costs)
    definition.tell_contradictions(check_variants(definition.variants, file.parent))
    return definition.experiment()
