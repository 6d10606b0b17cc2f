"""All deliberate mistakes: in the memory model, and in what transfers do, wait for and pay."""

from tests.mutations.engine_mutants import ENGINE_MUTANTS
from tests.mutations.memory_mutants import MEMORY_MUTANTS
from tests.mutations.path_mutants import PATH_MUTANTS
from tests.mutations.planning_mutants import PLANNING_MUTANTS
from tests.mutations.price_mutants import PRICE_MUTANTS

MUTANTS = (*MEMORY_MUTANTS, *PATH_MUTANTS, *PLANNING_MUTANTS, *PRICE_MUTANTS, *ENGINE_MUTANTS)
