"""A producer that had to wait for a buffer is told of it by an interrupt, which finds it asleep; any other is not."""

import pytest

from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import COPY, INTERRUPT, INTERRUPT_EXITS, KICK, LONG_LIVED, TECHNOLOGIES, WORKER, pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario


@pytest.mark.parametrize(("path", "copy_ns"), [(pool("none"), 0), (LONG_LIVED, 2 * COPY)], ids=["pool", "long-lived"])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_the_second_of_two_frames_pays_for_the_interrupt_that_tells_of_the_only_buffer(
    protection: str, path: Values, copy_ns: int
) -> None:
    """Two frames at once: the second waits for all of the first, is interrupted and woken, and goes the same way."""
    spec = scenario(protection, path, direction="to_device", buffers=1, when_full="wait")
    done = run(engine_of(spec), arrivals([(0, 0, 0), (0, 0, 1)], direction=1))
    first_ns = copy_ns + KICK[protection] + WORKER
    assert done["ended_ns"].tolist() == [first_ns, 2 * first_ns + INTERRUPT[protection]]
    assert done["ledger"][:, Category.QUEUE_WAIT].tolist() == [0, first_ns]
    assert done["ledger"][:, Category.NOTIFY].tolist() == [WORKER, WORKER + INTERRUPT[protection]]
    assert done["exits"].tolist() == [1, 1 + INTERRUPT_EXITS[protection]], "a doorbell each, and the interrupt"


def test_a_producer_that_finds_a_buffer_is_not_interrupted() -> None:
    spec = scenario("pkvm", pool("none"), direction="to_device", buffers=2, when_full="wait")
    done = run(engine_of(spec), arrivals([(0, 0, 0), (1_000_000, 0, 1)], direction=1))
    assert done["ledger"][:, Category.NOTIFY].tolist() == [WORKER, WORKER]
    assert done["exits"].tolist() == [1, 1]
