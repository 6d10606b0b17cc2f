"""Run inside a mutated copy of the package: does the oracle notice, do the invariants? One line of JSON out."""

import json
import random
import sys

from cluster_sim.kernel.capabilities import UnavailableError, probe
from cluster_sim.kernel.oracle import replay
from tests.oracles.invariants import TECHNOLOGIES, CheckedMemfd, rules_of
from tests.properties.test_invariants import step

ORACLE_CALLS = 3_000
KERNELS = ("G3", "G0-keep", "G4-2MiB", "G3-defer", "exclusive-pin")
OPERATIONS = 250


def oracle_verdict() -> str | None:
    """The call on which model and kernel differ, or None; None too where the kernel cannot be asked."""
    try:
        capabilities = probe()
    except UnavailableError as error:
        sys.stderr.write(f"the kernel cannot be asked: {error}\n")
        return None
    try:
        found = replay(ORACLE_CALLS, 1, capabilities)
    except AssertionError as broken:
        return f"the model's own assertion: {broken}"
    return f"differs on {found.differences[0].calls[-1][0]}" if found.differences else None


def invariant_verdict() -> str | None:
    """The first law that is broken, or None."""
    for technology in TECHNOLOGIES:
        for kernel in KERNELS:
            checked = CheckedMemfd(rules_of(technology, kernel))
            draw = random.Random(f"{technology} {kernel}")
            try:
                for _ in range(OPERATIONS):
                    step(checked, draw)
                checked.check_all()
            except AssertionError as broken:
                return str(broken).partition("\n")[0] or "an assertion of the model"
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"oracle": oracle_verdict(), "invariants": invariant_verdict()}) + "\n")
