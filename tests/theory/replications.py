"""Replications of a small set-up, written as a workload definition and run like any, and the intervals they give."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml
from pydantic import JsonValue
from scipy import stats

from cluster_sim import load, open_results, run
from cluster_sim.results.reader import Results

Values = dict[str, JsonValue]
Floats = npt.NDArray[np.float64]

REPLICATIONS = 10
CONFIDENCE = 0.99
NS_PER_S = 10**9


@dataclass(frozen=True)
class Interval:
    """A mean over replications, and how far from it the true one may lie (Student's t)."""

    mean: float
    half_width: float

    def holds(self, expected: float) -> bool:
        """Whether `expected` lies in it."""
        return abs(self.mean - expected) <= self.half_width

    @property
    def relative_half_width(self) -> float:
        """How wide it is, as a share of its mean."""
        return self.half_width / self.mean


def interval(samples: Floats) -> Interval:
    """The interval of independent replications."""
    count = len(samples)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
    return Interval(float(samples.mean()), float(quantile * samples.std(ddof=1) / np.sqrt(count)))


@dataclass(frozen=True)
class Replicated:
    """The tables of a set-up's replications, and how long each lasted."""

    results: Results
    duration_ns: int

    def sums(self, table: str, column: str, group: str | None = None) -> Floats:
        """A column summed over the rows of each replication, those of one guest group where one is named."""
        rows: pa.Table = self.results.table(table)
        values = rows[column].to_numpy().astype(np.float64)
        if group is not None:
            values = values * (np.array(rows["guest_group"].to_pylist()) == group)
        sums: Floats = np.zeros(REPLICATIONS)
        np.add.at(sums, rows["replication"].to_numpy(), values)
        return sums

    def a_transfer(self, *columns: str, group: str | None = None) -> Interval:
        """What a delivered transfer has in some columns together, on average."""
        total = sum((self.sums("guests", column, group) for column in columns), np.zeros(REPLICATIONS))
        return interval(total / self.sums("guests", "delivered", group))

    def over_time(self, table: str, column: str) -> Interval:
        """A sum of spans divided by the run's length: how many there were at a time, on average."""
        return interval(self.sums(table, column) / self.duration_ns)


def replicate(
    folder: Path,
    *,
    seed: int,
    duration_ms: int,
    guests: list[Values],
    host: Values | None = None,
    **scene: JsonValue,
) -> Replicated:
    """Run a set-up of one host without protection, whose buffers are shared for good and where no step has a price."""
    definition: Values = {
        "name": "theory",
        "question": "Does it do what theory says?",
        "seed": seed,
        "replications": REPLICATIONS,
        "duration": f"{duration_ms}ms",
        "record": "summary",
        "profile": "free",
        "protection": "none",
        "io_path": {"kind": "shared_pool", "copy": "none"},
        "cluster": {"hosts": 1, "host": {"cpus": 4096, "memory": "64TiB", **(host or {})}},
        "guests": [*guests],
        **scene,
    }
    file = folder / "theory.yaml"
    file.write_text(yaml.safe_dump(definition), encoding="utf-8")
    finished = run(load(file), folder / "results", executor="inline")
    replicated = Replicated(open_results(finished.directory), duration_ms * 1_000_000)
    lost = sum(replicated.sums("guests", column).sum() for column in ("dropped_no_buffer", "dropped_ring_empty"))
    assert lost == 0, "theory's queues have no end"
    return replicated


def guest(vcpus: int, workload: Values, *, count: int = 1, name: str = "g") -> Values:
    """A group of guests with one workload each."""
    return {"name": name, "count_per_host": count, "vcpus": vcpus, "memory": "1GiB", "workloads": [workload]}
