"""Price intervals as a user meets them: in `compare`, in a report's files, from Python; kept, gone on with, refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster_sim import answer, compare, load, open_results, run
from cluster_sim.analysis.figures import COMPARED
from cluster_sim.analysis.price_intervals.price_study import whole_intervals
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.point_evaluator import Progress
from cluster_sim.analysis.studies.study_store import read_study
from cluster_sim.cli import app
from tests.main_job import MAIN_JOB

SETS = [
    "duration=200ms",
    "window=100ms",
    "record=summary",
    "replications=3",
    "cluster.hosts=1",
    "guests.raw.count_per_host=1",
    "guests.coded.count_per_host=1",
    "exclude=[{io_path: [convert-4k, convert-2m, direct]}, {protection: [none, sev-snp, tdx]}]",
]
SAMPLES = 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(load(MAIN_JOB, SETS), tmp_path_factory.mktemp("results"), executor="inline").directory


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def kept(made: Path) -> list[str]:
    """Files of the points beside a run."""
    return sorted(path.name for path in (made / "prices" / "points").iterdir())


def test_compare_and_report_carry_both_intervals_and_run_each_sample_once(made: Path, tmp_path: Path) -> None:
    done = invoke("compare", made, f"--prices={SAMPLES}")
    assert done.exit_code == 0, done.output
    assert "over all costs" in done.output
    assert "at each of 20 joint samples of all costs" in " ".join(done.output.split())
    files = kept(made)
    done = invoke("report", made, f"--prices={SAMPLES}", f"--out={tmp_path}")
    assert done.exit_code == 0, done.output
    assert kept(made) == files, "the report ran nothing that compare had run"
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert told["format"] == 1
    assert told["prices"]["samples"] == SAMPLES
    assert not told["prices"]["is_quick"]
    ratios = [ratio for row in told["rows"] for ratio in row["ratios"].values()]
    assert len(ratios) > 20
    for ratio in ratios:
        assert ratio["sampling"]["low"] <= ratio["ratio"] <= ratio["sampling"]["high"]
        if ratio["prices"] is not None:
            assert ratio["prices"]["low"] <= ratio["ratio"] <= ratio["prices"]["high"]
    assert all(row["ratios"]["p50"]["prices"] for row in told["rows"] if row["ratios"])
    for name in ("report.txt", "report.md", "report.html"):
        assert "joint samples of all costs" in " ".join((tmp_path / name).read_text("utf-8").split()), name


def test_python_gives_rows_both_intervals_and_doubts_whose_joint_range_holds_the_ratio(made: Path) -> None:
    results = open_results(made)
    rows = [row for row in compare(results, prices=SAMPLES) if not row.is_baseline]
    for row in rows:
        for name in COMPARED:
            ratio, prices = row.ratios[name], row.prices[name]
            assert ratio is None or prices is None or prices.low <= ratio.mean <= prices.high
    found = answer(results, prices=SAMPLES)
    joint = [each for each in found.wider_doubts if each.subject == "all costs together"]
    best = [each for each in found.verdicts if each.best is not None]
    assert best
    assert all(any(f"({each.stratum}, {each.group})" in doubt.sentence for doubt in joint) for each in best)
    assert all("within all ranges together" in each.sentence for each in joint)
    assert compare(results)[0].prices == {}, "and none where none were asked for"


def test_ctrl_c_keeps_the_samples_that_were_run(tmp_path: Path) -> None:
    directory = run(load(MAIN_JOB, SETS), tmp_path, executor="inline").directory

    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whole_intervals(RunReading(open_results(directory)), SAMPLES, on_progress=stop)
    assert read_study(directory / "prices").status == "interrupted"
    begun = list[int]()
    whole_intervals(
        RunReading(open_results(directory)), SAMPLES, on_progress=lambda progress: begun.append(progress.done)
    )
    assert begun[0] == 5
    assert read_study(directory / "prices").status == "complete"


def test_too_few_samples_and_several_runs_are_refused(made: Path) -> None:
    done = invoke("report", made, "--prices=5")
    assert done.exit_code == 2
    assert "20 samples or more" in done.output
    done = invoke("compare", made, made, f"--prices={SAMPLES}")
    assert done.exit_code == 2
    assert "one run, whose costs are sampled" in done.output
