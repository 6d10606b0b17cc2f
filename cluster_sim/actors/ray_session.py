"""The Ray that a run starts for itself, or joins.

A Ray started here is this run's alone: it listens on 127.0.0.1 only, asks for a token, has no dashboard, reports
nothing, and never joins a cluster that happens to run. Its servers keep to loopback by an environment variable that
must be set before Ray is imported.
"""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cluster_sim.actors.ray_environment import LOOPBACK, prepare_environment
from cluster_sim.results.run_directory import RunDirectoryError

prepare_environment(None)

import ray  # noqa: E402 - Ray's environment comes first

OBJECT_STORE_BYTES = 512 << 20
CONNECT_S = 10.0


def check_address(address: str) -> None:
    """Refuse an address at which nobody is: Ray itself would go on asking for minutes."""
    found = re.fullmatch(r"(?:ray://)?\[?([^\]/]+?)\]?:(\d+)", address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        allowed = "auto, HOST:PORT or ray://HOST:PORT of a cluster"
        raise RunDirectoryError("--address", f"nobody at {address} ({error})", allowed) from error


@contextmanager
def running_ray(address: str | None, cpus: int) -> Iterator[None]:
    """A Ray of this run's own on loopback, gone afterwards; or the cluster at an address, left as it was."""
    if address is None:
        if os.environ.get(LOOPBACK) != "0":
            raise RuntimeError(
                f"this process would not keep a Ray of its own on loopback: set {LOOPBACK}=0 before its import"
            )
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=OBJECT_STORE_BYTES,
        )
    else:
        check_address(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()
