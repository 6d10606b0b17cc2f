"""All programs of a host in one table: steps with what each costs per unit of each count."""

from collections.abc import Mapping

import numpy as np

from cluster_sim.engine.host_spec import STEP, Records
from cluster_sim.io_paths.cache_ends import once_a_section
from cluster_sim.io_paths.steps import BY_CPU, COUNT_COUNT, Op, Program, Step
from cluster_sim.platform.profile import Profile


class Programs:
    """All programs of a host in one table; equal streams of a group share theirs."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.steps: list[Step] = []
        self.prices: list[list[int]] = []
        self.entries: dict[tuple[object, ...], int] = {}
        """Where each begins."""
        self.programs: dict[tuple[object, ...], Program] = {}

    def add(self, key: tuple[object, ...], program: Program, vcpus: int, own: Mapping[str, int]) -> None:
        """Add a program; `own` are prices that the definition gives."""
        program = once_a_section(program)
        self.entries[key] = len(self.steps)
        self.programs[key] = program
        for step in program.all_steps:
            self.steps.append(step)
            self.prices.append(step_prices(step, self.profile, vcpus, own))

    def table(self) -> Records:
        """The table as the loop reads it; without copies by CPUs, nobody asks what is in the cache."""
        table = np.zeros(len(self.steps), STEP)
        has_copies = any(step.op == Op.COPY and step.argument in BY_CPU for step in self.steps)
        for row, step, prices in zip(table, self.steps, self.prices, strict=True):
            charged = np.flatnonzero(prices)
            row["op"] = step.op
            row["resource"] = step.resource or 0
            row["category"] = step.category or 0
            row["runner"] = step.runner
            row["argument"] = step.argument
            row["range"] = step.range
            row["reads"] = -1 if step.reads is None or not has_copies else step.reads
            row["writes"] = -1 if step.writes is None or not has_copies else step.writes
            row["exits"] = -1 if step.exits is None else step.exits
            row["prices"] = prices
            row["first_price"], row["last_price"] = (charged[0], charged[-1] + 1) if len(charged) else (0, 0)
        return table


def step_prices(step: Step, profile: Profile, vcpus: int, own: Mapping[str, int]) -> list[int]:
    """What a step costs per unit of each count, ns."""
    prices = [0] * COUNT_COUNT
    for charge in step.charges:
        price = own[charge.price] if charge.price in own else profile.price_ns(charge.price, vcpus)
        prices[charge.count] += price
    return prices
