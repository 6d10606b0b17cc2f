"""An index is an address: it never counts from the end, and with NUMBA_BOUNDSCHECK=1 one outside raises, wherever."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.compiling.indexed import INDICES, WAYS

ROOT = Path(__file__).parents[3]

Outcomes = dict[str, list[int | str]]


def outcomes(cache: Path, *, is_checked: bool) -> Outcomes:
    """What comes of each way and index, in a process of its own: numba reads its settings once."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.compiling.indexed"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "CLUSTER_SIM_CACHE": str(cache), "NUMBA_BOUNDSCHECK": str(int(is_checked))},
    )
    assert done.returncode == 0, done.stderr
    found: Outcomes = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return outcomes(tmp_path_factory.mktemp("checked"), is_checked=True)


@pytest.fixture(scope="module")
def unchecked(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return outcomes(tmp_path_factory.mktemp("unchecked"), is_checked=False)


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_checked_an_index_below_zero_or_past_the_end_raises(way: str, checked: Outcomes) -> None:
    by_index = dict(zip(INDICES, checked[way], strict=True))
    assert {index for index, found in by_index.items() if found == "IndexError"} == {-3, -1, 3}


def test_unchecked_an_index_below_zero_is_what_lies_before(unchecked: Outcomes) -> None:
    assert unchecked["read"] == [100, 102, 103, 105, 106]
    assert unchecked["read_at_o1"] == unchecked["read"]
    assert unchecked["through_a_call"] == unchecked["read"]
    assert unchecked["through_an_inlined_call"] == unchecked["read"]
    assert unchecked["row"] == [100, 110, 115, 125, 130], "five words a row, the first at 115"
    assert unchecked["in_a_row"] == [118, 120, 121, 123, 124], "row 1 is 120 to 124, its array 121 to 123"
    assert unchecked["table_row"] == unchecked["table_cell"] == [100, 106, 109, 115, 118], "three words a row"
