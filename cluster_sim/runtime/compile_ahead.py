"""Compiling all that a run calls, once a machine, before its first event."""

import gc

from cluster_sim.compiling.code_cache import has_cache
from cluster_sim.runtime.host_engine import compile_all
from cluster_sim.workloads.frames import compile_frames


def is_first_use() -> bool:
    """Whether the engine will have to be compiled first."""
    return not has_cache()


def compile_once() -> None:
    """Compile the engine here if nobody has, so that the actors find it on disk."""
    if is_first_use():
        gc.disable()  # of all that the compiler makes, nothing is garbage before its end: a fifteenth of its time
        try:
            compile_all()
            compile_frames()
        finally:
            gc.enable()
