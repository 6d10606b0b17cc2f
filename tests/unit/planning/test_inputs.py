"""What a scenario reads: its traces, each once; sizes of what they hold; logs that are replayed as fast as may be."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cluster_sim.planning.inputs import files_of, frames_of, log_of, logs_of, trace_arrays, trace_of, workload_sizes
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import TracedVideo
from cluster_sim.shipped import workloads_directory
from tests.unit.lone_host import Values, scenario

TRACES = workloads_directory()
FILM = "traces/bbb_trailer_720p24.parquet"
RUNGS = ["traces/bbb_x264_720p24_3M.parquet", "traces/bbb_x264_1080p24_6M.parquet"]
LOG = "traces/fio_randrw.parquet"


def of_films(*sources: Values) -> ScenarioSpec:
    workloads: list[JsonValue] = [{"kind": "video", "source": source, "deadline": "40ms"} for source in sources]
    return scenario("pkvm", {"kind": "swiotlb"}, guest={"workloads": workloads})


def of_log(**more: bool) -> ScenarioSpec:
    block: Values = {"kind": "block", "read_iolog": LOG, "iodepth": 4, **more}
    return scenario("pkvm", {"kind": "swiotlb"}, guest={"workloads": [block]})


def test_a_trace_that_several_workloads_name_is_read_once() -> None:
    film: Values = {"kind": "trace", "trace": FILM}
    assert files_of(of_films(film, {**film, "scale": "2"}), TRACES) == [TRACES / FILM]
    assert files_of(of_log(), TRACES) == [TRACES / LOG]
    assert trace_of(TRACES / FILM) is trace_of(TRACES / FILM)
    assert files_of(scenario("pkvm", {"kind": "swiotlb"}), TRACES) == []


def test_a_films_sizes_are_those_of_its_frames_and_scale_with_them() -> None:
    frames = trace_of(TRACES / FILM).size_bytes
    film: Values = {"kind": "trace", "trace": FILM}
    sizes = workload_sizes(of_films(film, {**film, "scale": "2"}), TRACES)
    plain, doubled = sizes["raw", 0], sizes["raw", 1]
    assert (plain.largest, plain.mean) == (int(frames.max()), int(frames.sum()) // len(frames))
    assert (doubled.largest, doubled.mean) == (2 * plain.largest, int(2 * frames.sum()) // len(frames))


def test_an_adaptive_player_must_have_room_for_the_largest_frame_of_any_rung() -> None:
    ladder: Values = {
        "kind": "ladder",
        "rungs": list[JsonValue](RUNGS),
        "player": "bba",
        "link": [{"at": "0s", "rate": "5Mb/s"}],
    }
    found = workload_sizes(of_films(ladder), TRACES)["raw", 0]
    by_rung = [trace_of(TRACES / rung).size_bytes for rung in RUNGS]
    assert found.largest == max(int(sizes.max()) for sizes in by_rung)
    assert found.mean == int(by_rung[-1].mean()), "copies are hot or cold by the dearest rung"


def test_a_films_instants_begin_at_its_first_frame() -> None:
    trace, arrays = trace_of(TRACES / FILM), trace_arrays(TRACES / FILM)
    assert arrays.offsets_ns[0] == 0
    assert (np.diff(arrays.offsets_ns) == np.diff(trace.dts_ns)).all()
    assert trace.is_key[arrays.key_frames].all()
    assert len(arrays.key_frames) == int(trace.is_key.sum())


def test_streams_of_the_same_film_and_scale_share_its_arrays() -> None:
    half = TracedVideo(kind="trace", trace=FILM, scale=Fraction(1, 2))
    assert frames_of(half, TRACES) is frames_of(half, TRACES)
    assert frames_of(half, TRACES) is not frames_of(half.model_copy(update={"scale": Fraction(1)}), TRACES)


def test_a_log_is_handed_to_the_loop_only_where_it_is_replayed_without_stalling() -> None:
    assert logs_of(of_log(replay_no_stall=False), TRACES) == {}
    ((key, rows),) = logs_of(of_log(replay_no_stall=True), TRACES).items()
    log = log_of(TRACES / LOG)
    assert key == ("raw", 0)
    assert rows["bytes"].tolist() == log.size_bytes.tolist()
    assert rows["direction"].tolist() == [int(write) for write in log.is_write]


def test_a_definition_of_its_own_folder_finds_its_traces_there() -> None:
    folder = Path("/somewhere")
    assert files_of(of_log(), folder) == [folder / LOG]
