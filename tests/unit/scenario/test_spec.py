"""The typed definition: derived values, plain JSON and back, and the schema."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import ExperimentSpec, ScenarioSpec
from cluster_sim.scenario.workload_spec import RawVideo
from cluster_sim.shipped import shipped_workloads

Loader = Callable[..., Experiment]


@pytest.mark.parametrize(
    ("pixel_format", "frame_bytes"),
    [("nv12", 3_110_400), ("i420", 3_110_400), ("yuv422", 4_147_200), ("p010", 6_220_800), ("xrgb", 8_294_400)],
)
def test_a_1080p_frame_has_the_bytes_of_its_format(pixel_format: str, frame_bytes: int) -> None:
    raw = {"kind": "raw", "width": 1920, "height": 1080, "format": pixel_format, "fps": "30000/1001"}
    video = RawVideo.model_validate(raw)
    assert video.frame_bytes == frame_bytes
    assert video.fps == Fraction(30000, 1001)


def test_a_scenario_is_plain_json_and_reads_back_the_same(good_text: str, load_text: Loader) -> None:
    override = "costs.bandwidth={value: .inf, unit: B/s, why: a limit}"
    for variant in load_text(good_text, override, "guests.raw.workloads.0.source.fps=30000/1001").variants:
        text = json.dumps(variant.scenario.plain(), allow_nan=False)
        assert ScenarioSpec.model_validate(json.loads(text)) == variant.scenario


def test_an_experiment_is_plain_json_and_reads_back_the_same(good_text: str, load_text: Loader) -> None:
    spec = load_text(good_text).spec
    assert ExperimentSpec.model_validate(json.loads(spec.model_dump_json())) == spec


def test_a_scenario_keeps_the_trace_as_written(good_text: str, load_text: Loader) -> None:
    (variant, *_) = load_text(good_text).variants
    assert '"film.parquet"' in json.dumps(variant.scenario.plain())


def test_a_definition_cannot_be_changed(good_text: str, load_text: Loader) -> None:
    with pytest.raises(ValidationError):
        load_text(good_text).spec.seed = 2  # type: ignore[misc]


def test_the_schema_describes_every_field_and_is_json() -> None:
    schema = json.loads(json.dumps(ExperimentSpec.model_json_schema(), allow_nan=False))
    models = [schema, *schema["$defs"].values()]
    undescribed = [
        f"{model['title']}.{name}"
        for model in models
        for name, field in model.get("properties", {}).items()
        if "description" not in field
    ]
    assert undescribed == []
    assert schema["additionalProperties"] is False
    memory = schema["$defs"]["HostSpec"]["properties"]["memory"]
    assert "GiB" in memory["pattern"]
    assert "4GiB" in memory["examples"] or "256GiB" in memory["examples"]


def test_the_schema_knows_every_kind_and_refuses_keys_that_no_kind_has() -> None:
    schema = ExperimentSpec.model_json_schema()
    kinds = {
        kind
        for model in schema["$defs"].values()
        for kind in [model.get("properties", {}).get("kind", {}).get("const")]
        if kind is not None
    }
    assert kinds == {
        *("video", "block", "file", "network", "request_response", "churn", "boot"),
        *("raw", "trace", "ladder"),
        *("swiotlb", "convert", "shared_pool", "direct"),
    }
    assert [name for name, model in schema["$defs"].items() if model.get("additionalProperties") is not False] == []


@pytest.mark.parametrize("file", shipped_workloads(), ids=lambda file: file.stem)
def test_every_shipped_definition_is_valid_by_the_schema(file: Path) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator(ExperimentSpec.model_json_schema())
    definition = yaml.safe_load(file.read_text("utf-8"))
    assert [error.message for error in validator.iter_errors(definition)] == []
    assert not validator.is_valid(definition | {"questoin": "?"})
    guests = [group | {"vcpus": 0} for group in definition["guests"]]
    assert not validator.is_valid(definition | {"guests": guests})
