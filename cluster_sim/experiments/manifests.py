"""Manifests: what is known before the first run, and the runs that a manifest asks for."""

import math
import platform
import sys
from importlib import metadata

from pydantic import JsonValue

from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.runtime.sources import package_digest
from cluster_sim.scenario.axes import Run, Variant
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.shipped import workloads_directory

VERSIONED = ("cluster-sim", "numba", "numpy", "pyarrow", "pydantic", "ray")
SOURCES = "cluster-sim sources"
"""Digest of the package's own sources: what a version is called while it is being worked on."""


def versions() -> dict[str, str]:
    """Versions of whatever makes the results."""
    libraries = {name: metadata.version(name) for name in VERSIONED}
    return {"python": platform.python_version(), **libraries, SOURCES: package_digest()}


def is_of_these_sources(manifest: Manifest) -> bool:
    """Whether a run was made by the very program that runs now."""
    return manifest.versions.get(SOURCES) == package_digest()


def runs_of(manifest: Manifest) -> tuple[Run, ...]:
    """All runs, variants outermost."""
    variants = [
        Variant(label, dict(record.axes), ScenarioSpec.model_validate(record.scenario))
        for label, record in manifest.variants.items()
    ]
    return tuple(
        Run(variant, replication, manifest.seed) for variant in variants for replication in range(manifest.replications)
    )


def opening_manifest(experiment: Experiment) -> Manifest:
    """What is known before the first run: definition, scenarios, profiles with provenance, versions, host."""
    spec, folder = experiment.spec, experiment.source.parent.resolve()
    profiles = {variant.label: profile_of(variant.scenario) for variant in experiment.variants}
    return Manifest(
        experiment=spec.name,
        question=spec.question,
        definition=experiment.source.name,
        folder="" if folder == workloads_directory().resolve() else str(folder),
        seed=spec.seed,
        replications=spec.replications,
        baseline=dict(spec.baseline),
        judge=spec.judge,
        variants={
            variant.label: VariantRecord(
                axes=dict(variant.axis_labels),
                profile=profiles[variant.label].name,
                duration_ns=variant.scenario.duration,
                scenario=variant.scenario.plain(),
            )
            for variant in experiment.variants
        },
        profiles={profile.name: profile_record(profile) for profile in profiles.values()},
        versions=versions(),
        host={"system": platform.platform(), "machine": platform.machine(), "byte_order": sys.byteorder},
    )


def profile_record(profile: Profile) -> dict[str, JsonValue]:
    """A profile with the provenance of each price, and of the costs that its formulas use."""
    inputs = sorted({name for cost in profile.costs() for name in cost.inputs})
    return {
        "title": profile.title,
        "notes": list(profile.notes),
        "prices": {
            name: {"absent": price.note} if price.cost is None else cost_record(price.cost)
            for name, price in sorted(profile.prices.items())
        },
        "costs": {name: cost_record(profile.library.costs[name]) for name in inputs},
    }


def cost_record(cost: Cost) -> dict[str, JsonValue]:
    """A cost with its provenance."""
    return {
        "value": cost.value if math.isfinite(cost.value) else str(cost.value),
        "unit": cost.unit,
        "low": cost.low if math.isfinite(cost.low) else str(cost.low),
        "high": cost.high if math.isfinite(cost.high) else str(cost.high),
        "source": cost.source,
        "confidence": cost.confidence,
        "formula": cost.formula,
        "note": cost.note,
        "stands_in": cost.stands_in,
    }
