"""Chromium, and two pages to open in it; without a browser these tests are skipped by name."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.page import Report, page
from cluster_sim.results.reader import open_results
from tests.browser.hostile_run import hostile_answer, hostile_run, plain_run

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: `make browser` installs it where apt-get may")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run with hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    return hostile_run(plain_run(folder), folder / "run")


@pytest.fixture(scope="session")
def report(hostile: Path) -> Path:
    """Its page."""
    results = open_results(hostile)
    written = hostile / "page.html"
    written.write_text(page(Report(RunReading(results), hostile_answer(results.manifest.question))), "utf-8")
    return written
