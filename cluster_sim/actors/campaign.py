"""All shards of an experiment at once: one conductor each, in one event loop of the driver's."""

import asyncio
import logging

from cluster_sim.actors.conductor import Conductor, Told
from cluster_sim.actors.placement_groups import ShardPlacement, WhenSmall
from cluster_sim.runtime.pace import Pace
from cluster_sim.runtime.run_progress import RunProgress, order_of

LOG = logging.getLogger(__name__)


async def conduct_all(progress: RunProgress, when_small: WhenSmall, snapshot_every: int) -> None:
    """Bring all runs to their end; the first error ends them all."""
    placement = ShardPlacement(progress.shards, when_small)
    await placement.reserve()

    def tell(told: Told) -> None:
        if told.loss is not None:
            progress.losses += 1
            LOG.warning(
                "shard %d lost its actors in %s #%d (%s); goes on at window %d after %.1f s, %d windows again",
                told.shard,
                progress.runs[told.run].variant.label,
                progress.runs[told.run].replication,
                told.loss.reason,
                told.loss.window,
                told.loss.took_s,
                told.loss.windows_again,
            )
            return
        if told.report is not None and told.report.saved_bytes:
            LOG.debug("shard %d: snapshots take %.2f s", told.shard, told.report.saving_s)
        progress.took(told.shard, told.run, told.windows, told.frames)
        if told.result is not None:
            progress.deliver(told.shard, told.run, told.result)

    def conductor(shard: int) -> Conductor:
        return Conductor(
            shard=shard,
            runs=progress.missing(),
            order_of=lambda run: order_of(progress, run, shard),
            make_pair=placement.pair,
            tell=tell,
            pace=Pace(snapshot_every),
            on_ready=progress.actor_came,
        )

    tasks = [asyncio.ensure_future(conductor(shard).conduct()) for shard in range(progress.shards)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        placement.release()
