"""The manifest of a run: what was run, with what, and which parts it left."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from cluster_sim.results.parts import Part

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
    """Everything that a result can be traced to; `parts` and `fingerprint` are those of finished runs."""

    format: Literal[1] = 1
    experiment: str
    question: str
    definition: str
    seed: int
    replications: int
    baseline: dict[str, str]
    variants: dict[str, VariantRecord]
    profiles: dict[str, dict[str, JsonValue]]
    versions: dict[str, str]
    host: dict[str, str]
    status: Status = "running"
    frames: int = 0
    fingerprint: str = ""
    parts: tuple[Part, ...] = ()
