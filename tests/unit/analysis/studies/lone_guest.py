"""One guest of pKVM with one raw stream, alone on an idle host: latencies of which are sums that a pencil can make."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cluster_sim.planning.load_checked import load_checked
from cluster_sim.scenario.load import Experiment

DEFINITION = """
name: lone
question: Where do they cross?
replications: {replications}
duration: 200ms
record: summary
cluster:
  hosts: 1
  host: {{cpus: 64, memory: 256GiB, llc: 0}}
guests:
  - name: raw
    count_per_host: 1
    vcpus: 2
    memory: 4GiB
    workloads:
      - kind: video
        source: {{kind: raw, width: 1920, height: 1080, format: nv12, fps: 60}}
        buffers: 1
        deadline: 16ms
axes:
  protection: [pkvm]
  io_path:
{paths}
baseline: {{io_path: swiotlb}}
"""
PATHS = {
    "swiotlb": "{kind: swiotlb, mapping: per_transfer}",
    "convert-4k": "{kind: convert, granule: 4KiB}",
    "convert-2m": "{kind: convert, granule: 2MiB}",
    "pool": "{kind: shared_pool, copy: producer}",
}


def lone_guest(
    folder: Path, sets: Sequence[str] = (), replications: int = 2, paths: Iterable[str] = PATHS
) -> Experiment:
    """The definition, read from a file of that folder."""
    path = folder / "lone.yaml"
    written = "\n".join(f"    {label}: {PATHS[label]}" for label in paths)
    path.write_text(DEFINITION.format(replications=replications, paths=written), "utf-8")
    return load_checked(path, sets)
