"""All shards of an experiment at once: one conductor each, in one event loop of the driver's."""

import asyncio
import logging

from cluster_sim.actors.conductor import Conductor, Told
from cluster_sim.actors.placement_groups import Bundles, WhenSmall
from cluster_sim.runtime.pace import Pace
from cluster_sim.runtime.run_progress import RunBooks, order_of

LOG = logging.getLogger(__name__)


async def conduct_all(books: RunBooks, when_small: WhenSmall, snapshot_every: int) -> None:
    """Bring all runs to their end; the first error ends them all."""
    bundles = Bundles(books.shards, when_small)
    await bundles.reserve()

    def tell(told: Told) -> None:
        if told.loss is not None:
            books.losses += 1
            LOG.warning(
                "shard %d lost its actors in %s #%d (%s); goes on at window %d after %.1f s, %d windows again",
                told.shard,
                books.runs[told.run].variant.label,
                books.runs[told.run].replication,
                told.loss.reason,
                told.loss.window,
                told.loss.took_s,
                told.loss.windows_again,
            )
            return
        if told.report is not None and told.report.saved_bytes:
            LOG.debug("shard %d: snapshots take %.2f s", told.shard, told.report.saving_s)
        books.took(told.shard, told.run, told.windows, told.frames)
        if told.result is not None:
            books.deliver(told.shard, told.run, told.result)

    def conductor(shard: int) -> Conductor:
        return Conductor(
            shard=shard,
            runs=books.missing(),
            order_of=lambda run: order_of(books, run, shard),
            make_pair=bundles.pair,
            tell=tell,
            pace=Pace(snapshot_every),
            on_ready=books.actor_came,
        )

    tasks = [asyncio.ensure_future(conductor(shard).conduct()) for shard in range(books.shards)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        bundles.release()
