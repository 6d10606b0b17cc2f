"""All that knows numba's insides: the decorators that the model's functions are compiled by.

What is used of numba's insides is checked here, before a module of this room imports any of it.
"""

from cluster_sim.compiling.numba_version import check_numba

check_numba()
