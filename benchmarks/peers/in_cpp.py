"""The reference model as a plain C++ loop, where a compiler is there."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.peers.model import Model, Timed

SOURCE = Path(__file__).with_name("loop.cpp")
COMPILER = "g++"


def is_there() -> bool:
    """Whether it can be compiled."""
    return shutil.which(COMPILER) is not None


def run(model: Model, repeat: int) -> Timed:
    """Compile it with -O3, and let it time itself."""
    numbers = [model.guests, model.slots, model.service_ns, model.consume_ns, repeat, len(model.arrivals)]
    columns = [np.array(numbers, np.int64)]
    for arrivals in model.arrivals:
        columns += [np.array([len(arrivals.at_ns)], np.int64), arrivals.at_ns, arrivals.stream]
    with TemporaryDirectory() as folder:
        program = Path(folder) / "loop"
        subprocess.run([COMPILER, "-O3", "-march=native", "-std=c++17", "-o", program, SOURCE], check=True)  # noqa: S603
        given = np.concatenate(columns).tobytes()
        told = subprocess.run([program], input=given, capture_output=True, check=True)  # noqa: S603
    frames, latency_ns_sum, *seconds = told.stdout.split()
    return Timed(int(frames), int(latency_ns_sum), tuple(map(float, seconds)))
