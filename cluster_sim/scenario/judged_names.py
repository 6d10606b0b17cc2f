"""What `judge` of a definition may name: the figures that its question asks for."""

from typing import Literal

JudgedName = Literal[
    "throughput",
    "goodput",
    "latency",
    "p99",
    "end_to_end",
    "boot",
    "late",
    "dropped",
    "unfinished",
    "frozen",
    "refused",
    "played",
    "switches",
    "guest_cpu",
    "host_cpu",
    "guest_cores",
    "host_cores",
    "conversions",
    "broken_leaves",
    "memory",
    "exposure",
]
