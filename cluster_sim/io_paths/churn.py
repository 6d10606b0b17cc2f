"""The program of conversions for their own sake: a range is shared, held and made private again."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.conversion_steps import convert
from cluster_sim.io_paths.host_side import fault_in, held_by_others
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    handled,
    interrupt,
    leave_guest,
    ring_host,
    worker,
)
from cluster_sim.io_paths.steps import (
    Charge,
    Program,
    Runner,
    spend,
)
from cluster_sim.results.ledger import Category

HOLD = "hold"
"""Price of a range's time as shared, which the definition gives."""


def program(context: PathContext, granule_bytes: int) -> Program:
    """Share a range, let the host touch it, hold it, unshare it."""
    ranged = granule_bytes > PAGE_BYTES
    private = context.protection.has_private_memory
    share = convert(context, to_private=False, is_ranged=ranged) if private else ()
    unshare = convert(context, to_private=True, is_ranged=ranged) if private else ()
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            *share,
            *ring_host(context),
            *worker(context, *fault_in(context), *held_by_others(context), tells=False),
            spend("it stays shared", Category.WORK, Runner.NOBODY, Charge(HOLD)),
            *interrupt(context, told=False),
            *unshare,
            handled(),
            *leave_guest(context),
            *end(),
        )
    )
