"""Where actors go on a Ray cluster: room for each shard, spread over the nodes; and what all nodes must share."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from cluster_sim.actors.shells import GuestActor, HostActor
from cluster_sim.compiling.code_cache import sources_digest
from cluster_sim.refusal import Refusal
from cluster_sim.results.run_directory import RunDirectoryError
from cluster_sim.results.storage import Storage

if TYPE_CHECKING:
    from ray.actor import ActorHandle, ActorProxy

    from cluster_sim.actors.shells import _GuestActor, _HostActor

LOG = logging.getLogger(__name__)
WhenSmall = Literal["pack", "wait"]
Node = dict[str, Any]
SAID_EVERY_S: Final = 10.0
PROBE_S: Final = 60.0


class ClusterError(RunDirectoryError):
    """A cluster on which a run cannot start, for what was found on its nodes."""


@dataclass(slots=True)
class Pair:
    """The two actors of a shard; `token` tells their files from those of a pair before that may still be alive."""

    hosts: "ActorProxy[_HostActor]"
    guests: "ActorProxy[_GuestActor]"
    token: str = ""

    def give_up(self) -> None:
        """End both, whatever they do."""
        for actor in (self.hosts, self.guests):
            ray.kill(cast("ActorHandle[object]", actor))


def cpus_of_nodes() -> list[float]:
    """CPUs of each node that is alive."""
    return [float(node["Resources"].get("CPU", 0)) for node in living_nodes()]


def living_nodes() -> list[Node]:
    """Nodes that are alive."""
    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def share_of_cpu(nodes: Sequence[float], shards: int) -> float:
    """The most CPU, up to one, with which all shards fit on the nodes together."""
    if sum(int(cpus) for cpus in nodes) >= shards:
        return 1.0
    shares = {int(100 * cpus / many) / 100 for cpus in nodes for many in range(1, shards + 1) if cpus >= 0.01 * many}
    fitting = [share for share in shares if share > 0 and sum(int(cpus / share + 1e-9) for cpus in nodes) >= shards]
    return max(fitting, default=0.01)


@dataclass(slots=True)
class ShardPlacement:
    """The room of all shards; a pair that was lost is started anew wherever there is a node."""

    shards: int
    when_small: WhenSmall
    group: PlacementGroup | None = None
    share: float = 1.0

    async def reserve(self) -> None:
        """Wait for the room of all shards, and say so while it lasts; packed tighter where told to and needed."""
        nodes = cpus_of_nodes()
        self.share = share_of_cpu(nodes, self.shards) if self.when_small == "pack" else 1.0
        self.group = placement_group([{"CPU": self.share}] * self.shards, strategy="SPREAD")
        ready = asyncio.ensure_future(_awaited(self.group.ready()))
        while True:
            done, _ = await asyncio.wait([ready], timeout=SAID_EVERY_S)
            if done:
                await ready
                return
            LOG.warning(
                "waiting for room: %d actors ask for %g CPUs each, the cluster has %g in all and %g free; "
                "fewer --actors or --when-small pack would start at once",
                self.shards,
                self.share,
                sum(cpus_of_nodes()),
                ray.available_resources().get("CPU", 0.0),  # type: ignore[no-untyped-call]
            )

    async def pair(self, shard: int, is_again: bool) -> Pair:  # noqa: FBT001 - a conductor's callback
        """Start the pair of a shard: in its own room the first time, afterwards on any node that lives."""
        if is_again or self.group is None:
            return Pair(
                HostActor.options(num_cpus=0, scheduling_strategy="SPREAD").remote(),
                GuestActor.options(num_cpus=0, scheduling_strategy="SPREAD").remote(),
            )
        here = PlacementGroupSchedulingStrategy(self.group, placement_group_bundle_index=shard)
        return Pair(
            HostActor.options(num_cpus=self.share, scheduling_strategy=here).remote(),
            GuestActor.options(num_cpus=0, scheduling_strategy=here).remote(),
        )

    def release(self) -> None:
        """Give the room back."""
        if self.group is not None:
            remove_placement_group(self.group)


async def _awaited(reference: "ray.ObjectRef[object]") -> object:
    return await reference


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a node sees of what a run needs."""

    version: str
    sources: str
    sees_results: bool
    missing: tuple[str, ...]


def look(storage: Storage, token: str, answer: str, files: Sequence[Path]) -> NodeView:
    """Look from a node: for the driver's file in the run directory, and for traces; leave an answer there."""
    try:
        sees = storage.get(f".{token}") == token.encode()
        if sees:
            storage.put(f".{token}.{answer}", answer.encode())
    except OSError:
        sees = False
    missing = tuple(str(file) for file in files if not file.is_file())
    return NodeView(metadata.version("cluster-sim"), sources_digest(), sees, missing)


def check_nodes(storage: Storage, files: Sequence[Path]) -> None:
    """Refuse a cluster whose nodes do not all see the run directory and the traces, or run another version."""
    token = secrets.token_hex(8)
    nodes = [node["NodeID"] for node in living_nodes()]
    storage.put(f".{token}", token.encode())
    try:
        here = look(storage, token, "driver", files)
        looks = [
            ray.remote(num_cpus=0)(look)
            .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
            .remote(storage, token, node, files)
            for node in nodes
        ]
        seen = dict(zip(nodes, ray.get(looks, timeout=PROBE_S), strict=True))
        wrong = [each for node, found in seen.items() for each in wrong_with(node, found, here, storage)]
        wrong += [
            Refusal(f"node {node}", f"another folder under {storage.uri}", "one that all nodes share")
            for node, found in seen.items()
            if found.sees_results and not storage.has(f".{token}.{node}")
        ]
    finally:
        for answer in ("", ".driver", *(f".{node}" for node in nodes)):
            storage.remove(f".{token}{answer}")
    if wrong:
        raise ClusterError.of(wrong)


def wrong_with(node: str, found: NodeView, here: NodeView, storage: Storage) -> list[Refusal]:
    """What keeps a node from running a run."""
    at, wrong = f"node {node}", []
    if (found.version, found.sources) != (here.version, here.sources):
        theirs, mine = (f"{each.version} ({each.sources})" for each in (found, here))
        wrong.append(Refusal(at, f"cluster-sim {theirs}", f"{mine} as on the driver"))
    if not found.sees_results:
        allowed = "a disk that all nodes share, or a URI such as s3://bucket/folder"
        wrong.append(Refusal(at, f"no way to the run directory {storage.uri}", allowed))
    return wrong + [Refusal(at, f"no file {file}", "traces that all nodes can read") for file in found.missing]
