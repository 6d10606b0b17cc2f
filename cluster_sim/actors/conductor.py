"""Drives one shard's pair of actors through its runs, and starts them anew where they were when they are lost.

Windows are granted some at a time, two such epochs under way, so that the actors never wait for the driver and what
lies between them stays bounded. An epoch is one call of each actor, or, where software looks back, one a window. A
run's windows, snapshots and end are calls in the order of submission; when one of them is lost, both actors are given
up, a new pair begins at the newest snapshot, and whatever follows is asked again.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa
import ray
from ray.exceptions import RayError, RayTaskError

from cluster_sim.actors.placement_groups import Pair
from cluster_sim.runtime.hosts import HostsResult
from cluster_sim.runtime.pace import Pace, Report
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.runtime.snapshot_state import SavedStateError
from cluster_sim.runtime.snapshots import SnapshotError

LOG = logging.getLogger(__name__)
EPOCHS_UNDER_WAY: Final = 2
LOSSES_WITHOUT_PROGRESS: Final = 5


class LostError(Exception):
    """Actors that are lost again and again; the text says where and of what."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Actors that were lost: in which run, where it goes on, how many windows are done again, how long it took."""

    shard: int
    run: int
    window: int
    windows_again: int
    took_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a conductor tells the driver: windows that have ended, or a shard's part of a run, or a loss."""

    shard: int
    run: int
    windows: int = 0
    frames: int = 0
    report: Report | None = None
    result: HostsResult | None = None
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class _Epoch:
    """Windows [first, end) of a run under way: all calls, of which the last two report and, maybe, finish."""

    run: int
    first: int
    end: int
    calls: "list[ray.ObjectRef[None]]"
    report: "ray.ObjectRef[Report]"
    result: "ray.ObjectRef[HostsResult] | None"
    saves: bool


