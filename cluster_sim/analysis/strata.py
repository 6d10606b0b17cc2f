"""Strata and paths: what a variant is called by its labels on the axes that tell paths apart, and on the others."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.comparison import Row
from cluster_sim.results.manifest import Manifest

Labels = Mapping[str, str]
PATH_AXIS = "io_path"


@dataclass(frozen=True, slots=True)
class VariantLabels:
    """A variant in reports: `path` is its labels on the path's axes, `stratum` those on the others, also by axis."""

    variant: str
    path: str
    stratum: str
    stratum_axes: Labels
    duration_ns: int


def title_of(labels: Labels, axes: Iterable[str]) -> str:
    """Labels on some axes, such as `protection pkvm`; empty where there are none."""
    return ", ".join(f"{axis} {labels[axis]}" for axis in axes if axis in labels)


def stratum_of(labels: Labels, path_axes: Collection[str]) -> str:
    """The title of the labels outside the path's axes."""
    return title_of(labels, [axis for axis in labels if axis not in path_axes])


def path_of(variant: str, labels: Labels, path_axes: Collection[str]) -> str:
    """The labels on the path's axes; the whole variant where it has none."""
    return " ".join(label for axis, label in labels.items() if axis in path_axes) or variant


def path_axes_of(manifest: Manifest) -> tuple[str, ...]:
    """The axes that tell paths apart: the baseline's, else `io_path`, else all of them."""
    if manifest.baseline:
        return tuple(manifest.baseline)
    axes = tuple(dict.fromkeys(axis for record in manifest.variants.values() for axis in record.axes))
    return (PATH_AXIS,) if PATH_AXIS in axes else axes


def variant_labels(manifest: Manifest) -> dict[str, VariantLabels]:
    """What each variant is called, in the run's order."""
    path_axes = path_axes_of(manifest)
    return {
        variant: VariantLabels(
            variant=variant,
            path=path_of(variant, record.axes, path_axes),
            stratum=stratum_of(record.axes, path_axes),
            stratum_axes={axis: label for axis, label in record.axes.items() if axis not in path_axes},
            duration_ns=record.duration_ns,
        )
        for variant, record in manifest.variants.items()
    }


def labels_by_axis(variants: Iterable[VariantLabels]) -> dict[str, list[str]]:
    """The axes outside the path's, with their labels in the run's order."""
    found: dict[str, dict[str, None]] = {}
    for each in variants:
        for axis, label in each.stratum_axes.items():
            found.setdefault(axis, {})[label] = None
    return {axis: list(labels) for axis, labels in found.items()}


def by_stratum(rows: Sequence[Row], path_axes: Collection[str]) -> dict[tuple[str, str], list[Row]]:
    """Rows by stratum and group, in their order."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((stratum_of(row.axes, path_axes), row.group), []).append(row)
    return found
