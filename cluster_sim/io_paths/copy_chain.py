"""How many ends of each copy the transfer itself has brought into the cache before.

What a CPU reads or writes byte by byte is in the last-level cache after that, which is one for all CPUs of a host and
all vCPUs on them. Whoever reads or writes it next finds it there, as far as there is room: how far, the copy curves say
by the transfer's size. DMA leaves what it passes in memory. Each section of a program begins with nothing in the cache:
a buffer that was posted waits for long, and between transfers only the streams' hot share counts. Faults, conversions
and the guest's work on what came bring nothing in.
"""

from dataclasses import replace

from cluster_sim.io_paths.steps import Mover, Op, Program, Range, Step

BY_CPU = (Mover.GUEST, Mover.HOST, Mover.CRYPTO)


def with_warm_ends(program: Program) -> Program:
    """The program with `warm_ends` counted in each copy."""
    return Program(*(counted(section) for section in program.sections))


def counted(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps of one section in their order, skipped ones included: no path copies in one of two branches first."""
    warm: set[Range] = set()
    found = []
    for step in steps:
        is_copy = step.op == Op.COPY
        found.append(replace(step, warm_ends=len(warm.intersection(step.touches))) if is_copy else step)
        if is_copy and step.argument not in BY_CPU:
            warm.difference_update(step.touches)
        else:
            warm.update(step.touches)
    return tuple(found)
