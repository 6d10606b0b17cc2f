"""What is known of the machine that is measured: its CPU, kernel, load, frequency, and whether it is a guest itself."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
CPUFREQ = Path("/sys/devices/system/cpu")
KVM = Path("/dev/kvm")
BUSY_LOAD = 0.5
"""Programs that want to run, a CPU, before we came: from so many on, a machine is not unloaded."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, as it was at one moment; frequencies in MHz, none where nobody tells them."""

    processor: str
    cpus: int
    kernel: str
    is_guest: bool
    load_1m: float
    mhz: tuple[float, ...]
    kvm: Path = KVM
    """The device of KVM."""
    has_clflushopt: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether others want its CPUs."""
        return self.load_1m >= BUSY_LOAD * self.cpus

    @property
    def text(self) -> str:
        """What it is, in one line."""
        where = ", itself a guest" if self.is_guest else ""
        return f"{self.processor}, {self.cpus} CPUs{where}, Linux {self.kernel}"

    @property
    def state(self) -> str:
        """How it was."""
        told = f"{min(self.mhz):.0f} to {max(self.mhz):.0f} MHz" if self.mhz else "frequency not told"
        return f"load {self.load_1m:.2f}, {told}"


def machine(cpuinfo: Path = CPUINFO, cpufreq: Path = CPUFREQ) -> Machine:
    """Look at the machine that runs."""
    lines = [line.partition(":") for line in cpuinfo.read_text("utf-8").splitlines()] if cpuinfo.exists() else []
    values: dict[str, list[str]] = {}
    for key, _, value in lines:
        values.setdefault(key.strip(), []).append(value.strip())
    flags = (values.get("flags") or values.get("Features") or [""])[0].split()
    return Machine(
        processor=(values.get("model name") or [platform.machine()])[0],
        cpus=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        is_guest="hypervisor" in flags,
        load_1m=os.getloadavg()[0],
        mhz=scaled_mhz(cpufreq) or tuple(float(each) for each in values.get("cpu MHz", [])),
        has_clflushopt="clflushopt" in flags,
    )


def scaled_mhz(cpufreq: Path) -> tuple[float, ...]:
    """What cpufreq tells of each CPU; none in most guests."""
    found = []
    for file in sorted(cpufreq.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")):
        try:
            found.append(int(file.read_text("ascii")) / 1000)
        except (OSError, ValueError):
            return ()
    return tuple(found)
