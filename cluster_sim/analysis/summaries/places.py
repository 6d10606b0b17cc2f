"""Where a variant stands in a report: its stratum, and its path within it."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.results.manifest import Manifest

PATH_AXIS = "io_path"


@dataclass(frozen=True, slots=True)
class Place:
    """A variant's place: `path` are its labels on the path's axes, `stratum` those on the others, by axis."""

    variant: str
    path: str
    stratum: str
    others: Mapping[str, str]
    duration_ns: int


def places(manifest: Manifest) -> dict[str, Place]:
    """The place of each variant, in the run's order.

    The path's axes are the baseline's, else `io_path`, else all of them: then a path is a whole variant.
    """
    found = {}
    for variant, record in manifest.variants.items():
        axes = record.axes
        inner = [axis for axis in axes if axis in path_axes(manifest)]
        others = {axis: label for axis, label in axes.items() if axis not in inner}
        path = " ".join(axes[axis] for axis in inner) or variant
        stratum = ", ".join(f"{axis} {label}" for axis, label in others.items())
        found[variant] = Place(variant, path, stratum, others, record.duration_ns)
    return found


def path_axes(manifest: Manifest) -> tuple[str, ...]:
    """The axes that tell paths from each other."""
    if manifest.baseline:
        return tuple(manifest.baseline)
    axes = tuple(dict.fromkeys(axis for record in manifest.variants.values() for axis in record.axes))
    return (PATH_AXIS,) if PATH_AXIS in axes else axes


def paths_of(manifest: Manifest) -> list[str]:
    """All paths, in the run's order: what colours are given by."""
    return list(dict.fromkeys(place.path for place in places(manifest).values()))


def strata_of(manifest: Manifest) -> list[str]:
    """All strata, in the run's order."""
    return list(dict.fromkeys(place.stratum for place in places(manifest).values()))
