"""Axes: their product, exclusions, the baseline, and what an override leaves of them."""

from collections.abc import Callable

import pytest

from cluster_sim.scenario.axes import resolve, runs
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.problems import DefinitionError, Problem
from cluster_sim.scenario.spec import GuestGroupSpec
from cluster_sim.scenario.workload_spec import VideoWorkload

Loader = Callable[..., Experiment]
Teller = Callable[..., list[Problem]]


def first_video(group: GuestGroupSpec) -> VideoWorkload:
    """The first workload of a group, which is a video."""
    video = group.workloads[0]
    assert isinstance(video, VideoWorkload)
    return video


def test_variants_are_the_product_in_declared_order_without_the_excluded(good_text: str, load_text: Loader) -> None:
    assert [variant.label for variant in load_text(good_text).variants] == [
        "none.swiotlb",
        "none.convert-4k",
        "none.pool-zero",
        "none.direct",
        "pkvm.swiotlb",
        "pkvm.convert-4k",
        "pkvm.pool-zero",
        "tdx.swiotlb",
        "tdx.convert-4k",
        "tdx.pool-zero",
    ]


def test_a_definition_without_axes_is_one_variant_called_only(good_text: str, load_text: Loader) -> None:
    text = good_text[: good_text.index("axes:")] + "protection: none\nio_path: {kind: direct}\n"
    (variant,) = load_text(text).variants
    assert (variant.label, variant.axis_labels) == ("only", {})


def test_an_axis_value_lands_in_the_group_of_that_name(good_text: str, load_text: Loader) -> None:
    text = good_text.replace("  protection: [", "  guests.raw.workloads.0.buffers: [4, 8]\n  protection: [")
    variants = load_text(text).variants
    assert [first_video(v.scenario.guests[0]).buffers for v in variants] == [4] * 10 + [8] * 10
    assert {first_video(v.scenario.guests[1]).buffers for v in variants} == {10}


def test_labels_of_a_list_are_the_values_text_made_safe(good_text: str, load_text: Loader) -> None:
    text = good_text.replace("  protection: [", "  guests.raw.workloads.0.deadline: [1.5ms, 2ms]\n  protection: [")
    assert {v.axis_labels["guests.raw.workloads.0.deadline"] for v in load_text(text).variants} == {"1-5ms", "2ms"}


def test_runs_are_variants_times_replications_with_one_seed(good_text: str, load_text: Loader) -> None:
    experiment = load_text(good_text, "replications=3", "seed=7", "protection=pkvm")
    made = runs(experiment.spec, experiment.variants)
    assert [(run.variant.label, run.replication, run.seed) for run in made[:4]] == [
        ("pkvm.swiotlb", 0, 7),
        ("pkvm.swiotlb", 1, 7),
        ("pkvm.swiotlb", 2, 7),
        ("pkvm.convert-4k", 0, 7),
    ]


def test_resolving_again_gives_the_same_variants(good_text: str, load_text: Loader) -> None:
    experiment = load_text(good_text)
    assert resolve(experiment.spec) == experiment.variants


def test_resolving_refuses_an_axis_that_does_not_fit(good_text: str, load_text: Loader) -> None:
    broken = load_text(good_text).spec.model_copy(update={"axes": {"io_path": {"x": 3}}})
    with pytest.raises(DefinitionError, match=r"axes\.io_path\.x"):
        resolve(broken)


@pytest.mark.parametrize(
    ("overrides", "labels"),
    [
        (["protection=pkvm"], ["pkvm.swiotlb", "pkvm.convert-4k", "pkvm.pool-zero"]),
        (["protection=cca", "io_path=pool-zero"], ["cca.pool-zero"]),
        (["io_path=direct"], ["none.direct"]),
        (["protection=tdx", "io_path={kind: convert, granule: 2MiB}"], ["tdx.set"]),
        (["protection=tdx", "axes.io_path=null", "baseline={}"], []),
        (
            ["axes.protection=[cca]", "exclude=[{io_path: [direct, swiotlb]}]", "baseline={}"],
            ["cca.convert-4k", "cca.pool-zero"],
        ),
        (["axes.io_path={a: {kind: swiotlb}}", "exclude=[]", "baseline={}"], ["none.a", "pkvm.a", "tdx.a"]),
    ],
)
def test_an_override_of_an_axis_leaves_the_one_value(
    good_text: str, load_text: Loader, overrides: list[str], labels: list[str]
) -> None:
    if not labels:
        with pytest.raises(DefinitionError, match=r"--set axes\.io_path"):
            load_text(good_text, *overrides)
        return
    assert [variant.label for variant in load_text(good_text, *overrides).variants] == labels


def test_a_baseline_that_an_override_took_away_falls_to_what_is_left(good_text: str, load_text: Loader) -> None:
    assert load_text(good_text, "io_path=pool-zero").spec.baseline == {"io_path": "pool-zero"}


