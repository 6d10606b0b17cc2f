"""Joint samples of costs: a Latin hypercube, so that few samples still go through each range evenly.

Each cost's draws are keyed by its name: one more cost moves no other's.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cluster_sim.analysis.studies.factors import Factor, Values
from cluster_sim.chance.keyed_draws import draw
from cluster_sim.chance.samples import hashes, shuffled


def joint_samples(factors: Sequence[Factor], samples: int, seed: int) -> list[Values]:
    """Costs of each sample, all of them moved together, each anywhere in its range."""
    columns = [(factor, shares(factor.name, samples, seed)) for factor in factors]
    return [
        {name: value for factor, column in columns for name, value in factor.at(float(column[number])).items()}
        for number in range(samples)
    ]


def shares(name: str, samples: int, seed: int) -> npt.NDArray[np.float64]:
    """Where in its range a cost lies at each sample: once in each of as many equal parts, anywhere in it."""
    key = draw(1 << 63, seed, "costs", name)
    inside = hashes(samples, samples, key) / 2.0**64  # numbers that the order does not take
    return (shuffled(samples, key) + inside) / samples
