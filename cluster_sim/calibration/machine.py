"""What is known of the machine that is measured: its CPU, kernel, load, frequency, and whether it is a guest itself."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, as it was at one moment; frequencies in MHz, none where nobody tells them."""

    processor: str
    cpus: int
    kernel: str
    is_guest: bool
    load_1m: float
    mhz: tuple[float, ...]

    @property
    def text(self) -> str:
        """In one line."""
        told = f"{min(self.mhz):.0f} to {max(self.mhz):.0f} MHz" if self.mhz else "frequency not told"
        where = ", itself a guest" if self.is_guest else ""
        return f"{self.processor}, {self.cpus} CPUs{where}, Linux {self.kernel}, load {self.load_1m:.2f}, {told}"


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """Look at the machine."""
    lines = [line.partition(":") for line in cpuinfo.read_text("utf-8").splitlines()] if cpuinfo.exists() else []
    values: dict[str, list[str]] = {}
    for key, _, value in lines:
        values.setdefault(key.strip(), []).append(value.strip())
    flags = (values.get("flags") or values.get("Features") or [""])[0].split()
    return Machine(
        processor=(values.get("model name") or [platform.machine()])[0],
        cpus=os.cpu_count() or 1,
        kernel=platform.release(),
        is_guest="hypervisor" in flags,
        load_1m=os.getloadavg()[0],
        mhz=tuple(float(each) for each in values.get("cpu MHz", [])),
    )