def test_overrides_set_plain_fields_costs_and_what_was_not_there(good_text: str, load_text: Loader) -> None:
    spec = load_text(
        good_text,
        "guests.raw.memory=1GiB",
        "guests.1.count_per_host=2",
        "guests.raw.workloads.0.playout.startup=1s",
        "costs.cpu.copy.cold={value: .inf, unit: B/s, why: a limit}",
        "axes.io_path.convert-4k.granule=2MiB",
        "axes.cluster.host.cpus=[8, 16]",
    ).spec
    assert spec.guests[0].memory == 1 << 30
    assert spec.guests[1].count_per_host == 2
    assert first_video(spec.guests[0]).playout is not None
    assert list(spec.costs) == ["cpu.copy.cold"]
    assert spec.axes["cluster.host.cpus"] == {"8": 8, "16": 16}


@pytest.mark.parametrize(
    ("override", "field", "found", "allowed"),
    [
        ("guests.raw.memory=4GB2", "--set guests.raw.memory", "'4GB2'", "a size such as"),
        ("guests.rwa.memory=4GiB", "--set guests.rwa.memory", "no 'rwa' in guests", "raw or coded"),
        ("guests.raw.memroy=4GiB", "--set guests.raw.memroy", "an unknown key", "did you mean memory?"),
        ("foo.bar=1", "--set foo.bar", "an unknown key", "name, question"),
        ("name.x=1", "--set name.x", "no 'x' in name", "nothing below"),
        ("seed", "--set seed", "no value", "a.b.c=value"),
        ("seed=[", "--set seed", "no YAML", "YAML"),
        ("seed=", "--set seed", "nothing", "a whole number"),
        ("protection=sgx", "--set protection", "'sgx'", "none, pkvm"),
        ("io_path.copier=engine", "--set io_path.copier", "the axis io_path above", "axes.io_path.LABEL.copier"),
        ("io_path={kind: convert, granule: 1KiB}", "--set io_path.granule", "1KiB", "4KiB, 2MiB or 1GiB"),
        ("axes.io_path.convert-4k.granule=1KiB", "--set axes.io_path.convert-4k.granule", "1KiB", "4KiB, 2MiB or 1GiB"),
        ("axes.guests.raw.name=[a, b]", "--set axes.guests.raw.name", "a name as an axis", "any other"),
        ("axes.guests.0.vcpus=[1, x]", "--set axes.guests.0.vcpus.x", "'x'", "a whole number"),
        ("cluster.host.memory=1GiB", "guests", "3 guests", "at most 1GiB"),
    ],
)
def test_an_override_that_is_wrong_is_told_by_its_own_name(
    good_text: str, problems_of: Teller, override: str, field: str, found: str, allowed: str
) -> None:
    (problem,) = problems_of(good_text, override)
    assert problem.field == field
    assert found in problem.found
    assert allowed in problem.allowed
    assert problem.line is None or not field.startswith("--set")


@pytest.mark.parametrize(
    ("axis", "field", "found"),
    [
        ("io_path.copier: [cpu]", "axes.io_path", "an axis around the axis io_path.copier"),
        (
            "guests.0.vcpus: [1]\n  guests.raw.vcpus: [1, 2]",
            "axes.guests.raw.vcpus",
            "the same field as the axis guests.0",
        ),
    ],
)
def test_axes_that_undo_one_another_are_refused(
    good_text: str, problems_of: Teller, axis: str, field: str, found: str
) -> None:
    (problem,) = problems_of(good_text.replace("axes:", f"axes:\n  {axis}"))
    assert problem.field == field
    assert found in problem.found


def test_a_later_axis_sets_a_field_of_what_an_earlier_one_sets_whole(good_text: str, load_text: Loader) -> None:
    """It holds for each of the earlier one's values, and an override shrinks either."""
    later = good_text.replace("exclude:", "  io_path.copier: [cpu, engine]\nexclude:\n  - {io_path: pool-zero}", 1)
    sets = ("protection=pkvm", "cluster.host.engine={}")
    copiers = {variant.label: variant.scenario.io_path.copier for variant in load_text(later, *sets).variants}
    assert copiers == {
        "pkvm.swiotlb.cpu": "cpu",
        "pkvm.swiotlb.engine": "engine",
        "pkvm.convert-4k.cpu": "cpu",
        "pkvm.convert-4k.engine": "engine",
    }
    (variant,) = load_text(later, *sets, "io_path.copier=engine", "io_path=swiotlb").variants
    assert variant.label == "pkvm.swiotlb.engine"


def test_too_many_combinations_are_refused(good_text: str, problems_of: Teller) -> None:
    many = ", ".join(str(i) for i in range(1, 1500))
    told = problems_of(good_text, f"axes.cluster.hosts=[{many}]")
    assert [problem.field for problem in told] == ["axes"]
