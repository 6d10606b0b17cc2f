"""Runs side by side: what becomes an axis, what is refused and by which words, and what is paired with what."""

from copy import deepcopy

import pytest
from pydantic import JsonValue

from cluster_sim import compare
from cluster_sim.analysis.comparability import join, must_agree
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.results.storage import storage_of
from tests.unit.analysis.synthetic_runs import FRAMES, SCENARIO, GuestRow, SyntheticRun, synthetic

PATHS = {"swiotlb": {"io_path": "swiotlb"}, "pool": {"io_path": "pool"}}


def scenario(**fields: JsonValue) -> dict[str, JsonValue]:
    return {**deepcopy(SCENARIO), **fields}


def run(
    name: str,
    cpu_ns: dict[str, int],
    fields: dict[str, JsonValue] | None = None,
    **kwargs: object,
) -> SyntheticRun:
    """A run named so, of the paths in `cpu_ns`, in two replications."""
    rows = [
        GuestRow(path, number, {"delivered": FRAMES, "host_cpu_ns": (number + 1) * amount})
        for path, amount in cpu_ns.items()
        for number in range(2)
    ]
    scenarios = {path: scenario(io_path={"kind": path}, **(fields or {})) for path in cpu_ns}
    variants = {path: PATHS[path] for path in cpu_ns}
    return synthetic(
        variants,
        rows,
        directory=f"x/{name}",
        scenarios=scenarios,
        baseline={"io_path": "swiotlb"},
        **kwargs,  # type: ignore[arg-type]
    )


def by_label(rows: list[Row]) -> dict[str, Row]:
    return {row.variant: row for row in rows}


def ratio(row: Row) -> float:
    found = row.ratios["host CPU"]
    assert found is not None
    return found.mean


DEARER: dict[str, dict[str, JsonValue]] = {"p": {"prices": {"exit": {"value": 2.0}}}}
BOTH = {"swiotlb": 1_000_000, "pool": 500_000}


def test_the_same_variants_of_two_runs_are_compared_with_the_first_run() -> None:
    faster = {"swiotlb": 800_000, "pool": 100_000}
    rows = by_label(compare([run("old", BOTH), run("new", faster, {"memory": {"generation": "G4"}})]))
    assert set(rows) == {"old.swiotlb", "old.pool", "new.swiotlb", "new.pool"}
    assert rows["new.pool"].axes == {"run": "new", "io_path": "pool"}
    assert ratio(rows["new.swiotlb"]) == pytest.approx(0.8)
    assert ratio(rows["new.pool"]) == pytest.approx(0.2)
    assert rows["old.pool"].is_baseline


def test_a_baseline_within_each_run_may_be_asked_for() -> None:
    new = run("new", {"swiotlb": 800_000, "pool": 100_000})
    rows = by_label(compare([run("old", BOTH), new], {"io_path": "swiotlb"}))
    assert ratio(rows["old.pool"]) == pytest.approx(0.5)
    assert ratio(rows["new.pool"]) == pytest.approx(0.125)


def test_a_field_that_belongs_to_the_design_becomes_the_axis_run_and_is_told() -> None:
    joined = join([run("old", BOTH), run("new", BOTH, {"memory": {"generation": "G4"}})])
    assert joined.differences == ("memory.generation: found 'G3' in old and 'G4' in new",)


def test_paths_that_were_run_apart_are_compared_across_runs() -> None:
    rows = by_label(compare([run("a", {"swiotlb": 1_000_000}), run("b", {"pool": 250_000})]))
    assert ratio(rows["b.pool"]) == pytest.approx(0.25)
    assert not rows["b.pool"].is_baseline


