"""A driver to be killed: runs or resumes, and says on standard output how many windows have ended.

`python -m tests.cluster.victim '{"results": …, "address": …}'`
"""

import json
import sys

from cluster_sim import load
from cluster_sim.experiments.driver import Means, run_experiment
from cluster_sim.experiments.resume import complete_run
from cluster_sim.runtime.run_progress import ProgressReport


def say(progress: ProgressReport) -> None:
    print(json.dumps({"windows": progress.windows, "losses": progress.losses}), flush=True)  # noqa: T201 - what the campaign listens to


def main(order: dict[str, object]) -> None:
    means = Means(
        actors=int(str(order["actors"])),
        address=str(order["address"]),
        snapshot_every=int(str(order["snapshot_every"])),
    )
    if order.get("resume"):
        finished = complete_run(str(order["resume"]), means=means, on_progress=say)
    else:
        experiment = load(str(order["workload"]), [str(text) for text in order["sets"]])  # type: ignore[attr-defined]
        finished = run_experiment(
            experiment, str(order["results"]), means=means, name=str(order["name"]), on_progress=say
        )
    print(json.dumps({"fingerprint": finished.fingerprint}), flush=True)  # noqa: T201 - what the campaign listens to


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
