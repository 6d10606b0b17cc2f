"""What all tests share: hypothesis without deadlines, because a busy machine is not a fault; a Ray that keeps here."""

from hypothesis import settings

from cluster_sim.actors.ray_environment import prepare_environment

prepare_environment(None)
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
