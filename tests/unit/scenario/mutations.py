"""Shipped definitions with something changed at random."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import strategies as st

from cluster_sim.shipped import shipped_workloads

Place = tuple[str | int, ...]

SHIPPED: dict[str, Any] = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in shipped_workloads()}
SIZES = ["0B", "1B", "5000B", "4KiB", "256KiB", "2MiB", "3MiB", "64MiB", "1GiB", "16GiB", "1TiB", "8000000TiB", "auto"]
DURATIONS = ["0s", "1ns", "1us", "1ms", "33ms", "1s", "10s", "1000s", "1000000s", "9223372036854775807ns", "forever"]
RATES = ["0B/s", "1B/s", "5Mb/s", "25Gb/s", "8000000TiB/s", "5Mb"]
NUMBERS = [-1, 0, 1, 2, 3, 8, 64, 127, 128, 4095, 4096, 262143, 10**6, 10**9, 2**31, 2**63, 10**30]
JUNK: list[Any] = [None, True, "", "x", "é\u202e", "\0", "x" * 300, 1.5, float("nan"), float("inf"), [], {}, [[]]]

RAW = {"kind": "raw", "width": 320, "height": 180, "format": "nv12", "fps": 30}
TRACED = {"kind": "trace", "trace": "traces/bbb_720p24.parquet", "scale": "1/2"}
WORKLOADS: list[dict[str, Any]] = [
    {"kind": "video", "source": RAW, "deadline": "33ms"},
    {"kind": "video", "direction": "to_device", "source": TRACED, "deadline": "33ms", "produce": "1ms"},
    {"kind": "block", "rw": "randrw", "bssplit": {"4KiB": 50, "64KiB": 50}, "iodepth": 32, "numjobs": 4},
    {"kind": "video", "source": RAW, "deadline": "33ms", "segments": "contiguous", "driver": "usb"},
    {"kind": "block", "driver": "nvme", "max_segment": "64KiB"},
    {"kind": "block", "read_iolog": "traces/fio_randrw.parquet", "replay_no_stall": True},
    {"kind": "file", "rw": "rw", "bssplit": {"4KiB": 50, "3MiB": 50}, "round_trips": 3, "iodepth": 8, "numjobs": 4},
    {"kind": "file", "bs": "1MiB", "largest": "128KiB", "files": "drive"},
    {"kind": "network", "direction": "to_device", "sizes": {"64B": 40, "1500B": 60}, "ring": 4096, "queues": 16},
    {"kind": "network", "rate": "1Gb/s", "cpus": "one", "wakes": "other_vcpu", "work": "exponential", "consume": "1us"},
    {"kind": "request_response", "clients": 64, "queues": 4, "threads": 2, "serve": "10us", "wakes": "other_vcpu"},
    {"kind": "churn", "rate": 100, "size": "2MiB", "granule": "2MiB", "region": "1GiB", "order": "random"},
    {"kind": "churn", "rate": 1, "size": "1GiB", "granule": "1GiB", "region": "1GiB"},
    {"kind": "boot"},
    {"kind": "boot", "accept": "eager", "unit": "4KiB", "image": "64MiB"},
    {"kind": "boot", "acceptors": "vcpus", "firmware_accepts": "64MiB", "unit": "2MiB"},
]
PATHS: list[dict[str, Any]] = [
    {"kind": "swiotlb", "dynamic": True, "pool": "4MiB", "areas": 1, "grow": "64MiB"},
    {"kind": "swiotlb", "mapping": "long_lived", "min_align_mask": 4095},
    {"kind": "swiotlb", "restricted": True, "pool": "256KiB", "any": True, "crypto": True, "crypto_unit": "4KiB"},
    {"kind": "convert", "granule": "4KiB"},
    {"kind": "convert", "granule": "2MiB", "calls": "page", "unmapped_by": "host"},
    {"kind": "convert", "granule": "1GiB"},
    {"kind": "shared_pool", "copy": "none"},
    {"kind": "shared_pool", "copy": "both", "crypto": True, "pool": "256MiB"},
    {"kind": "direct"},
]
MEMORY: list[dict[str, Any]] = [
    {"generation": "G0", "discard": False},
    {"generation": "G1"},
    {"generation": "G4", "huge_page": "2MiB"},
    {"generation": "G4", "huge_page": "1GiB", "hvo": True, "placement": "scattered"},
    {"backing": "exclusive_pin", "on_pin": "wait"},
    {"placement": "scattered"},
    {"pins": {"lasts": "forever", "term": "long", "every": 3}, "on_pin": "defer"},
]
FIELDS: dict[str, list[Any]] = {
    "workloads": [[one] for one in WORKLOADS] + [[one, other] for one in WORKLOADS for other in WORKLOADS],
    "io_path": PATHS,
    "memory": [*MEMORY, *SIZES],
    "protection": ["none", "pkvm", "sev-snp", "tdx", "cca"],
    "kind": [
        *("video", "block", "file", "network", "request_response", "churn", "boot"),
        *("swiotlb", "convert", "shared_pool", "direct", "raw"),
    ],
    "direction": ["from_device", "to_device", "to_guest"],
    "to": [{"guest": name, "hosts_on": hosts} for name in ("raw", "sender", "receiver", "stream") for hosts in (0, 1)],
    "arrive": [{"every": "1ms", "spacing": "poisson", "stay": "10ms"}, {"every": 0, "spacing": "poisson"}],
    "engine": [{"engines": 4, "depth": 4}, {"engines": 10**9, "depth": 1}, {"completion": "interrupt", "batch": 1}],
    "workers": [{"per": per, "threads": threads} for per in ("device", "guest", "host") for threads in (1, 4)],
    "per": ["queue", "device", "guest", "host"],
    "numa": ["pinned", "spread", "remote"],
    "machine": ["genoa", "milan", "rome", "sapphire_rapids", "grace"],
    "assigned_memory": ["shared", "all"],
    "coalesce": [{"usecs": "20us", "frames": 8}, {"usecs": "0s", "frames": 8}, {"frames": 0}],
    "wakes": ["same_vcpu", "other_vcpu"],
    "work": ["uniform", "constant", "exponential"],
    "thinking": ["constant", "exponential"],
    "acceptors": ["auto", 1, 2, "vcpus"],
    "accept": ["eager", "lazy"],
    "completion": ["interrupt", "poll"],
    "copier": ["cpu", "engine", "device"],
    "vmm": ["qemu-10", "cloud-hypervisor", "crosvm", "minimal"],
    "when_full": ["wait", "drop_newest", "drop_oldest"],
    **{name: [True, False, 1] for name in ("gro", "crypto", "restricted", "any", "dynamic", "throttle", "posted")},
    "storage": [{"latency": "1ms", "parallel": 1, "rate": "1MB/s", "request_rate": "1MB/s"}, {"rate": "1B/s"}],
    "network": [{"latency": "1us", "rate": rate} for rate in RATES],
    "faults": [[{"at": "1ms", "access": "pin", "guest": "raw"}], [{"at": "1ms", "access": "x", "guest": "raw"}]],
    "costs": [{"mm.zap_4k_bulk": {"value": value, "unit": "us", "why": "x"}} for value in (0, 1, 1e300, float("inf"))],
    "axes": [{}, {"io_path": {str(i): path for i, path in enumerate(PATHS)}}, {"io_path.kind": ["direct", "convert"]}],
    "exclude": [[], [{}], [{"io_path": "swiotlb"}]],
    "baseline": [{}, {"io_path": "swiotlb"}],
    "sizes": [{size: 100} for size in SIZES],
    "placement": ["first_fit", "best_fit", "spread", "clustered", "scattered"],
    "idle": ["halt", "poll"],
    "driver": ["v4l2", "usb", "virtio-blk", "nvme", "virtio-net", "virtio-vsock", "nic"],
    "segments": ["scatter_gather", "contiguous"],
    "mapping": ["auto", "per_transfer", "long_lived"],
    "conversion_lock": ["auto", "host", "none"],
    "fps": [1, 1000, "30000/1001", "999999999/999999998"],
    "pins": [{"lasts": "1ms"}, {"lasts": "forever", "every": 0}],
    "record": ["windows", "summary"],
    **dict.fromkeys(["buffer", "bs", "size", "granule", "region", "image", "unit", "pool", "grow", "llc"], SIZES),
    **dict.fromkeys(["max_segment", "crypto_unit", "gso", "firmware_accepts"], SIZES),
    **dict.fromkeys(["huge_page", "huge_pool", "transfer_max", "request", "response"], SIZES),
    **dict.fromkeys(
        ["duration", "window", "deadline", "produce", "consume", "hold", "thinktime", "segment"], DURATIONS
    ),
    **dict.fromkeys(["think", "serve", "receive", "round_trip", "timeout", "guest_halt_poll", "usecs"], DURATIONS),
    **dict.fromkeys(
        ["latency", "halt_poll", "worker_poll", "retry_after", "lasts", "stay", "buffer_max", "link_period"], DURATIONS
    ),
    **dict.fromkeys(
        ["buffers", "iodepth", "numjobs", "ring", "queues", "vcpus", "cpus", "hosts", "count"],
        NUMBERS,
    ),
    **dict.fromkeys(["count_per_host", "vcpus_per_cpu", "replications", "seed", "rate_iops", "rate_pps"], NUMBERS),
    **dict.fromkeys(["jitter", "work_spread", "clients", "threads", "frames", "parallel"], NUMBERS),
    **dict.fromkeys(["nodes", "sockets", "assigned_devices", "dma_entry_limit"], NUMBERS),
    **dict.fromkeys(["areas", "min_align_mask", "alloc_align_mask", "rwmixread", "width", "height"], NUMBERS),
    "rate": [*NUMBERS, *RATES],
    "channels": [0, 1, 12, 64, 65],
    "dimms": ["DDR4-3200", "DDR5-4800", "DDR5"],
    "memory_bandwidth": ["auto", *NUMBERS, *RATES],
    **dict.fromkeys(["touch", "request_rate"], RATES),
}
"""What each field may be replaced by: good values, good ones in the wrong place, and extreme ones."""


def places_in(value: Any, place: Place = ()) -> Iterator[Place]:
    """Places of all values below one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places_in(inner, (*place, key))


