"""Tests here ask the kernel that runs; where it has no guest_memfd to ask, they skip and say why."""

import pytest

from cluster_sim.kernel.capabilities import Capabilities, UnavailableError, probe


@pytest.fixture(scope="session")
def capabilities() -> Capabilities:
    try:
        return probe()
    except UnavailableError as error:
        pytest.skip(f"the kernel cannot be asked: {error}")