@dataclass(slots=True)
class Conductor:
    """One shard; `order_of` gives its order in a run, None where it has no hosts of it."""

    shard: int
    runs: Sequence[int]
    order_of: Callable[[int], RunOrder | None]
    make_pair: Callable[[int, bool], Awaitable[Pair]]
    tell: Callable[[Told], None]
    pace: Pace
    on_ready: Callable[[], None] = lambda: None
    """Called once, when the first pair is there."""
    orders: dict[int, RunOrder] = field(init=False)
    """Of the runs in which the shard has hosts."""
    pair: Pair | None = None
    ended: "ray.ObjectRef[list[pa.RecordBatch]] | None" = None
    """What the last windows left, of which the guests have not been told."""
    losses: int = 0
    told_up_to: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.orders = {run: order for run in self.runs if (order := self.order_of(run)) is not None}

    async def conduct(self) -> None:
        """Bring all runs to their end; LostError when the actors cannot be kept, else what they raise."""
        runs = list(self.orders)
        if not runs:
            return
        await self._pair_up(is_again=False)
        assert self.pair is not None
        await asyncio.gather(*(actor.report_in.remote() for actor in (self.pair.hosts, self.pair.guests)))
        self.on_ready()
        under_way: deque[_Epoch] = deque()
        position, first = 0, await self._set_up(runs[0])
        while position < len(runs) or under_way:
            while position < len(runs) and len(under_way) < EPOCHS_UNDER_WAY:
                epoch = self._grant(runs[position], first)
                under_way.append(epoch)
                position, first = (position + 1, 0) if epoch.result is not None else (position, epoch.end)
            epoch = under_way[0]
            try:
                await self._wait(epoch)
                under_way.popleft()
            except RayError as error:
                if not is_loss(error):
                    raise
                under_way.clear()
                position = runs.index(epoch.run)
                first = await self._recover(epoch, error)

    def _order(self, run: int) -> RunOrder:
        """The order of a run, with the present pair's token."""
        assert self.pair is not None
        return replace(self.orders[run], token=self.pair.token)

    def _grant(self, run: int, first: int) -> _Epoch:
        """Ask for the next windows of a run, for its snapshot when one is due, and for its end after the last."""
        assert self.pair is not None
        order = self._order(run)
        hosts, guests = self.pair.hosts, self.pair.guests
        calls: list[ray.ObjectRef[None]] = []
        if first == 0:
            calls += [guests.begin.remote(order), hosts.begin.remote(order)]
            self.pace.begin_run()
        end = self.pace.ends(first, order.windows)
        width = 1 if order.looks_back else end - first
        for window in range(first, end, width):
            if order.looks_back:
                calls += self._digest()
            submitted = guests.submit.remote(window, window + width)
            calls += self._digest()
            self.ended = hosts.step.remote(window, submitted)
        is_last = end == order.windows
        saves = not is_last and self.pace.is_due(end)
        if is_last or saves:
            calls += self._digest()
        if saves:
            self.pace.begin_snapshot()
            calls += [hosts.save.remote(), guests.save.remote()]
        report = hosts.report.remote()
        result = hosts.finish.remote(guests.finish.remote()) if is_last else None
        return _Epoch(run, first, end, calls, report, result, saves)

    def _digest(self) -> "list[ray.ObjectRef[None]]":
        """Let the guests take note of what ended last: where they can, they submit more before that is known."""
        assert self.pair is not None
        ended, self.ended = self.ended, None
        return [] if ended is None else [self.pair.guests.digest.remote(ended)]

    async def _wait(self, epoch: _Epoch) -> None:
        """Wait for an epoch, and tell what came of it."""
        began_s = time.monotonic()
        await asyncio.gather(*epoch.calls)
        report = await epoch.report
        result = None if epoch.result is None else await epoch.result
        order = self._order(epoch.run)
        windows = epoch.end - epoch.first
        self.losses = 0
        self.pace.learn(windows, report.frames * windows // epoch.end, time.monotonic() - began_s, report.saving_s)
        if result is not None:
            order.snapshots.clear()
        elif epoch.saves:
            order.snapshots.forget_old(epoch.end)
        new = max(epoch.end - self.told_up_to.get(epoch.run, 0), 0)
        self.told_up_to[epoch.run] = max(epoch.end, self.told_up_to.get(epoch.run, 0))
        self.tell(Told(self.shard, epoch.run, new, report.frames, report, result))

    async def _recover(self, epoch: _Epoch, error: RayError) -> int:
        """Start a new pair where the lost one left its newest snapshot; the window that comes next."""
        began_s = time.monotonic()
        while True:
            self.losses += 1
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if self.losses > LOSSES_WITHOUT_PROGRESS:
                raise LostError(
                    f"the actors of shard {self.shard} were lost {self.losses} times in a row without getting on, "
                    f"last in windows {epoch.first} to {epoch.end - 1}: {type(error).__name__}: {reason}"
                ) from error
            try:
                await self._pair_up(is_again=True)
                first = await self._set_up(epoch.run)
            except RayError as another:
                if not is_loss(another):
                    raise
                error = another
                continue
            again = max(epoch.first - first, 0) + (epoch.end - epoch.first)
            loss = Loss(self.shard, epoch.run, first, again, time.monotonic() - began_s, reason)
            self.tell(Told(self.shard, epoch.run, loss=loss))
            return first

    async def _pair_up(self, *, is_again: bool) -> None:
        """Start a pair of actors, after giving up the one before."""
        if self.pair is not None:
            self.pair.give_up()
        self.ended = None
        self.pair = await self.make_pair(self.shard, is_again)
        self.pair.token = uuid.uuid4().hex[:8]

    async def _set_up(self, run: int) -> int:
        """Set up both actors by the newest snapshot of a run that can be read; the window that comes next."""
        assert self.pair is not None
        order = self._order(run)
        for window in order.snapshots.windows():
            calls = [self.pair.hosts.restore.remote(order, window), self.pair.guests.restore.remote(order, window)]
            try:
                await asyncio.gather(*calls)
            except (SnapshotError, SavedStateError) as error:
                LOG.warning("a snapshot cannot be used, an older one or none will do: %s", error)
            else:
                return window
        return 0


def is_loss(error: RayError) -> bool:
    """Whether an actor, its node or what it had made is gone; else it is what an actor itself raised."""
    if isinstance(error, RayTaskError):
        return isinstance(error.cause, RayError) and is_loss(error.cause)
    return True
