"""The reference model as a program of steps, run by the engine that runs everything else."""

import time

from benchmarks.peers.model import DEFINITION, Model, Timed
from cluster_sim.engine.stream_sums import FIELD
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import NETWORK_LATENCY, WORK, end
from cluster_sim.io_paths.steps import Charge, Count, Op, Program, Resource, Runner, Step, acquire, release, spend
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.inputs import workload_sizes
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.path_spec import IoPath


def program(path: IoPath, context: PathContext) -> Program:
    """Slot, engine, consumer."""
    del path, context
    return Program(
        (
            Step(Op.TAKE_BUFFER, "take a slot", category=Category.QUEUE_WAIT),
            acquire(Resource.ENGINE, "wait for the engine"),
            spend("the engine copies", Category.ENGINE_COPY, Runner.NOBODY, Charge(NETWORK_LATENCY)),
            release(Resource.ENGINE),
            spend("the consumer works", Category.WORK, Runner.NOBODY, Charge(WORK, Count.WORK)),
            *end(),
        )
    )


def run(model: Model, repeat: int) -> Timed:
    """Time the loop over all hosts."""
    sizes, profile = workload_sizes(model.scenario, DEFINITION.parent), profile_of(model.scenario)
    seconds: list[float] = []
    engines: list[HostEngine] = []
    for _ in range(repeat + 1):
        engines = [HostEngine(plan_host(model.scenario, profile, sizes, make_program=program)) for _ in model.arrivals]
        began = time.perf_counter()
        for engine, arrivals in zip(engines, model.arrivals, strict=True):
            for _done in engine.advance(arrivals, model.end_ns):
                engine.take_keys()
        seconds.append(time.perf_counter() - began)
    sums = sum(engine.gauges().totals().sums.sum(axis=0) for engine in engines)
    return Timed(int(sums[FIELD["delivered"]]), int(sums[FIELD["latency_ns_sum"]]), tuple(seconds[1:]))
