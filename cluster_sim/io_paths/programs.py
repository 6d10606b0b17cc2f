"""The program of one transfer: along which path, which way, for whom. docs/simulation.md §paths holds all of them."""

from collections.abc import Callable
from typing import assert_never

from cluster_sim.io_paths.convert import convert_in_place
from cluster_sim.io_paths.direct import direct
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.shared_pool import shared_pool
from cluster_sim.io_paths.steps import Program
from cluster_sim.io_paths.swiotlb import swiotlb, swiotlb_long_lived
from cluster_sim.scenario.path_spec import ConvertPath, DirectPath, IoPath, SharedPoolPath, SwiotlbPath

MakeProgram = Callable[[IoPath, PathContext], Program]


def program(path: IoPath, context: PathContext) -> Program:
    """The program of one transfer along `path`."""
    match path:
        case SwiotlbPath(mapping="long_lived"):
            return swiotlb_long_lived(path, context)
        case SwiotlbPath():
            return swiotlb(path, context)
        case ConvertPath():
            return convert_in_place(path, context)
        case SharedPoolPath():
            return shared_pool(path, context)
        case DirectPath():
            return direct(path.copier, context)
        case _:
            assert_never(path)
