"""What the page embeds cannot end its element, and the command leaves whole files or says what is wrong."""

import json
import re
from pathlib import Path

import altair as alt
import pytest
from typer.testing import CliRunner, Result

from cluster_sim import load, open_results, run
from cluster_sim.cli import app
from cluster_sim.report.chart_list import charts
from cluster_sim.report.charts import PROPERTIES, chart_label
from cluster_sim.report.page import policy, rounded, safe_json
from cluster_sim.report.page_run import profile_sections
from cluster_sim.results.run_directory import MANIFEST, read_manifest
from cluster_sim.results.storage import storage_of
from tests.main_job import MAIN_JOB

SETS = ("duration=200ms", "window=100ms", "replications=2", "protection=pkvm", "cluster.hosts=1")
FEW = ("guests.raw.count_per_host=1", "guests.coded.count_per_host=1")
EACH_GROUP = ("latency", "ledger", "throughput", "cpu", "exits", "exposure")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = load(MAIN_JOB, [*SETS, *FEW])
    return run(experiment, tmp_path_factory.mktemp("run"), executor="inline").directory


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", "--prices=0", *arguments])


def test_json_for_the_script_holds_no_character_of_markup() -> None:
    hostile = {"name": "</script><!--<script>&amp;\u2028"}
    text = safe_json(hostile)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == hostile


def test_the_policy_names_the_hash_of_a_script_and_no_unsafe_one() -> None:
    """The hash of `alert(1)` by openssl."""
    text = policy(["alert(1)"])
    assert "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=';" in text
    assert text.startswith("default-src 'none';")
    assert "unsafe-eval" not in text


def test_a_label_that_every_object_has_is_told_apart_from_the_property() -> None:
    assert chart_label("swiotlb") == "swiotlb"
    assert "__proto__" in PROPERTIES
    assert chart_label("__proto__") not in PROPERTIES


def test_what_is_not_a_number_is_nothing_on_the_page() -> None:
    assert rounded(float("nan")) is None
    assert rounded(float("inf")) is None
    assert rounded(1234567.89) == 1234570.0


def test_a_report_has_the_page_and_two_pictures_a_chart_and_forgets_old_ones(directory: Path, tmp_path: Path) -> None:
    stale, foreign = tmp_path / "charts" / "latency-9.png", tmp_path / "charts" / "mine.png"
    stale.parent.mkdir()
    stale.write_bytes(b"")
    foreign.write_bytes(b"")
    done = invoke(str(directory), f"--out={tmp_path}")
    assert done.exit_code == 0, done.output
    assert "report.html" in done.output
    pictures = {path.name for path in (tmp_path / "charts").iterdir()}
    assert {
        f"{name}-{number}.{kind}" for name in EACH_GROUP for number in (1, 2) for kind in ("svg", "png")
    } <= pictures
    assert (stale.exists(), foreign.exists()) == (False, True)
    assert not list(tmp_path.rglob(".*"))
    assert (tmp_path / "charts" / "latency-1.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert len(page) < 8_000_000
    assert not re.search(r'(src|href)="(?!data:,|#)', re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


def test_html_only_writes_into_the_run_and_nothing_else(directory: Path) -> None:
    done = invoke(str(directory), "--html-only")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (directory / "report").iterdir()] == ["report.html"]


def test_a_second_report_is_the_same(directory: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert invoke(str(directory), f"--out={tmp_path / name}", "--html-only").exit_code == 0
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b" / "report.html").read_bytes()


def test_charts_for_notebooks_are_altair_objects_with_their_rows(directory: Path) -> None:
    found = charts(open_results(directory))
    assert {"latency/raw", "latency/coded", "hosts"} <= set(found)
    plain = found["throughput/raw"].to_dict()
    assert isinstance(found["throughput/raw"], alt.TopLevelMixin)
    assert {row["path"] for row in plain["datasets"]["throughput"]} == {
        "swiotlb",
        "convert-4k",
        "convert-2m",
        "pool-copy",
        "pool-zero",
    }


def test_the_page_says_what_a_stand_in_is_of_beside_its_note(directory: Path) -> None:
    (section,) = profile_sections(read_manifest(storage_of(directory)))
    own = {row.names[0]: row.cells for row in section.costs.rows}["price.zen4.wake_worker"]
    assert own[:3] == ["2,400 ns", "1,000 to 5,000", "stand-in"]
    assert own[-1].endswith("of a kernel thread; a thread woken through a pipe stands in")
    prices = {row.names[0]: row.cells for row in section.prices.rows}
    assert prices["wake_worker"][-2] == "price.zen4.wake_worker"
    assert prices["iommu_map_page"][-1] == "a page of a range; a phone's SMMU stands in"
    assert prices["kick"][-1] == ""


def test_a_report_of_nothing_is_bad_input(tmp_path: Path) -> None:
    done = invoke(str(tmp_path))
    assert done.exit_code == 2
    assert "found no run" in done.stderr


def test_a_report_into_a_file_is_bad_input(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = invoke(str(directory), f"--out={tmp_path / 'file'}")
    assert done.exit_code == 2
    assert "allowed: a directory" in done.stderr


def test_a_manifest_that_is_none_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{}")
    assert invoke(str(tmp_path)).exit_code == 2
