"""Definitions that hold, one for each kind of thing, for tables of changes that break them."""

from typing import NamedTuple


class Bad(NamedTuple):
    """A change to a base, and how it must be told; `line` is text of the line told, else the first that changed."""

    base: str
    old: str
    new: str
    field: str
    found: str
    allowed: str
    line: str = ""


HEAD = """\
name: base
question: What is wrong with it?
seed: 1
replications: 2
duration: 10s
window: 1s
cluster:
  hosts: 2
  host:
    cpus: 16
    memory: 64GiB
    huge_pool: auto
    vcpus_per_cpu: 1
    engine: {engines: 1, depth: 128, batch: 32, transfer_max: 2MiB}
    nic: {rate: 25Gb/s}
    storage: {latency: 80us, parallel: 64, rate: 6GB/s}
  network: {latency: 20us}
  placement: first_fit
protection: PROTECTION
io_path: IO_PATH
memory: {generation: G3}
guests:
  - name: one
    count_per_host: 2
    vcpus: 2
    memory: 4GiB
    workloads:
      - WORKLOAD
  - name: two
    count_per_host: 1
    vcpus: 1
    memory: 2GiB
    io_path: {kind: convert, granule: 4KiB}
    workloads:
      - {kind: churn, rate: 10}
axes:
  guests.two.vcpus: [1, 2]
exclude: []
baseline: {}
"""

RAW = "source: {kind: raw, width: 1280, height: 720, format: nv12, fps: 30}"
TRACE = "traces/bbb_720p24.parquet"
RUNGS = "[traces/bbb_x264_720p24_3M.parquet, traces/bbb_x264_1080p24_6M.parquet]"

WORKLOADS = {
    "video": f"""kind: video
        {RAW}
        direction: from_device
        buffers: 8
        buffer: auto
        deadline: 33ms
        consume: 1ms
        when_full: wait
        playout: {{startup: 200ms}}
""",
    "traced": f"""kind: video
        source: {{kind: trace, trace: {TRACE}, start: random, scale: 1}}
        direction: to_device
        deadline: 33ms
        produce: 1ms
""",
    "ladder": f"""kind: video
        source:
          kind: ladder
          rungs: {RUNGS}
          segment: 2s
          player: bba
          link: [{{at: 0s, rate: 5Mb/s}}, {{at: 4s, rate: 2Mb/s}}]
          link_period: 8s
          buffer_max: 30s
          cushion: 15s
          resume: 2s
        deadline: 1s
        playout: {{startup: 2s}}
""",
    "to_guest": f"""kind: video
        {RAW}
        direction: to_guest
        to: {{guest: two, hosts_on: 1}}
        deadline: 33ms
""",
    "block": """kind: block
        rw: randrw
        rwmixread: 70
        bssplit: {4KiB: 50, 64KiB: 50}
        iodepth: 32
        numjobs: 2
        thinktime: 0
""",
    "replay": """kind: block
        read_iolog: traces/fio_randrw.parquet
        iodepth: 32
        replay_no_stall: false
""",
    "files": """kind: file
        rw: rw
        rwmixread: 70
        bssplit: {4KiB: 50, 64KiB: 50}
        round_trips: 3
        largest: 1MiB
        files: drive
""",
    "network": """kind: network
        direction: from_device
        sizes: {128B: 40, 1500B: 60}
        ring: 256
        queues: 2
        rate_pps: 20000
        spacing: poisson
""",
    "server": """kind: request_response
        clients: 8
        request: 64B
        response: 1KiB
        queues: 2
        timeout: 200ms
""",
    "churn": """kind: churn
        rate: 1000
        size: 2MiB
        granule: 2MiB
        region: 64MiB
        hold: 1ms
""",
    "boot": """kind: boot
        image: 4MiB
        accept: lazy
        unit: 2MiB
        touch: 256MB/s
""",
}

PATHS = {
    "swiotlb": "{kind: swiotlb, pool: 64MiB, areas: 4, min_align_mask: 4095, mapping: per_transfer, "
    "dynamic: true, grow: 8MiB}",
    "convert": "{kind: convert, granule: 4KiB, calls: ranged, unmapped_by: host}",
    "shared_pool": "{kind: shared_pool, copy: producer, copier: engine, pool: 64MiB, crypto: false}",
    "direct": "{kind: direct}",
}

GROUPS = {
    "arrivals": "    arrive: {every: 1s, spacing: poisson, stay: 5s}\n",
    "polling": "    idle: poll\n",
}


def base_text(name: str) -> str:
    """The definition that rows of this base change."""
    path = PATHS.get(name, "{kind: convert, granule: 4KiB}" if name == "boot" else "{kind: swiotlb}")
    workload = WORKLOADS.get(name, WORKLOADS["video"]).rstrip()
    text = HEAD.replace("    vcpus: 2\n", f"    vcpus: 2\n{GROUPS.get(name, '')}", 1)
    if name == "unvaried":
        text = text.replace("axes:\n  guests.two.vcpus: [1, 2]", "axes: {}")
    if name == "arrivals":
        text = text.replace("count_per_host: 2", "count: 3")
    text = text.replace("PROTECTION", "none" if name == "direct" else "sev-snp").replace("IO_PATH", path)
    return text.replace("WORKLOAD", workload)
