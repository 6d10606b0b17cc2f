"""What a guest shares for good beside pools: it keeps the 1 GiB page around its buffers split, and no other."""

import pytest
from pydantic import JsonValue

from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

CONVERT: Values = {"kind": "convert", "granule": "2MiB"}
THREE = [(0, 0, 0), (200_000_000, 0, 1), (400_000_000, 0, 2)]
RESIDENT_PAGES = 64
"""256 KiB."""


def after_three_frames(huge_page: str, **memory: JsonValue) -> dict[str, int]:
    """The guest's gauges when three frames have come and gone."""
    huge: Values = {"generation": "G4", "huge_page": huge_page}
    spec = scenario("sev-snp", CONVERT, memory=huge | memory)
    engine = engine_of(spec)
    assert run(engine, arrivals(THREE))["is_intact"].all()
    guest = engine.host.state.guests[0]
    return {name: int(guest[name]) for name in ("shared_pages", "split", "splits", "merges")}


def test_a_gib_that_holds_something_shared_neither_splits_nor_merges_with_each_frame() -> None:
    assert after_three_frames("1GiB") == {"shared_pages": RESIDENT_PAGES, "split": 1, "splits": 0, "merges": 0}


def test_a_guest_that_shares_nothing_for_good_splits_and_merges_its_gib_with_each_frame() -> None:
    assert after_three_frames("1GiB", resident="0B") == {"shared_pages": 0, "split": 0, "splits": 3, "merges": 3}


def test_huge_pages_of_2_mib_split_and_merge_by_themselves() -> None:
    """A frame takes two of them; what is resident lies in one of its own, which by default is not told apart."""
    assert after_three_frames("2MiB") == {"shared_pages": 0, "split": 0, "splits": 6, "merges": 6}
    apart = {"shared_pages": RESIDENT_PAGES, "split": 1, "splits": 6, "merges": 6}
    assert after_three_frames("2MiB", resident="256KiB") == apart


@pytest.mark.parametrize("protection", ["none", "pkvm"])
def test_what_is_resident_is_held_and_only_where_memory_is_private(protection: str) -> None:
    spec = scenario(protection, CONVERT, memory={"resident": "256KiB"})
    layout = engine_of(spec).guests[0].layout
    assert layout.resident_pages == (0 if protection == "none" else RESIDENT_PAGES)
    without = engine_of(scenario(protection, CONVERT)).guests[0].layout
    assert layout.held_bytes - without.held_bytes == layout.resident_pages * 4096
