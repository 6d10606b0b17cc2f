"""The unit tests mirror the rooms: whoever changes a room finds its tests under its name, and no others there."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {path.parent.name for path in (ROOT / "cluster_sim").glob("*/__init__.py")}
UNIT = ROOT / "tests" / "unit"
TESTED_ELSEWHERE: dict[str, str] = {}
"""Rooms without unit tests, and where what they do is tested instead."""


@pytest.mark.parametrize("room", sorted(ROOMS - set(TESTED_ELSEWHERE)))
def test_a_room_has_unit_tests_under_its_name(room: str) -> None:
    assert list((UNIT / room).rglob("test_*.py")), f"test what {room} does by itself in tests/unit/{room}"


def test_every_folder_of_unit_tests_is_a_rooms() -> None:
    folders = {path.name for path in UNIT.iterdir() if any(path.glob("**/test_*.py"))}
    assert folders <= ROOMS, "move these tests to the rooms whose code they test"


def test_no_room_is_an_exception_without_need() -> None:
    assert set(TESTED_ELSEWHERE) <= ROOMS
    assert all(TESTED_ELSEWHERE.values())
