"""Three copies through one buffer: what lies where afterwards, and which of the three a figure is of."""

from pathlib import Path

import numpy as np
import pytest

from cluster_sim.calibration import chains, loops
from cluster_sim.calibration.sampling import ONCE, Effort, RefusedError
from cluster_sim.integers import Int64s

SLOT_BYTES, SIZE_BYTES, SLOTS = 64, 48, 4
PRIVATE, BOUNCE, HOST = 1, 2, 3


def chained(count: int) -> tuple[list[bytes], Int64s, Int64s]:
    """Private memory, bounce buffers and the host's memory after so many chains; the slots, and what each copy took."""
    memory = [np.full(SLOT_BYTES * SLOTS, content, np.uint8) for content in (PRIVATE, BOUNCE, HOST)]
    addresses = np.array([each.ctypes.data for each in memory], np.int64)
    slots, spent = np.array([0, SLOTS, SLOT_BYTES], np.int64), np.zeros(3, np.int64)
    loops.chains(count, addresses, SIZE_BYTES, slots, spent, np.zeros(2, np.int64))
    return [bytes(each) for each in memory], slots, spent


def test_the_hosts_data_end_in_the_private_memory_of_one_slot_by_way_of_its_bounce_buffer() -> None:
    (private, bounce, host), slots, _ = chained(1)
    moved, rest = bytes([HOST]) * SIZE_BYTES, SLOT_BYTES * SLOTS - SIZE_BYTES
    assert private == moved + bytes([PRIVATE]) * rest
    assert bounce == moved + bytes([BOUNCE]) * rest
    assert set(host) == {HOST}
    assert list(slots) == [3, SLOTS, SLOT_BYTES], "5 x 0 + 3"


def test_all_slots_have_their_turn_before_any_has_it_again() -> None:
    """0, then 3, then 5 x 3 + 3 = 18 and 5 x 2 + 3 = 13, both below 4 by their remainders 2 and 1."""
    turns = []
    for count in range(1, SLOTS + 1):
        (private, _, _), _, _ = chained(count)
        turns.append({slot for slot in range(SLOTS) if private[slot * SLOT_BYTES] == HOST})
    assert turns == [{0}, {0, 3}, {0, 2, 3}, {0, 1, 2, 3}]


def test_each_copy_is_clocked_by_itself() -> None:
    _, _, spent = chained(1000)
    assert (spent > 0).all()


@pytest.mark.parametrize(("which", "value"), [(0, 400.0), (1, 275.0), (2, 165.0)])
def test_a_figure_is_of_one_of_the_three_copies(monkeypatch: pytest.MonkeyPatch, which: int, value: float) -> None:
    def chain(count: int, regions: Int64s, size_bytes: int, slots: Int64s, spent: Int64s, clock: Int64s) -> None:
        assert (len(regions), size_bytes, len(clock)) == (3, 3_110_400, 2)
        assert list(slots) == [0, 32, 4 << 20], "of 4 MiB each, 32 in 128 MiB"
        spent += np.array([400, 275, 165]) * count

    monkeypatch.setattr(loops, "chains", chain)
    found = chains.chain_rounds(3_110_400, which, Effort(passes=1, rounds=2, warm_up=1, round_ns=1000))
    assert [each.value for each in found] == [value] * 2


def test_the_cache_behind_the_chains_is_what_the_kernel_tells(tmp_path: Path) -> None:
    written = tmp_path / "size"
    with pytest.raises(RefusedError, match="no third-level cache"):
        chains.llc_rounds(ONCE, written)
    written.write_text("32768K\n")
    assert [each.value for each in chains.llc_rounds(ONCE, written)] == [32]


def test_three_figures_a_size_and_the_cache() -> None:
    named = [each.cost.removeprefix("copy.zen4_chain_") for each in chains.measures()]
    assert named == [
        "llc",
        *(f"{which}_{size}" for size in (65536, 1048576, 3110400, 24883200) for which in ("first", "second", "third")),
    ]
