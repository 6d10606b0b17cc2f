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
        table["op"] = [step.op for step in self.steps]
        table["resource"] = [step.resource or 0 for step in self.steps]
        table["category"] = [step.category or 0 for step in self.steps]
        table["runner"] = [step.runner for step in self.steps]
        table["argument"] = [step.argument for step in self.steps]
        table["range"] = [step.range for step in self.steps]
        table["reads"] = [-1 if step.reads is None or not has_copies else step.reads for step in self.steps]
        table["writes"] = [-1 if step.writes is None or not has_copies else step.writes for step in self.steps]
        table["exits"] = [-1 if step.exits is None else step.exits for step in self.steps]
        table["prices"] = self.prices
        charged = [[number for number, price in enumerate(prices) if price] for prices in self.prices]
        table["first_price"] = [each[0] if each else 0 for each in charged]
        table["last_price"] = [each[-1] + 1 if each else 0 for each in charged]
        return table


def step_prices(step: Step, profile: Profile, vcpus: int, own: Mapping[str, int]) -> list[int]:
    """What a step costs per unit of each count, ns."""
    prices = [0] * COUNT_COUNT
    for charge in step.charges:
        price = own[charge.price] if charge.price in own else profile.price_ns(charge.price, vcpus)
        prices[charge.count] += price
    return prices
