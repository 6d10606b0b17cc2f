"""Laws that hold for every definition that ships, in a short form, and for some that ask too much.

No transfer is lost, and all tables say the same.
"""

from functools import reduce
from operator import add
from pathlib import Path

import polars as pl
import pytest

from cluster_sim import load, open_results, run
from cluster_sim.results.columns import GUESTS, WORK, ledger_columns
from cluster_sim.results.endings import DROP_LABELS
from cluster_sim.results.reader import Results
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.shipped import shipped_workloads

SHORT = ("replications=1", "record=transfers", "duration=250ms", "window=100ms")
FURTHER = {
    "adaptive_players": ("duration=9s", "window=2s", "guests.viewer.count_per_host=3"),
    "block_fio": ("duration=100ms", "window=30ms"),
    "boot_acceptance": ("duration=4s", "window=1500ms"),
    "echo_server": ("duration=10ms", "window=4ms", "guests.server.workloads.0.clients=64"),
    "mixed_tenants": (
        "cluster.host.memory=24GiB",
        "guests.video.arrive.every=4ms",
        "guests.video.arrive.stay=90ms",
        "guests.web.workloads.0.rate_pps=2000",
    ),
    "network_packets": ("duration=120ms", "window=50ms"),
    "swiotlb_vs_zero_copy": ("cluster.hosts=2",),
    "thousand_hosts": ("cluster.hosts=3", "guests.stream.count_per_host=8"),
    "video_streaming": ("duration=800ms", "window=300ms"),
}
OVERLOADED = {
    "small_pools": (
        "swiotlb_vs_zero_copy",
        "cluster.hosts=1",
        "exclude=[]",
        "baseline={}",
        "io_path={kind: swiotlb, mapping: per_transfer, pool: 1MiB, areas: 1}",
        "guests.coded.workloads.0.when_full=drop_oldest",
    ),
    "crowded_rings": (
        "network_packets",
        "duration=30ms",
        "window=10ms",
        "baseline={}",
        "io_path={kind: swiotlb, mapping: per_transfer, pool: 1MiB, areas: 1}",
        "guests.rx.workloads.0.ring=4",
        "guests.rx.workloads.0.consume=100us",
        "guests.tx.workloads.0.size=32KiB",
        "guests.tx.workloads.0.rate_pps=60000",
    ),
    "dropped_answers": (
        "echo_server",
        "duration=20ms",
        "window=7ms",
        "baseline={}",
        "io_path={kind: swiotlb, pool: 1MiB, areas: 1}",
        "guests.server.workloads.0.clients=64",
        "guests.server.workloads.0.response=256KiB",
        "guests.server.workloads.0.timeout=1ms",
        "guests.server.workloads.0.coalesce={usecs: 20us, frames: 4}",
    ),
    "killed_guests": (
        "camera_upload",
        "faults=[{at: 90ms, access: host_load, guest: camera}]",
        "guests.camera.workloads.0.when_full=drop_newest",
        "guests.camera.workloads.0.source.fps=400",
    ),
}
RUN = ("variant", "replication")
GUEST = (*RUN, "host_id", "guest_id")
WORKLOAD = (*GUEST, "workload", "part")
DROPPED = tuple(f"dropped_{label}" for label in DROP_LABELS[1:])
COUNTS = ("submitted", "delivered", *DROPPED, "unfinished", "late", "damaged", "delivered_bytes")
LEDGER = tuple(column.name for column in ledger_columns())
SUMS = (*LEDGER, *(column.name for column in WORK))
FLOW = (*COUNTS, "latency_ns_sum", "latency_ns_max", *SUMS)


@pytest.fixture(scope="module", params=[*(path.stem for path in shipped_workloads()), *OVERLOADED])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    name, *sets = OVERLOADED.get(request.param, (request.param, *FURTHER.get(request.param, ())))
    experiment = load(name, [*SHORT, *sets])
    folder: Path = tmp_path_factory.mktemp("run")
    return open_results(run(experiment, folder, executor="inline").directory)


def table(results: Results, name: str) -> pl.DataFrame:
    """A table with its labels as text."""
    found = pl.from_arrow(results.table(name))
    assert isinstance(found, pl.DataFrame)
    return found.with_columns(pl.col(pl.Categorical).cast(pl.String))


def scenario_of(results: Results, variant: str) -> ScenarioSpec:
    """What a variant was."""
    return ScenarioSpec.model_validate(results.manifest.variants[variant].scenario)


