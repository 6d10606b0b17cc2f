"""Kills without end: host actors, guest actors, nodes and drivers, at random windows and while files are written.

Each round runs one experiment on a local cluster of three nodes and kills what its seed says; every round must end
complete, with the tables of a run in one process. `make campaign` does the whole and writes docs/fault-campaign.md.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from cluster_sim import load, open_results
from cluster_sim.experiments.driver import Finished, Means, run_experiment
from tests.main_job import MAIN_JOB

ROOT = Path(__file__).parents[2]
WORKLOAD = Path(MAIN_JOB).stem
SETS = (
    "protection=pkvm",
    "replications=1",
    "duration=3s",
    "window=100ms",
    "cluster.hosts=4",
    "guests.raw.count_per_host=4",
    "guests.coded.count_per_host=4",
)
ACTORS, SNAPSHOT_EVERY, NODES = 3, 3, 3
ROUND_S = 600

Kind = Literal["host actor", "guest actor", "node", "driver"]
When = Literal["at a window", "while a snapshot is written", "while a part is written"]
KINDS: tuple[Kind, ...] = ("host actor", "guest actor", "node", "driver")
WHENS: tuple[When, ...] = ("at a window", "while a snapshot is written", "while a part is written")


@dataclass(frozen=True)
class Kill:
    """One kill: of what, when, and from how many windows on."""

    kind: Kind
    when: When
    windows: int


@dataclass
class Outcome:
    """What became of a round."""

    seed: int
    kills: list[Kill]
    struck: int = 0
    survived: bool = False
    windows_again: int = 0
    lost_s: float = 0.0
    took_s: float = 0.0
    why: str = ""
    losses: list[str] = field(default_factory=list)


def kills_of(seed: int, count: int, windows: int) -> list[Kill]:
    """The kills of a round, in order of the windows at which they are due."""
    chance = random.Random(seed)
    due = sorted(chance.randrange(2, max(int(windows * 0.9), 3)) for _ in range(count))
    kinds = [KINDS[(seed + number) % len(KINDS)] for number in range(count)]
    chance.shuffle(kinds)
    return [Kill(kind, chance.choice(WHENS), at) for kind, at in zip(kinds, due, strict=True)]


def reference(results: Path) -> Finished:
    """The same experiment in this process."""
    return run_experiment(load(MAIN_JOB, SETS), results, means=Means("inline"), name="inline")


@contextmanager
def local_cluster(nodes: int = NODES) -> Iterator[Any]:
    """Nodes of one CPU each on this machine, on loopback, whose deaths are noticed after some seconds."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    quickly = {
        "health_check_initial_delay_ms": 2000,
        "health_check_period_ms": 1000,
        "health_check_timeout_ms": 2000,
        "health_check_failure_threshold": 3,
    }
    settings = {"num_cpus": 1, "object_store_memory": 128 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**settings, "_system_config": quickly})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's own


def descendants(names: tuple[str, ...]) -> list[int]:
    """Processes below this one whose command line has one of these names."""
    own = os.getpid()
    parents, lines = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid = int(stat.parent.name)
            parents[pid] = int(stat.read_text().rpartition(")")[2].split()[1])
            lines[pid] = (stat.parent / "cmdline").read_text()
        except OSError:
            continue
    found = []
    for pid, line in lines.items():
        ancestor = pid
        while ancestor in parents and ancestor != own:
            ancestor = parents[ancestor]
        if ancestor == own and any(name in line for name in names):
            found.append(pid)
    return sorted(found)


class Victim:
    """A driver in a process of its own, and how far it says it is."""

    def __init__(self, order: dict[str, object]) -> None:
        self.windows = 0
        self.fingerprint = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.victim", json.dumps(order)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for thread in self.threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue  # Ray says there, too, when it loses something
            said = json.loads(line)
            self.windows = said.get("windows", self.windows)
            self.fingerprint = said.get("fingerprint", self.fingerprint)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def wait(self, timeout_s: float) -> int:
        code = self.process.wait(timeout_s)
        for thread in self.threads:
            thread.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


def is_time(kill: Kill, victim: Victim, run: Path) -> bool:
    """Whether a kill is due now."""
    if victim.windows < kill.windows:
        return False
    match kill.when:
        case "at a window":
            return True
        case "while a snapshot is written":
            return any((run / "snapshots").rglob("*.partial"))
        case "while a part is written":
            return any((run / "unfinished").rglob("*.partial"))


def strike(kill: Kill, victim: Victim, cluster: Any, chance: random.Random) -> bool:
    """Kill; False when there was nothing of the kind."""
    match kill.kind:
        case "driver":
            victim.process.send_signal(signal.SIGKILL)
            return True
        case "node":
            workers = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]
            cluster.remove_node(chance.choice(workers), allow_graceful=False)
            cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
            return True
        case "host actor" | "guest actor":
            name = "_HostActor" if kill.kind == "host actor" else "_GuestActor"
            pids = descendants((f"ray::{name}",))
            if pids:
                os.kill(chance.choice(pids), signal.SIGKILL)
            return bool(pids)


