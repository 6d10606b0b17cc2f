"""What the guests' software is told of the end of a run."""

from pathlib import Path

from cluster_sim import load, open_results, run

SETS = (
    "replications=1",
    "record=transfers",
    "duration=4s",
    "window=1s",
    "protection=pkvm",
    "io_path=pool-copy",
    "guests.viewer.count_per_host=1",
    "guests.viewer.vcpus=1",
    "guests.viewer.workloads.0.consume=400ms",
)


def test_a_viewer_to_whom_less_came_than_it_wants_to_begin_with_never_begins(tmp_path: Path) -> None:
    """At 400 ms a frame ten frames at most come in 4 s, 0.42 s of media; it wants two seconds."""
    results = open_results(run(load("adaptive_players", SETS), tmp_path, executor="inline").directory)
    guests = results.table("guests").to_pylist()
    assert len(guests) == 2
    for guest in guests:
        assert 0 < guest["delivered"] <= 10
        assert guest["unfinished"] > 48
        assert (guest["play_started"], guest["startup_ns"], guest["played_bits_per_s"]) == (False, 0, 0)


def test_a_viewer_who_has_left_sees_no_freeze_after_it(tmp_path: Path) -> None:
    sets = ["replications=1", "duration=3s", "window=700ms", "io_path=pool-zero", "guests.film-720p.arrive.stay=1s"]
    results = open_results(run(load("video_streaming", sets), tmp_path, executor="inline").directory)
    guests = [row for row in results.table("guests").to_pylist() if row["guest_group"] == "film-720p"]
    assert len(guests) == 32
    for guest in guests:
        assert guest["submitted"] in (24, 25), "one second of 24 frames a second"
        assert guest["play_started"]
        assert (guest["freezes"], guest["frozen_ns"]) == (0, 0)
