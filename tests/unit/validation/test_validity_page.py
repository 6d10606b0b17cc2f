"""docs/validity.md: its definitions run, and the figures that it tells are those of the model."""

import re
from collections import Counter
from pathlib import Path

import pytest

from cluster_sim.experiments.pools import InlinePool
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.platform.profile import library, load_profile
from cluster_sim.report.validation import beside_published, number_of
from cluster_sim.runtime.study_point import Point
from cluster_sim.validation.judging import judge
from cluster_sim.validation.target_figures import figures_of_point
from cluster_sim.validation.targets import shipped_targets

PAGE = Path("docs/validity.md")
DEFINITIONS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def per_s(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Transfers a second of every variant of the page's definitions, thousands."""
    found: dict[str, float] = {}
    for number, text in enumerate(DEFINITIONS):
        file = tmp_path_factory.mktemp("page") / f"{number}.yaml"
        file.write_text(text, "utf-8")
        variants = load_checked(file).variants
        points = [Point(variant.scenario, file.parent, 1, 0) for variant in variants]
        for index, by_group in InlinePool().evaluate(points, figures_of_point):
            (figures,) = by_group.values()
            found[f"{number}.{variants[index].label}"] = figures["per_s"] * 1e6
            found[f"{number}.{variants[index].label}.mean"] = figures["mean"] / 1e3
    return found


def test_queues_and_polling_come_to_what_the_page_says(per_s: dict[str, float]) -> None:
    assert [round(per_s[f"0.{each}"]) for each in ("q1.interrupt", "q1.poll")] == [239, 480]
    assert [round(per_s[f"0.q4.{each}"], -1) for each in ("interrupt", "poll")] == [1560, 1920]


def test_jobs_locks_and_pools_come_to_what_the_page_says(per_s: dict[str, float]) -> None:
    assert [round(per_s[f"1.{jobs}.locked"]) for jobs in ("j1", "j4", "j16")] == [284, 228, 184]
    assert [round(per_s[f"1.{jobs}.areas"], -1) for jobs in ("j4", "j16")] == [1120, 4260]
    assert round(per_s["1.j16.small"], -1) == 2200


def test_who_polls_comes_to_what_the_page_says(per_s: dict[str, float]) -> None:
    plain, added = [], []
    for way in ("cache.sleeps.interrupt", "cache.looks.poll", "drive.sleeps.interrupt", "drive.looks.poll"):
        plain.append(per_s[f"2.vm.direct.{way}.mean"])
        added.append(per_s[f"2.snp.bounce.{way}.mean"] - plain[-1])
    assert [round(each, 1) for each in plain[:2]] == [13.8, 2.7]
    assert [round(each, 1) for each in added[:2]] == [17.8, 1.9]
    assert [round(100 * more / time, 1) for more, time in zip(added[2:], plain[2:], strict=True)] == [18.9, 2.3]


def test_the_pages_table_is_that_of_the_command() -> None:
    row = (
        r"^\| (?:T\d\d|) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| .+? \| .+? \| (.+?)(?:, range reaches in)? \|$"
    )
    rows = re.findall(row, PAGE.read_text("utf-8"), re.MULTILINE)
    found = [
        (
            figure.figure.name,
            number_of(figure.figure.published),
            " .. ".join(map(number_of, figure.figure.window)),
            number_of(figure.value),
            beside_published(figure),
            figure.verdict.value,
        )
        for target in judge(shipped_targets(), 0, InlinePool(), lambda _done, _total: None)
        for figure in target.figures
    ]
    assert rows == found


def test_the_page_counts_the_costs_as_they_are() -> None:
    text = PAGE.read_text("utf-8")
    kinds = Counter(cost.confidence for cost in library().values())
    told = f"{len(library())} costs: {kinds['measured']} measured, {kinds['published']} published, "
    assert f"{told}{kinds['stand-in']} stand-ins, {kinds['estimated']} estimated" in text
    for technology in ("none", "pkvm", "sev-snp", "tdx", "cca"):
        prices = load_profile(technology).prices.values()
        kinds = Counter(price.cost.confidence for price in prices if price.cost is not None and price.cost.value)
        numbers = " | ".join(str(kinds[known]) for known in ("measured", "published", "stand-in", "estimated"))
        assert f"| {technology} | {numbers} |" in text