def inside(value: Any, place: Place) -> Any:
    """The value at a place."""
    for step in place:
        value = value[step]
    return value


def mutate(draw: st.DrawFn, data: dict[str, Any]) -> None:
    """Change one thing: drop, replace, add or repeat it, or put something of another definition there."""
    places = list(places_in(data))
    place = draw(st.sampled_from(places))
    parent, step = inside(data, place[:-1]), place[-1]
    match draw(st.sampled_from(["plausible", "plausible", "add", "add", "drop", "junk", "repeat", "other"])):
        case "plausible":
            known = [each for each in places if each[-1] in FIELDS]
            place = draw(st.sampled_from(known or places))
            inside(data, place[:-1])[place[-1]] = deepcopy(draw(st.sampled_from(FIELDS.get(str(place[-1]), JUNK))))
        case "add":
            key = draw(st.sampled_from(sorted(FIELDS)))
            here = inside(data, place)
            mapping = here if isinstance(here, dict) else data
            mapping[key] = deepcopy(draw(st.sampled_from(FIELDS[key])))
        case "drop" if len(places) > 1:
            del parent[step]
        case "repeat" if isinstance(parent, list):
            parent.append(deepcopy(parent[int(step)]))
        case "other":
            other = SHIPPED[draw(st.sampled_from(sorted(SHIPPED)))]
            parent[step] = deepcopy(inside(other, draw(st.sampled_from(list(places_in(other))))))
        case _:
            parent[step] = deepcopy(draw(st.sampled_from([*JUNK, *NUMBERS, *SIZES, *DURATIONS])))