def added_up(transfers: pl.DataFrame) -> pl.DataFrame:
    """What the rows of `transfers` come to, by workload, under the names of the tables."""
    delivered = pl.col("outcome") == "delivered"
    return transfers.group_by(WORKLOAD).agg(
        pl.len().alias("submitted"),
        delivered.sum().alias("delivered"),
        *((pl.col("drop_reason") == label).sum().alias(f"dropped_{label}") for label in DROP_LABELS[1:]),
        (pl.col("outcome") == "unfinished").sum().alias("unfinished"),
        (delivered & (pl.col("handed_ns") > pl.col("deadline_ns"))).sum().alias("late"),
        (delivered & ~pl.col("is_intact")).sum().alias("damaged"),
        pl.col("frame_bytes").filter(delivered).sum().alias("delivered_bytes"),
        pl.col("latency_ns").filter(delivered).sum().alias("latency_ns_sum"),
        pl.col("latency_ns").filter(delivered).max().fill_null(0).alias("latency_ns_max"),
        *(pl.col(name).filter(delivered).sum() for name in SUMS),
    )


def difference(ours: pl.DataFrame, theirs: pl.DataFrame, keys: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Where two tables of the same keys differ; nothing if they do not. Rows that only `theirs` has must be zeros."""
    both = theirs.join(ours, on=keys, how="full", suffix="_ours", coalesce=True)
    wrong = [
        both.filter(pl.col(name).cast(pl.Int64).ne_missing(pl.col(f"{name}_ours").cast(pl.Int64).fill_null(0)))
        .select(*keys, name, f"{name}_ours")
        .head(3)
        for name in names
    ]
    return "\n".join(str(each) for each in wrong if each.height)


def test_what_is_submitted_is_delivered_dropped_for_a_reason_or_unfinished(results: Results) -> None:
    for name in ("guests", "workloads"):
        rows = table(results, name)
        ends = reduce(add, (pl.col(column) for column in ("delivered", *DROPPED, "unfinished")))
        assert rows.height > 0
        assert rows.filter(pl.col("submitted") != ends).is_empty(), name
    assert table(results, "guests")["submitted"].sum() > 0


def test_transfers_add_up_to_what_workloads_say(results: Results) -> None:
    ours = added_up(table(results, "transfers"))
    assert difference(ours, table(results, "workloads"), WORKLOAD, FLOW) == ""


def test_workloads_but_for_boots_add_up_to_what_guests_say(results: Results) -> None:
    names = tuple(name for name in FLOW if name != "latency_ns_max")
    rows = table(results, "workloads").filter(pl.col("part") != "boot")
    ours = rows.group_by(GUEST).agg(pl.col(names).sum(), pl.col("latency_ns_max").max())
    assert difference(ours, table(results, "guests"), GUEST, FLOW) == ""


@pytest.mark.parametrize(
    ("results", "reasons"),
    [
        ("boot_acceptance", {"replaced"}),
        ("mixed_tenants", {"guest_left"}),
        ("small_pools", {"swiotlb_full"}),
        ("crowded_rings", {"no_buffer", "swiotlb_full"}),
        ("killed_guests", {"no_buffer", "guest_died"}),
    ],
    indirect=["results"],
)
def test_what_asks_too_much_is_told_why_it_was_dropped(results: Results, reasons: set[str]) -> None:
    found = table(results, "transfers").filter(pl.col("outcome") == "dropped")
    assert reasons <= set(found["drop_reason"].unique())
    assert sum(table(results, "guests")[f"dropped_{reason}"].sum() for reason in reasons) > 0


def test_histograms_count_every_delivered_transfer(results: Results) -> None:
    for name in ("guests", "workloads"):
        rows = table(results, name)
        assert (rows["latency_count"].list.sum() == rows["delivered"]).all(), name


def test_the_ledger_of_every_transfer_is_its_latency(results: Results) -> None:
    rows = table(results, "transfers")
    booked = reduce(add, (pl.col(name) for name in LEDGER))
    spans = rows.select(
        (booked == pl.col("latency_ns")).all().alias("ledger"),
        (pl.col("ended_ns") - pl.col("submitted_ns") == pl.col("latency_ns")).all().alias("latency"),
        (pl.min_horizontal(*LEDGER) >= 0).all().alias("nothing is given back"),
        pl.col("submitted_ns").is_between(pl.col("origin_ns"), pl.col("handed_ns")).all().alias("handed after"),
        (pl.col("handed_ns") <= pl.col("ended_ns")).all().alias("ended after"),
    )
    assert all(spans.row(0)), spans


def test_a_drop_has_a_reason_and_nothing_else_has_one(results: Results) -> None:
    rows = table(results, "transfers")
    assert rows.filter((pl.col("outcome") == "dropped") != (pl.col("drop_reason") != "")).is_empty()
    assert set(rows["outcome"].unique()) <= {"delivered", "dropped", "unfinished"}


def test_what_is_unfinished_lasts_to_the_end_of_the_run_and_nothing_lasts_longer(results: Results) -> None:
    for (variant,), rows in table(results, "transfers").group_by("variant"):
        end_ns = scenario_of(results, str(variant)).duration
        late = pl.col("ended_ns") != end_ns
        assert rows.filter((pl.col("outcome") == "unfinished") & late).is_empty(), variant
        assert rows.filter((pl.col("outcome") != "unfinished") & (pl.col("ended_ns") >= end_ns)).is_empty(), variant


def test_no_transfer_comes_twice_and_none_is_left_out(results: Results) -> None:
    stream = (*WORKLOAD, "job")
    rows = table(results, "transfers").filter(pl.col("part") == "requests")
    numbers = rows.group_by(stream).agg(
        pl.col("frame_index").n_unique().alias("different"),
        pl.len().alias("all"),
        (pl.col("frame_index").max() - pl.col("frame_index").min() + 1).alias("span"),
    )
    assert numbers.height > 0
    assert numbers.filter((pl.col("different") != pl.col("all")) | (pl.col("all") != pl.col("span"))).is_empty()


def test_no_transfer_is_damaged(results: Results) -> None:
    assert table(results, "transfers")["is_intact"].all()


def test_conversions_of_a_guest_are_those_of_its_transfers(results: Results) -> None:
    ours = (
        table(results, "transfers")
        .group_by(GUEST)
        .agg(pl.col("conversions").sum().alias("granules"), pl.col("converted_pages").sum().alias("pages"))
    )
    assert difference(ours, table(results, "conversions"), GUEST, ("granules", "pages")) == ""


def test_every_guest_is_placed_and_in_the_tables_or_refused_and_nowhere(results: Results) -> None:
    placements, guests = table(results, "placements"), table(results, "guests")
    assert placements.select(*RUN, "guest_id").is_duplicated().sum() == 0
    placed, refused = (placements.filter(pl.col("outcome") == outcome) for outcome in ("placed", "refused"))
    assert placed.height + refused.height == placements.height
    assert set(placed.select(GUEST).rows()) == set(guests.select(GUEST).rows())
    assert (placed["refused_for"] == "").all()
    assert (refused["host_id"] == -1).all()
    assert (refused["refused_for"] != "").all()
    for name in ("transfers", "workloads", "windows", "conversions"):
        assert set(table(results, name).select(GUEST).unique().rows()) <= set(guests.select(GUEST).rows()), name


def test_windows_are_what_was_submitted_and_ended_within_them_and_add_up_to_the_guest(results: Results) -> None:
    transfers, windows = table(results, "transfers"), table(results, "windows")
    rows = transfers.filter(pl.col("part") != "boot")
    for (variant,), mine in windows.group_by("variant"):
        scenario = scenario_of(results, str(variant))
        count = -(-scenario.duration // scenario.window)
        assert sorted(mine["window"].unique()) == list(range(count))
        of_variant = rows.filter(pl.col("variant") == variant)
        key = (*GUEST, "window")
        delivered = pl.col("outcome") == "delivered"
        began = of_variant.with_columns((pl.col("submitted_ns") // scenario.window).cast(pl.Int32).alias("window"))
        ended = of_variant.with_columns((pl.col("ended_ns") // scenario.window).cast(pl.Int32).alias("window"))
        submitted = began.group_by(key).agg(pl.len().alias("submitted"))
        ends = ended.group_by(key).agg(
            delivered.sum().alias("delivered"),
            (pl.col("outcome") == "dropped").sum().alias("dropped"),
            pl.col("is_late").sum().alias("late"),
            pl.col("frame_bytes").filter(delivered).sum().alias("delivered_bytes"),
            pl.col("latency_ns").filter(delivered).max().fill_null(0).alias("latency_ns_max"),
        )
        names: tuple[str, ...] = ("delivered", "dropped", "late", "delivered_bytes", "latency_ns_max")
        in_run = ends.filter(pl.col("window") < count)
        assert difference(submitted, mine, key, ("submitted",)) == ""
        assert difference(in_run, mine, key, names) == ""
    whole = windows.group_by(GUEST).agg(pl.col("submitted", "delivered", "late", "delivered_bytes").sum())
    names = ("submitted", "delivered", "late", "delivered_bytes")
    assert difference(whole, table(results, "guests"), GUEST, names) == ""


def test_the_laws_cover_every_count_of_the_tables() -> None:
    counted = {column.name for column in GUESTS if column.name.startswith("dropped_")}
    assert counted == set(DROPPED)
