"""Figures of a benchmark as JSON, so that two runs of it can be held against each other."""

import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Unit = Literal["frames/s", "s", "bytes", "ratio", "exponent"]


@dataclass(slots=True)
class Figures:
    """Named figures, each with its unit and the value of each repeat."""

    found: dict[str, dict[str, object]] = field(default_factory=dict)
    load_1m: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, name: str, unit: Unit, values: list[float]) -> None:
        """Take a figure."""
        self.found[name] = {"unit": unit, "values": values}

    def write(self, path: Path | None) -> None:
        """Write all that was taken, if it is wanted."""
        if path is None:
            return
        machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {self.load_1m:.1f} at the start"
        text = json.dumps({"machine": machine, "figures": self.found}, indent=1)
        path.write_text(text + "\n", "utf-8")
