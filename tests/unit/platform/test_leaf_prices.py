"""A leaf of 2 MiB never costs more than its 512 pages one by one, whatever is done to it, by whatever technology."""

import pytest

from cluster_sim.platform.profile import load_profile
from tests.unit.hand_prices import TECHNOLOGIES

LEAF = "_leaf_2m"
LEAVES = sorted(name for name in load_profile("none").prices if name.endswith(LEAF))
PAGES = 512


def test_there_is_a_leaf_price_for_each_thing_done_to_pages_that_a_leaf_can_have_done_to_it() -> None:
    assert [name.removesuffix(LEAF) for name in LEAVES] == [
        "accept",
        "first_touch",
        "guest_fault_private",
        "guest_fault_shared",
        "host_fault",
        "host_unmap",
        "iommu_map",
        "iommu_unmap",
        "map_ahead_private",
        "map_ahead_shared",
        "populate",
        "share",
        "teardown",
        "unshare",
    ]


@pytest.mark.parametrize("vcpus", [1, 2, 31, 32, 64, 256])
@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_a_leaf_costs_no_more_than_its_pages(technology: str, name: str, vcpus: int) -> None:
    profile = load_profile(technology)
    page = name.replace(LEAF, "_page")
    leaf_ns = profile.price_ns(name, vcpus)
    assert leaf_ns <= PAGES * profile.price_ns(page, vcpus)
    if f"{page}_ranged" in profile.prices:
        assert leaf_ns <= PAGES * profile.price_ns(f"{page}_ranged", vcpus)
    assert (profile.prices[name].cost is None) == (profile.prices[page].cost is None), "absent together"


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_nor_does_it_where_both_are_as_dear_as_they_may_be(technology: str, name: str) -> None:
    prices = load_profile(technology).prices
    leaf, page = prices[name].cost, prices[name.replace(LEAF, "_page")].cost
    if leaf is not None and page is not None:
        assert leaf.high <= PAGES * page.high