def test_runs_that_differ_in_their_design_lend_each_other_no_baseline() -> None:
    other = run("b", {"pool": 250_000}, {"memory": {"generation": "G4"}})
    assert by_label(compare([run("a", {"swiotlb": 1_000_000}), other]))["b.pool"].ratios == {}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (run("new", BOTH, seed=2), "seed: found 1 in old and 2 in new, allowed: one seed"),
        (run("new", BOTH, version="0.2.0"), "versions.cluster-sim: found '0.1.0' in old and '0.2.0' in new"),
        (run("new", BOTH, {"duration": "2s"}), "duration: found '1s' in old and '2s' in new"),
        (run("new", BOTH, {"cluster": {"hosts": 2}}), "cluster.hosts: found 1 in old and 2 in new"),
        (run("new", BOTH, {"profile": "free"}), "profile: found nothing in old and 'free' in new"),
        (
            run("new", BOTH, profiles=DEARER),
            "profiles.p.prices.exit.value: found 1.0",
        ),
        (
            run("new", BOTH, {"guests": [{"name": "raw", "vcpus": 2, "count": 2, "workloads": []}]}),
            "guests.raw.count: found 1 in old and 2 in new",
        ),
        (
            run("new", BOTH, {"guests": [{"name": "other"}]}),
            "guests.raw.name: found 'raw' in old and nothing",
        ),
    ],
)
def test_runs_of_other_draws_or_other_ground_are_refused_by_field(other: SyntheticRun, told: str) -> None:
    with pytest.raises(ComparisonError) as refused:
        compare([run("old", BOTH), other])
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("field", "agrees"),
    [
        ("duration", True),
        ("cluster.host.cpus", True),
        ("faults", True),
        ("profile", True),
        ("guests.raw.workloads.0.buffers", True),
        ("guests.raw.arrive.every", True),
        ("guests.raw.count_per_host", True),
        ("guests.raw.vcpus", False),
        ("guests.raw.io_path.kind", False),
        ("io_path.kind", False),
        ("memory.generation", False),
        ("costs.exit.snp.value", False),
        ("protection", False),
    ],
)
def test_what_decides_draws_or_ground_must_agree_and_what_is_designed_need_not(field: str, *, agrees: bool) -> None:
    assert must_agree(field) == agrees


def test_all_that_differs_is_told_at_once() -> None:
    with pytest.raises(ComparisonError) as refused:
        compare([run("old", BOTH), run("new", BOTH, {"duration": "2s", "window": "9s"}, seed=3, version="1")])
    text = str(refused.value)
    assert all(f"{field}: found" in text for field in ("seed", "versions.cluster-sim", "duration", "window"))


def test_what_is_kept_of_a_run_and_prices_of_its_own_costs_do_not_matter() -> None:
    cost: JsonValue = {"exit": {"value": 2, "unit": "ns", "why": "doubt"}}
    dear = run("new", BOTH, {"record": "windows", "costs": cost}, profiles=DEARER)
    joined = join([run("old", BOTH), dear])
    assert [each.split(":")[0] for each in joined.differences] == [
        "costs.exit.value",
        "costs.exit.unit",
        "costs.exit.why",
    ]


def test_an_axis_that_only_one_run_has_gets_the_others_value_as_label() -> None:
    def sized(name: str, vcpus: dict[str, int], *, is_axis: bool) -> SyntheticRun:
        guests = {
            label: scenario(guests=[{"name": "raw", "vcpus": count, "count": 1, "workloads": []}])
            for label, count in vcpus.items()
        }
        axes = {label: {"guests.raw.vcpus": f"v{count}"} if is_axis else {} for label, count in vcpus.items()}
        rows = [GuestRow(label, 0, {"delivered": FRAMES}) for label in vcpus]
        return synthetic(axes, rows, directory=f"x/{name}", scenarios=guests)

    joined = join([sized("many", {"two": 2, "four": 4}, is_axis=True), sized("one", {"only": 4}, is_axis=False)])
    assert joined.variants["one.only"].axes == {"run": "one", "guests.raw.vcpus": "v4"}
    assert joined.differences == ()
    joined = join([sized("many", {"two": 2, "four": 4}, is_axis=True), sized("one", {"only": 8}, is_axis=False)])
    assert joined.variants["one.only"].axes == {"run": "one", "guests.raw.vcpus": "8"}


def test_a_run_is_not_compared_with_itself() -> None:
    with pytest.raises(ComparisonError, match="found twice, allowed: each run once"):
        compare([run("old", BOTH), run("old", BOTH)])


def test_runs_of_one_name_are_told_apart() -> None:
    first, second = run("full", BOTH), run("full", BOTH)
    object.__setattr__(second, "storage", storage_of(second.directory.parent.parent / "y" / "full"))
    assert join([first, second]).names == ("made-up/full#1", "made-up/full#2")


def test_a_label_that_stands_for_another_value_is_told() -> None:
    """Each variant is held against the one that has its labels, not against any."""
    old, new = run("old", BOTH), run("new", BOTH)
    record = new.made.variants["pool"]
    wider = record.model_copy(update={"scenario": {**record.scenario, "io_path": {"kind": "pool", "pool": "128MiB"}}})
    made = new.made.model_copy(update={"variants": {**new.made.variants, "pool": wider}})
    joined = join([old, SyntheticRun(new.storage, made=made, rows=new.rows)])
    assert joined.differences == ("io_path.pool: found nothing in old and '128MiB' in new",)
