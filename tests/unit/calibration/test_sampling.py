"""Statistics of rounds, by hand; what is refused; the table that comes of it."""

from collections.abc import Sequence

import pytest

from cluster_sim.calibration.catalogue import Calibration, measures
from cluster_sim.calibration.exits import measures as exit_measures
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.profile_file import written
from cluster_sim.calibration.sampling import (
    Effort,
    Measure,
    Measured,
    Refused,
    RefusedError,
    Unit,
    batches,
    measured,
    summarised,
)
from cluster_sim.platform.merging import read_tables
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import UNITS

LITTLE = Effort(rounds=3, warm_up=1, round_ns=1000)
NATIVE = Machine("AMD EPYC 9334", 64, "6.18", is_guest=False, load_1m=0.25, mhz=(2700.0, 3900.0))
NESTED = Machine("AMD EPYC 9334", 2, "6.18", is_guest=True, load_1m=0.0, mhz=())


def measure_of(values: Sequence[float], unit: Unit = "ns", cost: str = "mm.syscall") -> Measure:
    return Measure(cost, unit, "does something", lambda _: values)


def test_median_and_quantiles_of_eleven_rounds() -> None:
    found = summarised(measure_of([]), [float(value) for value in range(11)])
    assert (found.value, found.low, found.high) == (5.0, 1.0, 9.0)
    assert found.spread == pytest.approx(0.8)
    assert (found.rounds, found.outliers) == (11, 0)


def test_a_round_is_apart_beyond_three_quartile_ranges() -> None:
    """Quartiles 102 and 106, range 4: up to 118 is near, 119 is not."""
    near = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0, 117.9]
    assert summarised(measure_of([]), near).outliers == 0
    assert summarised(measure_of([]), [*near[:-1], 118.1]).outliers == 1


def test_rounds_that_are_all_alike_have_no_outlier_but_what_differs_by_more_than_a_tick() -> None:
    assert summarised(measure_of([]), [100.0] * 9 + [105.0]).outliers == 0
    assert summarised(measure_of([]), [100.0] * 9 + [107.0]).outliers == 1


def test_microseconds_are_told_in_theirs_and_rates_as_they_are() -> None:
    assert summarised(measure_of([], "us"), [1500.0]).value == pytest.approx(1.5)
    assert summarised(measure_of([], "GB/s"), [11.5]).value == pytest.approx(11.5)


def test_batches_divide_by_what_they_did() -> None:
    asked: list[int] = []
    found = batches(LITTLE, asked.append, most=10)
    assert len(found) == LITTLE.rounds
    assert max(asked) <= 10
    assert len(set(asked[-LITTLE.rounds :])) == 1


def test_what_cannot_be_measured_says_why() -> None:
    def refuse(_: Effort) -> list[float]:
        raise RefusedError("no such device")

    found = measured(Measure("mm.syscall", "us", "", refuse), LITTLE)
    assert isinstance(found, Refused)
    assert found.reason == "no such device"


@pytest.mark.parametrize("machine", [NESTED])
def test_an_exit_of_a_nested_machine_is_refused(machine: Machine) -> None:
    (exit_of,) = exit_measures(machine)
    assert exit_of.cost == "exit.plain_amd.hypercall"
    found = measured(exit_of, LITTLE)
    assert isinstance(found, Refused)
    assert "hypervisor" in found.reason or "x86" in found.reason


def test_costs_that_ship_are_measured_in_their_own_kind_of_unit() -> None:
    todo = measures(NATIVE)
    assert len({measure.cost for measure in todo}) == len(todo)
    known = [measure for measure in todo if measure.cost in library()]
    assert len(known) >= 40
    for measure in known:
        assert UNITS[measure.unit][1] == UNITS[library()[measure.cost].unit][1], measure.cost


def test_the_table_is_read_back_as_it_was_measured() -> None:
    one = Measured(measure_of([], "us"), value=0.17, low=0.16, high=0.2, rounds=15, outliers=1)
    other = Refused(measure_of([], "us", "mm.ioctl"), 'found "nothing"\n[cost.evil]')
    text = written(Calibration(NATIVE, NATIVE, (one, other)), 2026)
    found = read_tables([("mine.toml", text)])
    assert list(found) == ["mm.syscall"]
    cost = found["mm.syscall"]
    assert (cost.value, cost.low, cost.high, cost.unit, cost.confidence) == (0.17, 0.16, 0.2, "us", "measured")
    assert "15 rounds, 1 far out" in cost.note
    source = found.sources[cost.source]
    assert "AMD EPYC 9334, 64 CPUs, Linux 6.18" in source.title
    assert "load 0.25 before" in source.address
    assert 'mm.ioctl: refused, found "nothing"' in text
    assert "cost.evil" not in found
