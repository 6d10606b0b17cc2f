"""What a path is to the rest of the program: the steps of one transfer along it, and what it needs of a guest.

Only here is a path told by the class of its definition; docs/simulation.md §paths holds all programs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from cluster_sim.io_paths import convert, direct, shared_pool, swiotlb
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.io_paths.steps import Program
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import ConvertPath, DirectPath, IoPath, SharedPoolPath, SwiotlbPath
from cluster_sim.scenario.spec import GuestGroupSpec

MakeProgram = Callable[[IoPath, PathContext], Program]


def program(path: IoPath, context: PathContext) -> Program:
    """The program of one transfer along `path`."""
    match path:
        case SwiotlbPath():
            return swiotlb.program(path, context)
        case ConvertPath():
            return convert.program(path, context)
        case SharedPoolPath():
            return shared_pool.program(path, context)
        case DirectPath():
            return direct.program(path, context)
        case _:
            assert_never(path)


def needs(path: IoPath, guest: GuestGroupSpec, protection: Protection, memory: MemorySpec) -> PathNeeds:
    """What `path` needs for the streams of a guest."""
    cipher_bytes = None if path.crypto_unit == "auto" else path.crypto_unit
    return replace(needs_of_kind(path, guest, protection, memory), cipher_bytes=cipher_bytes)


def needs_of_kind(path: IoPath, guest: GuestGroupSpec, protection: Protection, memory: MemorySpec) -> PathNeeds:
    """What a path of its kind needs."""
    match path:
        case SwiotlbPath():
            return swiotlb.needs(path, guest, protection)
        case ConvertPath():
            return convert.needs(path, protection, memory)
        case SharedPoolPath():
            return shared_pool.needs(path)
        case DirectPath():
            return direct.needs(path)
        case _:
            assert_never(path)
