"""The tested process: carries out sequences of calls on the real kernel, a line of JSON in, a line an answer out.

It is a child of the oracle's, so that no fault of the kernel or of a call takes the oracle along.
"""

import json
import resource
import signal
import sys

from cluster_sim.kernel.real import RealCalls


def carry_out(calls: list[list[object]]) -> None:
    """Carry out one sequence on fresh VMs."""
    real = RealCalls()
    try:
        for name, *arguments in calls:
            outcome, value = getattr(real, str(name))(*arguments)
            sys.stdout.write(json.dumps([outcome, value, real.presence()]) + "\n")
            sys.stdout.flush()
    finally:
        real.shut()


def main() -> None:
    """Serve until standard input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        carry_out(json.loads(line))


if __name__ == "__main__":
    main()
