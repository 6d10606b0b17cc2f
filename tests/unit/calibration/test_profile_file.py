"""The table that a calibration leaves: it reads back as what was measured, and is written whole or not at all."""

import datetime as dt

import pytest

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.profile_file import plain, toml_text, written
from cluster_sim.calibration.sampling import Measure, Measured, Refused, Unit
from cluster_sim.platform.cost_tables import read_tables
from cluster_sim.platform.provenance import parse_costs

BEFORE = Machine("AMD EPYC 9334", 64, "6.18", is_guest=False, load_1m=0.25, mhz=(2700.0, 3900.0))
AFTER = Machine("AMD EPYC 9334", 64, "6.18", is_guest=False, load_1m=1.5, mhz=(3800.0, 3900.0))
AT = dt.datetime(2026, 11, 26, 16, 5, tzinfo=dt.UTC)


def measure_of(cost: str, unit: Unit) -> Measure:
    return Measure(cost, unit, "does something", lambda _: [])


FOUND = (
    Measured(measure_of("mm.syscall", "us"), value=0.1668, low=0.1638, high=0.1726, rounds=41, outliers=2, disturbed=7),
    Measured(measure_of("copy.zen4_cold_64", "ns"), 19.94, 19.55, 20.54, rounds=48),
    Measured(measure_of("copy.zen4_stream", "GB/s"), 12.52, 11.47, 13.71, rounds=48, disturbed=40, is_busy=True),
)


def test_the_table_reads_back_as_it_was_measured() -> None:
    found = parse_costs(written(Calibration(BEFORE, AFTER, FOUND), AT), "mine.toml")
    assert list(found) == [each.measure.cost for each in FOUND]
    for each in FOUND:
        cost = found[each.measure.cost]
        assert (cost.value, cost.low, cost.high, cost.unit) == (each.value, each.low, each.high, each.measure.unit)
        assert cost.confidence == "measured"
    assert found["mm.syscall"].note == "does something; median of 41 rounds, 2 far out, 7 disturbed and left out"
    assert found["copy.zen4_cold_64"].note == "does something; median of 48 rounds, 0 far out"
    assert found["copy.zen4_stream"].note.endswith("40 disturbed and kept, for the machine was busy")


def test_the_source_names_machine_kernel_date_load_and_frequency() -> None:
    found = parse_costs(written(Calibration(BEFORE, AFTER, FOUND), AT), "mine.toml")
    (source,) = found.sources.values()
    assert source.title == "cluster-sim calibrate on AMD EPYC 9334, 64 CPUs, Linux 6.18, 2026-11-26 16:05 UTC"
    assert source.year == "2026"
    assert "before: load 0.25, 2700 to 3900 MHz; after: load 1.50, 3800 to 3900 MHz" in source.address


def test_what_was_refused_is_a_comment_whatever_its_reason() -> None:
    refused = Refused(measure_of("mm.ioctl", "us"), 'found "nothing"\n[cost.evil]\x00\r')
    text = written(Calibration(BEFORE, AFTER, (FOUND[0], refused)), AT)
    assert '# mm.ioctl: refused, found "nothing" [cost.evil]' in text
    assert list(parse_costs(text, "mine.toml")) == ["mm.syscall"]


def test_a_calibration_of_nothing_is_a_table_too() -> None:
    assert len(read_tables([("mine.toml", written(Calibration(BEFORE, AFTER, ()), AT))])) == 0


@pytest.mark.parametrize("text", ['a "b" \\ c', "tab\tline\nend\r", "\x00\x1f\x7f", "Zen 4 · µs – 𝄞", "\u2028"])
def test_any_text_survives_toml(text: str) -> None:
    table = f'[source.here]\ntitle = {toml_text(text + ".")}\nyear = "2026"\naddress = "here"\n'
    assert parse_costs(table, "mine.toml").sources["here"].title == text + "."


def test_a_comment_keeps_to_its_line() -> None:
    assert plain("one\ntwo\x85three\u2028four") == "one two three four"