def first_two(values: Any) -> Any:
    """Of an axis, named or not, at most two values."""
    return dict(list(values.items())[:2]) if isinstance(values, dict) else values[:2]


@st.composite
def definitions(draw: st.DrawFn) -> str:
    """The text of a shipped definition, most often one variant of it, after up to three changes.

    Of its axes at most two values each: a variant takes as long to check as a definition without axes.
    """
    data = deepcopy(SHIPPED[draw(st.sampled_from(sorted(SHIPPED)))])
    data["axes"] = {name: first_two(values) for name, values in data.get("axes", {}).items()}
    if draw(st.integers(0, 3)):
        data |= {"axes": {}, "exclude": [], "baseline": {}}
        data["protection"] = draw(st.sampled_from(FIELDS["protection"]))
        data["io_path"] = deepcopy(draw(st.sampled_from(PATHS)))
        data["memory"] = deepcopy(draw(st.sampled_from([{}, {}, *MEMORY])))
        group = draw(st.sampled_from(data["guests"]))
        group["workloads"] = deepcopy(draw(st.sampled_from([group["workloads"], *FIELDS["workloads"]])))
    for _ in range(draw(st.integers(0, 3))):
        mutate(draw, data)
    return yaml.safe_dump(data, allow_unicode=True)


@st.composite
def overrides(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped definition's name and one `--set` on it: a field's path or any, a plausible value or any text."""
    name = draw(st.sampled_from(sorted(SHIPPED)))
    places = list(places_in(SHIPPED[name]))
    place = draw(st.sampled_from(places))
    own = FIELDS.get(str(place[-1]), JUNK)
    path = draw(st.one_of(st.just(".".join(map(str, place))), st.sampled_from(sorted(FIELDS)), st.text(max_size=20)))
    written = draw(st.one_of(st.sampled_from([*own, *own, *JUNK]).map(on_one_line), st.text(max_size=20)))
    return name, f"{path}={written}"


def on_one_line(value: Any) -> str:
    """A value as YAML, as a command line holds it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return str(text).removesuffix("...\n").strip()
