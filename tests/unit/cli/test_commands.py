"""The command line as a user meets it: what it prints, where, and with which exit code."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster_sim.cli import app
from cluster_sim.results.run_directory import read_manifest
from cluster_sim.results.storage import storage_of
from tests.main_job import MAIN_JOB

QUICK = [
    "--set=duration=200ms",
    "--set=window=100ms",
    "--set=replications=2",
    "--set=protection=pkvm",
    "--set=cluster.hosts=1",
    "--set=guests.raw.count_per_host=1",
    "--set=guests.coded.count_per_host=1",
]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("results")
    done = invoke("run", MAIN_JOB, "--executor=inline", f"--results={directory}", "--name=first", *QUICK)
    assert done.exit_code == 0, done.output
    return directory


def test_run_prints_the_comparison_and_where_the_tables_lie(tmp_path: Path) -> None:
    done = invoke("run", MAIN_JOB, "--executor=inline", f"--results={tmp_path}", *QUICK)
    assert done.exit_code == 0
    for text in ("protection pkvm", "convert-4k", "p99.9", "ratio to swiotlb", "Tables: ", "fingerprint"):
        assert text in done.output


def test_compare_finds_the_newest_run_of_a_workload(results: Path) -> None:
    done = invoke("compare", str(results / "swiotlb_vs_zero_copy"))
    assert done.exit_code == 0
    assert "pool-zero" in done.output


def test_compare_takes_another_baseline(results: Path) -> None:
    done = invoke("compare", str(results / "swiotlb_vs_zero_copy" / "first"), "--baseline=io_path=pool-copy")
    assert done.exit_code == 0
    assert "ratio to pool-copy" in done.output


@pytest.mark.parametrize(
    ("baseline", "allowed"),
    [("io_path=direct", "swiotlb | convert-4k"), ("path=swiotlb", "protection | io_path"), ("swiotlb", "AXIS=LABEL")],
)
def test_compare_refuses_a_baseline_that_the_run_does_not_have(results: Path, baseline: str, allowed: str) -> None:
    done = invoke("compare", str(results / "swiotlb_vs_zero_copy"), f"--baseline={baseline}")
    assert done.exit_code == 2
    assert allowed in done.stderr


def test_explain_prints_steps_that_sum_to_the_latency_and_their_sources() -> None:
    done = invoke("explain", MAIN_JOB, "--set=protection=sev-snp", "--set=io_path=convert-4k")
    assert done.exit_code == 0
    for text in (
        "12 × 3,553 share_call",
        "760 × 1,000 map_ahead_shared_page",
        "= latency",
        "[1] exit.snp",
        "published",
    ):
        assert text in done.output


def test_explain_says_what_a_stand_in_is_really_of() -> None:
    done = invoke("explain", MAIN_JOB, "--set=protection=tdx", "--set=io_path=swiotlb")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    (woken,) = [line for line in lines if line.lstrip().startswith("[") and "price.zen4.wake_worker" in line][:1]
    told = (
        "price.zen4.wake_worker = notify.thread_wake = 2400 ns (1000..5000), stand-in (a thread woken through a pipe): "
    )
    assert told in woken
    assert any("1 × 2,400 wake_worker" in line and "stand-in [" in line for line in lines)
    assert any(
        "copy.zen4_stream = 11.6 GB/s (9.1..12.3), stand-in (the same on AMD): reference" in line for line in lines
    )
    assert "  serve_ring: all that a vhost-scsi worker does for a request at its limit stands in" in lines


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        ("{generation: G4, huge_page: 2MiB}", "split and merge huge pages"),
        ("{generation: G0}", "free the other backing's pages"),
        ("{backing: exclusive_pin}", "flip the exclusive pins"),
        ("{pins: {lasts: forever}}", "calls to unshare"),
    ],
)
def test_explain_shows_what_memory_costs_and_leaves_pins_of_others_out(memory: str, text: str) -> None:
    sets = ("--set=protection=pkvm", "--set=io_path=convert-4k", f"--set=memory={memory}")
    done = invoke("explain", MAIN_JOB, *sets)
    assert done.exit_code == 0, done.output
    assert text in done.output
    assert "pin_wait" not in done.output


def test_explain_shows_what_a_slow_bus_adds_to_a_copy() -> None:
    sets = ("--set=protection=pkvm", "--set=io_path=pool-copy", "--set=cluster.host.memory_bandwidth=5GB/s")
    done = invoke("explain", MAIN_JOB, *sets)
    assert done.exit_code == 0, done.output
    assert "wait for the memory bus" in done.output
    assert "bandwidth_wait" in done.output


def test_workload_check_counts_scenarios_and_runs() -> None:
    done = invoke("workload", "check", "swiotlb_vs_zero_copy")
    assert done.exit_code == 0
    assert "64 scenarios, 320 runs" in done.output


def test_workload_schema_is_json_and_names_the_fields() -> None:
    schema = json.loads(invoke("workload", "schema").output)
    assert {"name", "question", "axes", "guests", "cluster"} <= set(schema["properties"])


def test_workload_list_and_show_know_the_shipped_definitions() -> None:
    listed = invoke("workload", "list").output
    assert "swiotlb_vs_zero_copy" in listed
    assert "video_streaming" in listed
    assert "question:" in invoke("workload", "show", "video_streaming").output


@pytest.mark.parametrize(
    ("sets", "named"),
    [
        (["guests.raw.memory=40MiB"], "guests.raw.memory"),
        (["profile=epyc"], "free | zen4"),
        (["costs.exit.snp.nothing={value: 1, unit: us, why: test}"], "exit.snp.nothing"),
        (["costs.gmem.zap_4k_bulk={value: 1, unit: GB/s, why: test}"], "costs"),
        (["guests.coded.workloads.0.buffer=64KiB"], "133785"),
        (["io_path={kind: swiotlb, pool: 768KiB, areas: 2}"], "io_path.pool"),
        (["io_path={kind: swiotlb, pool: 8GiB}"], "io_path"),
        (["guests.raw.workloads.0.source={kind: trace, trace: traces/README.md}"], "trace"),
        (["guests.raw.workloads.0.source={kind: trace, trace: traces/none.parquet}"], "trace"),
        (
            ["guests.raw.workloads.0.source={kind: trace, trace: ../../workloads/traces/fio_randrw.parquet}"],
            "found a trace of requests, allowed: a trace of frames",
        ),
    ],
)
def test_run_refuses_what_cannot_be_before_anything_runs(tmp_path: Path, sets: list[str], named: str) -> None:
    options = [f"--set={text}" for text in sets]
    done = invoke("run", MAIN_JOB, "--executor=inline", f"--results={tmp_path}", *options)
    assert done.exit_code == 2, done.output
    assert named in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_workload_that_does_not_exist_is_bad_input() -> None:
    done = invoke("run", "nowhere.yaml")
    assert done.exit_code == 2
    assert "nowhere.yaml" in done.stderr


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".hidden", "x" * 101])
def test_a_run_name_cannot_leave_the_results_directory(tmp_path: Path, name: str) -> None:
    arguments = ("run", MAIN_JOB, "--executor=inline", f"--results={tmp_path}", f"--name={name}", *QUICK)
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert "run name" in done.stderr


def test_a_name_that_is_taken_is_refused(results: Path) -> None:
    done = invoke("run", MAIN_JOB, "--executor=inline", f"--results={results}", "--name=first", *QUICK)
    assert done.exit_code == 2
    assert "not taken" in done.stderr


@pytest.mark.parametrize("text", ["", "{", '{"format": 2}', "[]"])
def test_compare_refuses_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    done = invoke("compare", str(tmp_path))
    assert done.exit_code == 2
    assert "manifest.json" in done.stderr


def test_a_results_directory_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = invoke("run", MAIN_JOB, "--executor=inline", f"--results={blocked}", *QUICK)
    assert done.exit_code == 2
    assert "cannot make" in done.stderr


def test_a_run_that_is_interrupted_keeps_what_has_ended_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cluster_sim", "run", MAIN_JOB, "--executor=inline", "--name=cut"]
    process = subprocess.Popen([*command, f"--results={tmp_path}", "--set=duration=5s"], stderr=subprocess.PIPE)
    directory = tmp_path / "swiotlb_vs_zero_copy" / "cut"
    # Tables of a third run mean that the first is booked, however slow the disk: files are made before they are full.
    while len(list(directory.glob("guests/*/*/*.parquet"))) < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert b"interrupted" in errors
    manifest = read_manifest(storage_of(directory))
    assert manifest.status == "interrupted"
    assert manifest.parts
    assert invoke("compare", str(directory)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "WORKLOAD: found nothing, allowed: a workload file, a shipped one's name, or --resume RUN"),
        (("swiotlb_vs_zero_copy", "--resume=x"), "--resume: found WORKLOAD too, allowed: the run alone"),
        (("--resume=x", "--name=y", "--set=seed=2"), "--resume: found --name, --set too"),
        (("--resume=/nowhere/at/all",), "/nowhere/at/all: found no run, allowed: a run's directory"),
        (("swiotlb_vs_zero_copy", "--results=bogus://x"), "found Unrecognized filesystem type in URI"),
    ],
)
def test_what_cannot_be_run_or_gone_on_with_is_refused(arguments: tuple[str, ...], told: str) -> None:
    done = invoke("run", "--executor=inline", *arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_a_run_that_was_stopped_goes_on_by_its_name(results: Path, tmp_path: Path) -> None:
    whole = results / "swiotlb_vs_zero_copy" / "first"
    copied = tmp_path / "copied"
    shutil.copytree(whole, copied)
    shutil.rmtree(next((copied / "guests").iterdir()))
    done = invoke("run", f"--resume={copied}", "--executor=inline")
    assert done.exit_code == 0, done.output
    assert read_manifest(storage_of(copied)).fingerprint == read_manifest(storage_of(whole)).fingerprint
    assert "fingerprint" in done.output
