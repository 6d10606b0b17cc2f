"""What all tests share: hypothesis without deadlines, because a busy machine is not a fault; a Ray that keeps here.

Output is as wide as a pipe's, whatever the terminal that the tests run in says of itself.
"""

import os

from hypothesis import settings

from cluster_sim.actors.ray_environment import prepare_environment

os.environ.pop("COLUMNS", None)
prepare_environment(None)
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
