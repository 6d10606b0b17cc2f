"""Which steps bring memory into the host's last-level cache, or move what lies there to the front.

A CPU that reads or writes memory byte by byte leaves it in the last-level cache, which is one for all CPUs of a host
and all vCPUs on them. How much of it is still there when a copy comes back to it, the loop finds by what has passed
the cache since (engine/last_level_cache.py). DMA leaves in memory what it passes. Faults and conversions bring nothing
in.
"""

from dataclasses import replace

from cluster_sim.io_paths.steps import BY_CPU, End, Op, Program, Step


def once_a_section(program: Program) -> Program:
    """The program in which memory that is read or written just before or behind is not noted by what copies nothing."""
    return Program(*(noted_once(section) for section in program.sections))


def noted_once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps of one section in their order, skipped ones included: no path copies in one of two branches first."""
    read: set[End] = set()
    written: set[End] = set()
    found = []
    for number, step in enumerate(steps):
        reads, writes = step.reads, step.writes
        if step.op == Op.MEMORY:
            reads = None if reads in read or is_copied_next(steps[number + 1 :], reads) else reads
            writes = None if writes in written else writes
        is_noted = (reads, writes) == (step.reads, step.writes)
        found.append(step if is_noted else replace(step, reads=reads, writes=writes))
        touched = {end for end in (reads, writes) if end is not None}
        if step.op == Op.DMA or (step.op == Op.COPY and step.argument not in BY_CPU):
            read -= touched
            written -= touched
        else:
            read |= touched
            written |= touched - {reads}
    return tuple(found)


def is_copied_next(steps: tuple[Step, ...], end: End | None) -> bool:
    """Whether the next step that touches an end is a CPU's copy out of it, which is the reading."""
    step = next((step for step in steps if end in (step.reads, step.writes)), None)
    return step is not None and step.op == Op.COPY and step.argument in BY_CPU and step.reads == end
