"""The reference model in salabim, as its users would write it: a component a frame, resources for slots and engine."""

import time
from collections.abc import Generator

import salabim

from benchmarks.peers.model import Model, Timed
from cluster_sim.engine.state import Arrivals

salabim.yieldless(False)


def run_host(model: Model, arrivals: Arrivals) -> int:
    """Run one host; the sum of latencies, ns (salabim keeps time as a float, exact up to 2^53)."""
    env = salabim.Environment(trace=False, random_seed=1)
    engine = salabim.Resource("engine")
    total = [0]

    class Frame(salabim.Component):
        def process(self, slots: salabim.Resource) -> Generator[None, None, None]:
            came_ns = env.now()
            yield self.request(slots)
            yield self.request(engine)
            yield self.hold(model.service_ns)
            self.release(engine)
            yield self.hold(model.consume_ns)
            self.release(slots)
            total[0] += int(env.now() - came_ns)

    class Source(salabim.Component):
        def process(self, instants_ns: list[int]) -> Generator[None, None, None]:
            slots = salabim.Resource("slots", capacity=model.slots)
            for at_ns in instants_ns:
                yield self.hold(till=at_ns)
                Frame(slots=slots)

    for guest in range(model.guests):
        Source(instants_ns=arrivals.at_ns[arrivals.stream == guest].tolist())
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
