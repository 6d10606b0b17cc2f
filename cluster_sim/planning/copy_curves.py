"""How long each mover takes for so many bytes: the profile's copy curves, then network card, storage and links."""

import numpy as np

from cluster_sim.engine.host_spec import CURVE, CURVE_POINTS, Records
from cluster_sim.integers import NS_PER_S
from cluster_sim.io_paths.steps import Mover
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.scenario.spec import ClusterSpec
from cluster_sim.scenario.units import MIB

NIC_CURVE = len(CURVES)
STORAGE_CURVE = NIC_CURVE + 1
LINK_CURVE = STORAGE_CURVE + 1


def curves_of(is_hot: bool) -> list[int]:  # noqa: FBT001 - the one thing that decides
    """The curve of each `Mover` for a stream whose data stays in the cache, or does not."""
    cpu = CURVES.index("hot" if is_hot else "cold")
    found = {
        Mover.GUEST: cpu,
        Mover.HOST: cpu,
        Mover.ENGINE: CURVES.index("engine"),
        Mover.CRYPTO: CURVES.index("crypto"),
        Mover.NIC: NIC_CURVE,
        Mover.STORAGE: STORAGE_CURVE,
        Mover.LINK: LINK_CURVE,
    }
    return [found[mover] for mover in Mover]


def build_curves(profile: Profile, cluster: ClusterSpec) -> Records:
    """Copy curves by their number in CURVES, then the network card's, the storage's and the links'."""
    table = np.zeros(LINK_CURVE + 1, CURVE)
    bus_milli = round(profile.bus_bytes_per_byte.value * 1000)
    for row, name in zip(table, CURVES, strict=False):
        points = profile.curve_points(name)
        assert 0 < len(points) <= CURVE_POINTS
        row["points"] = len(points)
        row["bytes"][: len(points)] = [size for size, _ in points]
        row["ns"][: len(points)] = [span for _, span in points]
        row["beyond_ns_per_mib"] = profile.curve_beyond_ns_per_mib(name)
        row["bus_milli"] = bus_milli if profile.curves[name].uses_bus else 0
    host = cluster.host
    of_rate = [
        (NIC_CURVE, 0, host.nic.rate),
        (STORAGE_CURVE, host.storage.latency, host.storage.rate),
        (LINK_CURVE, 0, cluster.network.rate),
    ]
    for number, latency_ns, bytes_per_s in of_rate:
        table[number]["points"] = 1
        table[number]["ns"][0] = latency_ns
        table[number]["beyond_ns_per_mib"] = NS_PER_S * MIB // bytes_per_s if bytes_per_s else 0
    return table
