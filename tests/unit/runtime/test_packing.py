"""Hosts in blocks, units and shards, by scenarios of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim import load
from cluster_sim.runtime.packing import FILES_MOST, hosts_by_file, shards_of_hosts, units_of_hosts


@given(st.integers(1, 5000))
def test_every_host_is_in_one_block_in_order_and_there_are_few_blocks(hosts: int) -> None:
    blocks = hosts_by_file(hosts)
    assert [host for block in blocks for host in block] == list(range(hosts))
    assert len(blocks) <= FILES_MOST
    assert hosts > FILES_MOST or all(len(block) == 1 for block in blocks)


@pytest.mark.parametrize(("hosts", "hosts_on"), [(4, 1), (4, 2), (200, 1), (200, 100), (7, 0)])
@pytest.mark.parametrize("shards", [1, 2, 3, 8])
def test_shards_hold_whole_units_and_every_host_once(hosts: int, hosts_on: int, shards: int) -> None:
    sets = [f"cluster.hosts={hosts}", f"guests.sender.workloads.0.to.hosts_on={hosts_on}", "protection=pkvm"]
    scenario = load("guest_to_guest", sets).variants[0].scenario
    units = units_of_hosts(scenario)
    split = shards_of_hosts(scenario, shards)
    assert sorted(host for hosts in split for host in hosts) == list(range(hosts))
    for unit in units:
        assert sum(set(unit) <= set(hosts) for hosts in split) == 1
    for block in hosts_by_file(hosts):
        assert sum(set(block) <= set(unit) for unit in units) == 1


def test_two_shards_of_alike_hosts_have_the_same_number() -> None:
    scenario = load("thousand_hosts", ["cluster.hosts=1000"]).variants[0].scenario
    first, second = shards_of_hosts(scenario, 2)
    assert abs(len(first) - len(second)) <= 16
