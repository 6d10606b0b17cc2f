"""What is not sustained has no ratio and no latency, wherever it is printed; what delivers nothing says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan

from rich.console import Console

from cluster_sim.analysis.comparison import Row, compare
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.run_figures import RunFigures
from cluster_sim.report.comparison import comparison
from cluster_sim.report.plain import short
from tests.unit.analysis.synthetic_runs import FRAMES, GuestRow, SyntheticRun, synthetic

LOCK = Overload(offered=60, sustained=33.0, unit="frames/s", resource="pKVM's host-wide lock", use=60 / 33)
BASELINE = {"io_path": "base"}
PATHS = {label: {"io_path": label} for label in ("base", "locked", "silent", "fine")}


@dataclass(frozen=True)
class Run:
    """A run that is known not to sustain some of its work."""

    results: SyntheticRun
    overloads: Mapping[tuple[str, str], Overload]

    @property
    def figures(self) -> RunFigures:
        return RunFigures(self.results.manifest, self.results.table("guests"), self.results.table("placements"))


def rows_of(overloads: Mapping[tuple[str, str], Overload]) -> dict[str, Row]:
    """Rows by path of four paths, of which one delivers nothing because a pool of 64 MiB cannot hold a frame."""
    delivered: Mapping[str, int | Sequence[int]] = {
        "submitted": FRAMES,
        "delivered": FRAMES,
        "latency_bucket": [900],
        "latency_count": [FRAMES],
    }
    silent: Mapping[str, int | Sequence[int]] = {
        "submitted": FRAMES,
        "dropped_swiotlb_full": FRAMES,
        "pool_bytes": 64 << 20,
    }
    rows = [GuestRow(path, number, silent if path == "silent" else delivered) for path in PATHS for number in (0, 1)]
    run = Run(synthetic(PATHS, rows, baseline=BASELINE), overloads)
    return {row.variant: row for row in compare([run], BASELINE)}


def text_of(rows: Mapping[str, Row]) -> str:
    """The terminal's tables, without line ends."""
    console = Console(width=400, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(comparison(list(rows.values()), BASELINE))
    return captured.get()


def test_an_overloaded_row_has_no_ratio_and_latencies_without_bound() -> None:
    rows = rows_of({("locked", "raw"): LOCK})
    assert rows["locked"].ratios == {}
    assert rows["locked"].differences == {}
    assert rows["locked"].figures["p50"] == rows["locked"].figures["p99.9"] == inf
    assert isnan(rows["locked"].figures["end to end"]), "what it has not is not without bound"
    assert rows["locked"].figures["throughput"] == FRAMES, "what is delivered is known"
    assert rows["fine"].ratios["p50"] is not None


def test_nothing_has_a_ratio_to_an_overloaded_baseline() -> None:
    rows = rows_of({("base", "raw"): LOCK})
    assert rows["fine"].ratios == {}
    assert rows["fine"].figures["p50"] < inf


def test_terminal_tables_say_unbounded_and_what_is_short_and_why_nothing_is_delivered() -> None:
    printed = text_of(rows_of({("locked", "raw"): LOCK}))
    assert "unbounded" in printed
    assert (
        "raw locked does not sustain 60 frames/s: pKVM's host-wide lock would be used 182 %; it sustains 33." in printed
    )
    assert "raw silent delivers nothing: its 64 MiB pool cannot hold the frame." in printed
    assert "unbounded" not in text_of(rows_of({}))


def test_narrow_columns_of_mail_say_it_short() -> None:
    assert short(inf, 7) == "unbd"


def test_three_digits_are_told_where_two_would_say_that_all_is_sustained() -> None:
    near = Overload(offered=60, sustained=58.4, unit="frames/s", resource="the storage", use=60 / 58.4)
    assert near.sentence == "does not sustain 60 frames/s: the storage would be used 103 %; it sustains 58.4"
