"""Compiling all that a run calls, once a machine, before its first event."""

import gc

from cluster_sim.compiling.code_cache import has_cache
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.profile import load_profile
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of
from cluster_sim.workloads.frames import compile_frames

SMALLEST_VIDEO = {
    "kind": "video",
    "source": {"kind": "raw", "width": 16, "height": 16, "format": "nv12", "fps": 1},
    "deadline": "1s",
}
SMALLEST_SCENARIO = {
    "duration": "1s",
    "cluster": {"hosts": 1, "host": {"cpus": 1, "memory": "1GiB"}},
    "guests": [{"name": "one", "count_per_host": 1, "vcpus": 1, "memory": "1GiB", "workloads": [SMALLEST_VIDEO]}],
    "protection": "sev-snp",
    "io_path": {"kind": "swiotlb", "mapping": "long_lived"},
    "memory": {"generation": "G4", "huge_page": "2MiB"},
}


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


def compile_all() -> None:
    """Compile the loop, and what Python calls before and after it, by running no events."""
    scenario = ScenarioSpec.model_validate(SMALLEST_SCENARIO)
    sizes = traits_of(scenario.guests[0].workloads[0]).transfer_sizes
    assert sizes is not None
    engine = HostEngine(plan_host(scenario, load_profile(scenario.protection), {("one", 0): sizes}))
    engine.finish()
    engine.gauges().split_huge_pages()
