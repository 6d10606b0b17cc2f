"""Short runs that go through most of the engine, by name: `python -m tests.determinism.checked_runs` prints theirs."""

import json
import tempfile
from pathlib import Path

from cluster_sim import load, run

RUNS: dict[str, tuple[str, ...]] = {
    str(Path(__file__).with_name("everything.yaml")): ("duration=1s",),
    str(Path(__file__).with_name("mechanisms.yaml")): ("duration=50ms", "window=50ms"),
    "huge_page_split": ("duration=100ms",),
    "exclusive_pins": ("duration=100ms",),
    "boot_acceptance": ("duration=1s",),
    "swiotlb_vs_zero_copy": (
        "duration=250ms",
        "cluster.hosts=1",
        "faults=[{at: 100ms, access: host_load, guest: raw}, {at: 120ms, access: pin, guest: coded}]",
    ),
}


def fingerprints() -> dict[str, str]:
    """The fingerprint of each run."""
    found = {}
    for name, sets in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            experiment = load(name, ["replications=1", *sets])
            found[Path(name).stem] = run(experiment, folder, executor="inline").fingerprint
    return found


if __name__ == "__main__":
    print(json.dumps(fingerprints()))  # noqa: T201 - what it is for
