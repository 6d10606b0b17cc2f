"""The program of one transfer: along which path, which way, for whom. docs/simulation.md §paths holds all of them."""

from collections.abc import Callable
from typing import assert_never

from cluster_sim.io_paths.convert import convert_in_place
from cluster_sim.io_paths.direct import direct
from cluster_sim.io_paths.path_context import Errand
from cluster_sim.io_paths.shared_pool import shared_pool
from cluster_sim.io_paths.steps import Program
from cluster_sim.io_paths.swiotlb import swiotlb, swiotlb_long_lived
from cluster_sim.scenario.path_spec import ConvertPath, DirectPath, IoPath, SharedPoolPath, SwiotlbPath

MakeProgram = Callable[[IoPath, Errand], Program]


def program(path: IoPath, errand: Errand) -> Program:
    """The program of one transfer along `path`."""
    match path:
        case SwiotlbPath(mapping="long_lived"):
            return swiotlb_long_lived(path, errand)
        case SwiotlbPath():
            return swiotlb(path, errand)
        case ConvertPath():
            return convert_in_place(path, errand)
        case SharedPoolPath():
            return shared_pool(path, errand)
        case DirectPath():
            return direct(path.copier, errand)
        case _:
            assert_never(path)
