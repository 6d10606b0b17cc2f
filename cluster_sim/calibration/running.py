"""Threads with a CPU each: kept busy beside a measurement, or doing something together."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event, get_ident

from cluster_sim.calibration import loops
from cluster_sim.calibration.sampling import RefusedError, Round, switches_of_this_thread

SPIN_ROUNDS = 10_000_000
"""Some ms, after which a busy thread asks whether it is over; Python's lock is not held meanwhile."""
OF_A_CPU = 0.95
"""A thread that ran for this share of a round had its CPU."""


def cpus() -> list[int]:
    """CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Keep this thread on one CPU, and put it back afterwards where it was allowed before."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


class Others:
    """Threads of this process that keep a CPU each busy without a system call."""

    def __init__(self, clocks: Sequence[int]) -> None:
        self.clocks = clocks

    def ran_ns(self) -> list[int]:
        """For how long each has had a CPU."""
        return [time.clock_gettime_ns(clock) for clock in self.clocks]

    def watched(self, do: Callable[[], Round]) -> Round:
        """A round, which counts as disturbed too if one of the others did not run all the while."""
        began_ns, ran_ns = time.perf_counter_ns(), self.ran_ns()
        found = do()
        wall_ns, ran_since_ns = time.perf_counter_ns() - began_ns, self.ran_ns()
        had_cpu = all(after - before >= OF_A_CPU * wall_ns for before, after in zip(ran_ns, ran_since_ns, strict=True))
        return found if had_cpu else Round(found.value, is_disturbed=True)


@contextmanager
def others(count: int) -> Iterator[Others]:
    """So many busy threads, each on its own CPU, this one on another; RefusedError where there are too few CPUs."""
    ours, *theirs = cpus()
    if count > len(theirs):
        raise RefusedError(f"{len(theirs) + 1} CPUs, and {count + 1} threads would have to run at a time")
    is_over, have_begun = Event(), Barrier(count + 1)
    clocks: list[int] = []
    loops.spin(1)

    def keep_busy(cpu: int) -> None:
        with on_cpu(cpu):
            clocks.append(time.pthread_getcpuclockid(get_ident()))
            have_begun.wait()
            while not is_over.is_set():
                loops.spin(SPIN_ROUNDS)

    with ThreadPoolExecutor(max(count, 1)) as pool, on_cpu(ours):
        busy = [pool.submit(keep_busy, cpu) for cpu in theirs[:count]]
        have_begun.wait()
        try:
            yield Others(clocks)
        finally:
            is_over.set()
            for each in busy:
                each.result()


def together(rounds: int, works: Sequence[Callable[[], object]]) -> list[Round]:
    """Rounds of threads that begin at once, each on its own CPU: ns from the first's begin to the last's end."""
    free = cpus()
    at_once = Barrier(len(works))

    def one(cpu: int, work: Callable[[], object]) -> tuple[int, int, bool]:
        with on_cpu(cpu):
            at_once.wait()
            switches, began_ns = switches_of_this_thread(), time.perf_counter_ns()
            work()
            ended_ns = time.perf_counter_ns()
            return began_ns, ended_ns, switches_of_this_thread() != switches

    found = []
    with ThreadPoolExecutor(len(works)) as pool:
        for _ in range(rounds):
            spans = [job.result() for job in [pool.submit(one, *each) for each in zip(free, works, strict=False)]]
            took_ns = max(ended for _, ended, _ in spans) - min(began for began, _, _ in spans)
            found.append(Round(float(took_ns), any(lost for _, _, lost in spans)))
    return found
