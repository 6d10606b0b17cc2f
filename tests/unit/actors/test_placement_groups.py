"""How much of a CPU each shard gets, where CPUs lie on nodes, and which nodes cannot take part."""

from pathlib import Path

import pytest

from cluster_sim.actors.placement_groups import NodeView, look, share_of_cpu, wrong_with
from cluster_sim.results.storage import storage_of


@pytest.mark.parametrize(
    ("nodes", "shards", "share"),
    [
        ([2.0], 2, 1.0),
        ([2.0], 4, 0.5),
        ([2.0], 3, 0.66),
        ([1.0, 1.0], 3, 0.5),
        ([8.0, 1.0], 9, 1.0),
        ([8.0, 1.0], 10, 0.88),
        ([0.0, 4.0], 4, 1.0),
    ],
)
def test_as_much_as_lets_every_bundle_lie_on_one_node(nodes: list[float], shards: int, share: float) -> None:
    assert share_of_cpu(nodes, shards) == share
    assert sum(int(cpus / share + 1e-9) for cpus in nodes) >= shards


HERE = NodeView("0.1.0", "abc", sees_results=True, missing=())


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (NodeView("0.1.0", "abc", sees_results=True, missing=()), []),
        (
            NodeView("0.2.0", "abc", sees_results=True, missing=()),
            ["found cluster-sim 0.2.0 (abc), allowed: 0.1.0 (abc)"],
        ),
        (
            NodeView("0.1.0", "abd", sees_results=True, missing=()),
            ["found cluster-sim 0.1.0 (abd), allowed: 0.1.0 (abc)"],
        ),
        (
            NodeView("0.2.0", "abc", sees_results=False, missing=("/t/a.parquet", "/t/b.parquet")),
            [
                "found cluster-sim 0.2.0",
                "found no way to the run directory /results, allowed: a disk that all nodes share, or a URI",
                "found no file /t/a.parquet",
                "found no file /t/b.parquet",
            ],
        ),
    ],
)
def test_all_that_keeps_a_node_from_running_is_told_with_its_name(there: NodeView, told: list[str]) -> None:
    found = wrong_with("node-7", there, HERE, storage_of("/results"))
    assert len(found) == len(told)
    for refusal, text in zip(found, told, strict=True):
        assert refusal.where == "node node-7"
        assert text in str(refusal)


def test_a_look_from_here_sees_what_the_driver_left_and_what_is_missing(tmp_path: Path) -> None:
    storage = storage_of(tmp_path)
    assert not look(storage, "token", "n", []).sees_results
    storage.put(".token", b"token")
    found = look(storage, "token", "n", [tmp_path / "nothing", tmp_path / ".token"])
    assert found.sees_results
    assert found.missing == (str(tmp_path / "nothing"),)
    assert storage.get(".token.n") == b"n"
    storage.put(".token", b"another")
    assert not look(storage, "token", "n", []).sees_results
