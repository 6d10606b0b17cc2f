"""The Ray that a run starts for itself: on loopback only, quiet, joining nobody, gone afterwards."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster_sim.experiments.driver import run_to_end

PROBE = """
import json, os
from cluster_sim.actors.ray_session import running_ray
from cluster_sim.actors.shells import GuestActor, HostActor
import ray
with running_ray(None, 2):
    hosts, guests = HostActor.remote(), GuestActor.remote()
    ray.get(hosts.__ray_ready__.remote())
    ray.get(guests.__ray_ready__.remote())
    from tests_sockets import family, listening
    print(json.dumps(sorted(listening(family(os.getpid())))))
    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")
assert not ray.is_initialized()
"""

SOCKETS = '''
from pathlib import Path


def family(root):
    """A process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(text.rpartition(")")[2].split()[1])
    members = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        if not more:
            return members
        members |= more


def listening(pids):
    """(address, port) of every TCP socket on which one of the processes listens."""
    inodes = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                inodes[fields[9]] = (name, *fields[1].split(":"))
    found = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(fd.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                socket = inodes.get(target[8:-1])
                if socket:
                    found.add(socket)
    return found
'''

LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def test_a_ray_started_here_listens_on_loopback_only(tmp_path: Path) -> None:
    (tmp_path / "tests_sockets.py").write_text(SOCKETS)
    (tmp_path / "probe.py").write_text(PROBE)
    done = subprocess.run([sys.executable, "probe.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sockets = json.loads(done.stdout.splitlines()[-1])
    assert len(sockets) >= 4, "the probe saw no Ray at all"
    strangers = [socket for socket in sockets if socket[1] not in LOOPBACK]
    assert not strangers, strangers


def test_a_study_in_a_new_process_ignores_a_cluster_that_the_environment_names(tmp_path: Path) -> None:
    script = (
        "from cluster_sim.experiments.pools import pool_of\n"
        "with pool_of('ray'):\n    import ray\n    print(ray.cluster_resources()['CPU'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"RAY_ADDRESS": "127.0.0.1:1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{os.cpu_count()}.0"


def test_a_run_comes_to_its_end_where_a_loop_runs_already() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        await asyncio.sleep(0)
        ended.append(name)

    async def notebook() -> None:
        run_to_end(work("in a notebook"))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run_to_end, work("by itself")).result()
        thread.submit(asyncio.run, notebook()).result()
    assert ended == ["by itself", "in a notebook"]
