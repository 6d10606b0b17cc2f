"""Finding what is offered at a rate and not sustained, in the tables of a finished run.

Lost is what was dropped, late, or left behind: unfinished beyond what is in flight on average (Little's law, from the
rate and the mean latency), one for each queue aside. More than `LOST` of a workload's work, or a resource that its work
would use above 1, and it is not sustained. What would be used is what is offered over what was served while the
resource was full; of transfers in flight at the end, as many as can be worked on at once, the half counts as served.
"""

from collections.abc import Mapping
from typing import Final

from cluster_sim.analysis.answers.phrases import amount
from cluster_sim.analysis.overloads.bottlenecks import Short
from cluster_sim.analysis.overloads.offers import Offer, offers_of
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.host_use import HostUse
from cluster_sim.analysis.summaries.sums import DROPPED, Sums
from cluster_sim.results.manifest import Manifest
from cluster_sim.scenario.spec import ScenarioSpec

LOST: Final = 0.05
"""Share of a workload's work, dropped, late or left behind, beyond which it is not sustained."""
FULL: Final = 1.01
"""Use of a resource beyond which work is not sustained, although less than `LOST` of it is lost."""
LEFT: Final = "dropped_guest_left"
CAUSES: Final[Mapping[str, str]] = {
    "dropped_swiotlb_full": "{} found the bounce pool full",
    "dropped_mapping_too_large": "{} need a larger mapping than swiotlb has",
    "dropped_guest_died": "{} came after their guest had died",
}
"""Drops that no rate cures, and how they are told."""


def find_overloads(
    manifest: Manifest, guests: Mapping[Key, Sums], workloads: Mapping[Key, Sums], hosts: Mapping[str, HostUse]
) -> dict[tuple[str, str], Overload]:
    """By (variant, group): of each, the workload that loses the largest share of what it is offered."""
    found: dict[tuple[str, str], Overload] = {}
    known: dict[str, ScenarioSpec | None] = {}
    for key, sums in guests.items():
        variant, group = key
        if not is_suspect(sums, manifest.variants[variant].duration_ns):
            continue
        if variant not in known:
            known[variant] = scenario_of(manifest, variant)
        scenario = known[variant]
        if scenario is None:
            continue
        mine = {each[2:]: one for each, one in workloads.items() if each[:2] == key}
        use = hosts.get(variant, HostUse())
        worst = worst_of(scenario, group, sums, mine, use)
        if worst is not None:
            found[variant, group] = worst
    return found


def is_suspect(sums: Sums, span_ns: int) -> bool:
    """Whether a group may have lost anything at all, of runs that lasted so long."""
    return bool(sums.of("submitted")) and lost_share(sums, span_ns) > 0


def scenario_of(manifest: Manifest, variant: str) -> ScenarioSpec | None:
    """A variant's scenario; None where another version made it."""
    try:
        return ScenarioSpec.model_validate(manifest.variants[variant].scenario)
    except ValueError:
        return None


def worst_of(
    scenario: ScenarioSpec, name: str, sums: Sums, workloads: Mapping[Key, Sums], hosts: HostUse
) -> Overload | None:
    """The overload of a group's workload that loses most; None where all is sustained."""
    group = next(each for each in scenario.guests if each.name == name)
    found: list[tuple[float, Overload]] = []
    for key, offer in offers_of(scenario, name).items():
        mine = workloads.get(key)
        if mine is None or not mine.of("submitted"):
            continue
        lost = lost_share(mine, scenario.duration, offer.queues)
        short = Short(
            scenario=scenario,
            group=group,
            offer=offer,
            sums=sums,
            span_ns=scenario.duration,
            used=served(mine, offer) / max(mine.of("delivered"), 1),
            hosts=hosts,
        )
        overload = overload_of(short, mine, lost) if lost > 0 else None
        if overload is not None:
            found.append((lost, overload))
    return max(found, key=lambda each: each[0], default=(0.0, None))[1]


def lost_share(sums: Sums, span_ns: int, queues: int = 1) -> float:
    """Share of what was submitted to so many queues a guest that was dropped, late or left behind."""
    submitted, delivered = sums.of("submitted"), sums.of("delivered")
    latency_ns = sums.of("latency_ns_sum") / delivered if delivered else 0.0
    in_flight = submitted * latency_ns / span_ns + sums.rows * queues
    behind = max(0.0, sums.of("unfinished") - in_flight)
    return (sums.of("late", *DROPPED) - sums.of(LEFT) + behind) / submitted


def served(sums: Sums, offer: Offer) -> float:
    """Transfers that were served: those delivered, and half of those that were in flight at the end."""
    return sums.of("delivered") + min(sums.of("unfinished"), sums.rows * offer.in_flight) / 2


def overload_of(short: Short, sums: Sums, lost: float) -> Overload | None:
    """What is short, or what becomes of the work; None where it is sustained."""
    offered = offered_rate(sums, short.offer, short.span_ns)
    submitted = sums.of("submitted")
    cause = cause_of(sums)
    resource = None if cause else short.bottleneck()
    use = submitted / served(sums, short.offer) if resource and served(sums, short.offer) else 0.0
    if resource is not None and use > FULL:
        return Overload(offered, offered / use, short.offer.unit, resource, use)
    if lost <= LOST:
        return None
    in_time = offered * (sums.of("delivered") - sums.of("late")) / submitted
    return Overload(
        offered, in_time, short.offer.unit, cause or f"{percent(lost)} are dropped, late or left behind", None
    )


def offered_rate(sums: Sums, offer: Offer, span_ns: int) -> float:
    """What a queue is offered each second: as the definition states it, else as it came."""
    if offer.stated is not None:
        return offer.stated
    return sums.of("submitted") * 1e9 / (sums.rows * offer.queues * span_ns)


def cause_of(sums: Sums) -> str | None:
    """What becomes of most work that is lost, where that is no matter of rates."""
    lost = {name: sums.of(name) for name in (*DROPPED, "late", "unfinished") if name != LEFT}
    most = max(lost, key=lambda name: lost[name])
    return CAUSES[most].format(percent(lost[most] / sums.of("submitted"))) if most in CAUSES else None


def percent(share: float) -> str:
    """A share in a hundred."""
    return f"{amount(100 * share)} %"
