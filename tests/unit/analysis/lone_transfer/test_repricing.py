"""One lone transfer at other costs: what counting says and what running anew says are the same."""

from pathlib import Path

import pytest

from cluster_sim.analysis.lone_transfer.repricing import LoneTransfers
from tests.unit.lone_host import Values, scenario

BOUNCE: Values = {"kind": "swiotlb"}
CONVERT: Values = {"kind": "convert", "granule": "4KiB"}


@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
@pytest.mark.parametrize(
    "path", [BOUNCE, CONVERT, {"kind": "shared_pool", "copy": "both"}], ids=lambda path: path["kind"]
)
def test_counting_prices_comes_to_what_running_anew_comes_to(protection: str, path: Values) -> None:
    """So that only what turns needs to be run anew."""
    found = LoneTransfers(scenario(protection, path), Path(), {})
    counted = 0
    for cost in found.costs("raw").values():
        for value in (cost.low, cost.high):
            if not found.is_in_copies("raw", cost):
                assert found.estimate_ns("raw", cost, value) == found.exact_ns("raw", cost, value), cost.name
                counted += 1
    assert counted
