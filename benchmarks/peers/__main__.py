"""`python -m benchmarks.peers [--repeat 5] [--json FILE]`: frames and events a second of each, and the ratios."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import Figures
from benchmarks.peers import in_cpp, in_engine, in_salabim, in_simpy
from benchmarks.peers.model import EVENTS_A_FRAME, Model, Timed, reference

HOSTS_OF_THE_SLOW = 1
"""Enough hosts for what simulates some thousand frames a second."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them, as timed: frames a second of each repeat."""

    name: str
    mean_latency_ns: float
    frames_per_s: list[float]

    @property
    def median(self) -> float:
        """Median frames a second."""
        return median(self.frames_per_s)


def peer(name: str, timed: Timed, model: Model, engine: Timed) -> Peer:
    """What was timed, once it is known to have simulated the same."""
    assert timed.frames == engine.frames == sum(len(arrivals.at_ns) for arrivals in model.arrivals)
    assert timed.latency_ns_sum == engine.latency_ns_sum, f"{name} has another mean latency"
    return Peer(name, timed.latency_ns_sum / timed.frames, [timed.frames / each for each in timed.seconds])


def main() -> None:
    """Print a line each, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    model = reference()
    small = model.hosts(HOSTS_OF_THE_SLOW)
    load_1m = os.getloadavg()[0]
    engine, on_small = in_engine.run(model, chosen.repeat), in_engine.run(small, 1)
    peers = [peer("engine", engine, model, engine)]
    if in_cpp.is_there():
        peers.append(peer("C++", in_cpp.run(model, chosen.repeat), model, engine))
    peers.append(peer("SimPy", in_simpy.run(small, chosen.repeat), small, on_small))
    peers.append(peer("salabim", in_salabim.run(small, chosen.repeat), small, on_small))
    print(f"{os.cpu_count()} CPUs, load {load_1m:.1f}; medians of {chosen.repeat}, equal latencies to the nanosecond")
    for each in peers:
        frames = each.median
        print(f"{each.name:10} {frames / 1e3:10,.0f} k frames/s {frames * EVENTS_A_FRAME / 1e3:10,.0f} k events/s")
    for each in peers[1:]:
        print(f"engine / {each.name} = {peers[0].median / each.median:.3g}x")
    if not in_cpp.is_there():
        print(f"engine / C++: no {in_cpp.COMPILER} here")
    figures = Figures()
    for each in peers:
        figures.add(each.name, "frames/s", each.frames_per_s)
        figures.add(f"engine / {each.name}", "ratio", [peers[0].median / each.median])
    figures.write(chosen.json)


if __name__ == "__main__":
    main()
