"""A run's log: what is said while it runs, in its directory, whether the run ends well or not."""

import logging
from pathlib import Path

import pytest

from cluster_sim.experiments.run_log import LOG_FILE, run_log
from cluster_sim.results.storage import Storage, storage_of

LOG = logging.getLogger("cluster_sim.of_a_test")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Storage:
    """A storage that is on no disk of this machine, as far as the log can tell."""
    monkeypatch.setattr(Storage, "is_local", property(lambda _: False))
    return Storage(str(tmp_path))


def lines_of(folder: Path) -> list[str]:
    text = (folder / LOG_FILE).read_text("utf-8")
    return [line.split(maxsplit=2)[2] for line in text.splitlines()]


def test_what_is_said_is_on_a_local_disk_at_once(tmp_path: Path) -> None:
    with run_log(storage_of(tmp_path)):
        LOG.info("%d of %d runs", 3, 4)
        assert lines_of(tmp_path) == ["INFO 3 of 4 runs"]


def test_elsewhere_it_is_written_when_the_run_ends(elsewhere: Storage, tmp_path: Path) -> None:
    with run_log(elsewhere):
        LOG.warning("a node is gone")
        assert not (tmp_path / LOG_FILE).exists()
    assert lines_of(tmp_path) == ["WARNING a node is gone"]


def test_it_is_written_too_when_the_run_fails(elsewhere: Storage, tmp_path: Path) -> None:
    def fail() -> None:
        with run_log(elsewhere):
            LOG.info("half way")
            raise ValueError("a run failed")

    with pytest.raises(ValueError, match="a run failed"):
        fail()
    assert lines_of(tmp_path) == ["INFO half way"]


def test_before_and_after_the_run_nothing_is_written_and_the_logger_is_as_it_was(tmp_path: Path) -> None:
    logger = logging.getLogger("cluster_sim")
    before = logger.level, list(logger.handlers)
    with run_log(storage_of(tmp_path)):
        LOG.info("within")
    LOG.error("after")
    assert lines_of(tmp_path) == ["INFO within"]
    assert (logger.level, list(logger.handlers)) == before


def test_a_disk_without_room_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).symlink_to("/dev/full")
    with run_log(storage_of(tmp_path)):
        LOG.info("this finds no room")
