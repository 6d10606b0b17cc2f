"""The manifest of a run: what was run, with what, and which parts it left."""

from operator import not_
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cluster_sim.results.parts import Part
from cluster_sim.shipped import workloads_directory

Status = Literal["running", "complete", "interrupted", "failed"]


class Record(BaseModel):
    """A frozen record that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VariantRecord(Record):
    """A variant: the labels of its axes, its cost profile by name, its scenario as resolved."""

    axes: dict[str, str]
    profile: str
    duration_ns: int
    scenario: dict[str, JsonValue]


class Manifest(Record):
    """Everything that a result can be traced to; `parts` and `fingerprint` are those of finished runs.

    `folder` is where the definition lay, from which its traces are found; empty for a shipped one. `frames_of` counts
    frames by `variant/replication`, `checksum` is over all else.
    """

    format: Literal[1] = 1
    experiment: str
    question: str
    definition: str
    folder: str = ""
    seed: int
    replications: int
    baseline: dict[str, str]
    judge: tuple[str, ...] = Field(default=(), exclude_if=not_)  # older runs keep their checksums
    variants: dict[str, VariantRecord]
    profiles: dict[str, dict[str, JsonValue]]
    versions: dict[str, str]
    host: dict[str, str]
    status: Status = "running"
    fingerprint: str = ""
    parts: tuple[Part, ...] = ()
    frames_of: dict[str, int] = {}
    checksum: str = ""

    @property
    def frames(self) -> int:
        """Frames of all runs that have ended."""
        return sum(self.frames_of.values())

    @property
    def traces_folder(self) -> Path:
        """Where the traces of the definition are looked for."""
        return Path(self.folder) if self.folder else workloads_directory()