def play(seed: int, kills: list[Kill], results: Path, cluster: Any, expected: Finished) -> Outcome:
    """One round: run, kill, resume whoever lost its driver, and compare the tables."""
    outcome, chance = Outcome(seed, kills), random.Random(seed)
    began_s = time.monotonic()
    name = f"round-{seed}"
    run = results / WORKLOAD / name
    order: dict[str, object] = {
        "workload": MAIN_JOB,
        "sets": list(SETS),
        "results": str(results),
        "name": name,
        "address": cluster.address,
        "actors": ACTORS,
        "snapshot_every": SNAPSHOT_EVERY,
    }
    victim = Victim(order)
    ended_windows, waiting = 0, list(kills)
    while True:
        while waiting and victim.process.poll() is None:
            due = Kill(waiting[0].kind, waiting[0].when, max(waiting[0].windows - ended_windows, 1))
            if is_time(due, victim, run):
                outcome.struck += strike(due, victim, cluster, chance)
                waiting.pop(0)
                if due.kind == "driver":
                    break
            time.sleep(0.002)
        code = victim.wait(ROUND_S)
        if code != -signal.SIGKILL:
            break
        ended_windows += victim.windows
        victim = Victim({**order, "resume": str(run)})
    outcome.took_s = time.monotonic() - began_s
    lost = [line for line in (run / "run.log").read_text("utf-8").splitlines() if "lost its actors" in line]
    outcome.losses = lost
    outcome.lost_s = sum(float(line.rpartition(" after ")[2].split(" s")[0]) for line in lost)
    outcome.windows_again = sum(int(line.rpartition(" s, ")[2].split()[0]) for line in lost)
    outcome.why = "".join(victim.errors[-5:]) if code else difference(run, expected)
    outcome.survived = not outcome.why
    return outcome


def difference(run: Path, expected: Finished) -> str:
    """What differs between a run and the reference; nothing if all files are the same bytes."""
    found = open_results(run)
    if found.manifest.status != "complete":
        return f"the run is {found.manifest.status}"
    files = {path.relative_to(run) for path in run.rglob("*.parquet")}
    if files != {path.relative_to(expected.directory) for path in expected.directory.rglob("*.parquet")}:
        return "other files"
    different = [
        file for file in sorted(files) if (run / file).read_bytes() != (expected.directory / file).read_bytes()
    ]
    if different:
        return f"other bytes in {different[0]}"
    left = [path.name for path in run.iterdir() if path.name in ("snapshots", "unfinished", "finished")]
    return f"left behind: {left}" if left else ""


def campaign(rounds: int, kills_a_round: int, first_seed: int) -> list[Outcome]:
    """So many rounds on one cluster."""
    outcomes = []
    with TemporaryDirectory() as folder, local_cluster() as cluster:
        expected = reference(Path(folder))
        windows = 30 * ACTORS * len(open_results(expected.directory).manifest.variants)
        for seed in range(first_seed, first_seed + rounds):
            outcome = play(seed, kills_of(seed, kills_a_round, windows), Path(folder), cluster, expected)
            print(row_of(outcome), flush=True)  # noqa: T201 - the campaign's own output
            outcomes.append(outcome)
    return outcomes


def row_of(outcome: Outcome) -> str:
    """One round as a row of the table in docs."""
    kinds = ", ".join(f"{kill.kind} {kill.when}" for kill in outcome.kills)
    survived = "yes" if outcome.survived else f"no: {outcome.why.strip()}"
    return (
        f"| {outcome.seed} | {kinds} | {outcome.struck} | {survived} | {outcome.windows_again} "
        f"| {outcome.lost_s:.1f} | {outcome.took_s:.0f} |"
    )


HEAD = """# Fault campaign

Made by `make campaign`: each round is one run of `{workload}` on three nodes of one machine, with kills by its seed.
A round survives when it ends complete with the very bytes of a run in one process. A killed driver is followed by
`--resume`; what was lost is then only known from the driver's next log, and windows done again by it are not counted.

Rounds: {rounds}. Kills struck: {kills}. Rounds survived: {survived}.

| seed | killed | struck | survived | windows done again | recovery, s | round, s |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--kills", type=int, default=4, help="a round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    outcomes = campaign(chosen.rounds, chosen.kills, chosen.seed)
    survived, struck = sum(each.survived for each in outcomes), sum(each.struck for each in outcomes)
    if chosen.out:
        head = HEAD.format(workload=WORKLOAD, rounds=len(outcomes), kills=struck, survived=survived)
        chosen.out.write_text(head + "\n".join(map(row_of, outcomes)) + "\n", "utf-8")
    sys.exit(0 if survived == len(outcomes) else 1)


if __name__ == "__main__":
    main()
