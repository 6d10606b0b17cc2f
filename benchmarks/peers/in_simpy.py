"""The reference model in SimPy, as its users would write it: a process a frame, a resource for slots and engine."""

import time
from collections.abc import Generator

import simpy

from benchmarks.peers.model import Model, Timed
from cluster_sim.engine.state import Arrivals


def run_host(model: Model, arrivals: Arrivals) -> int:
    """Run one host; the sum of latencies, ns."""
    env = simpy.Environment()
    engine = simpy.Resource(env)
    total = [0]

    def frame(slots: simpy.Resource) -> Generator[simpy.Event, object, None]:
        came_ns = env.now
        with slots.request() as slot:
            yield slot
            with engine.request() as turn:
                yield turn
                yield env.timeout(model.service_ns)
            yield env.timeout(model.consume_ns)
        total[0] += int(env.now - came_ns)

    def source(instants_ns: list[int]) -> Generator[simpy.Event, object, None]:
        slots = simpy.Resource(env, model.slots)
        for at_ns in instants_ns:
            yield env.timeout(at_ns - env.now)
            env.process(frame(slots))

    for guest in range(model.guests):
        env.process(source(arrivals.at_ns[arrivals.stream == guest].tolist()))
    env.run()
    return total[0]


def run(model: Model, repeat: int) -> Timed:
    """Time all hosts."""
    seconds, total_ns = [], 0
    for _ in range(repeat):
        began = time.perf_counter()
        total_ns = sum(run_host(model, arrivals) for arrivals in model.arrivals)
        seconds.append(time.perf_counter() - began)
    return Timed(sum(len(arrivals.at_ns) for arrivals in model.arrivals), total_ns, tuple(seconds))
