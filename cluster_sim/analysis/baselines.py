"""What variants are compared with: the baseline's labels, and each variant's counterpart that has them."""

from collections.abc import Mapping, Sequence

from cluster_sim.analysis.comparability import RUN_AXIS, Joined
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.results.reader import Results


def usual_baseline(runs: Sequence[Results], joined: Joined) -> dict[str, str]:
    """The definition's own baseline; the first run, where others ran the same variants."""
    if len(runs) > 1:
        others = [
            tuple(label for axis, label in each.axes.items() if axis != RUN_AXIS) for each in joined.variants.values()
        ]
        if len(set(others)) < len(others):
            return {RUN_AXIS: joined.names[0]}
    return dict(runs[0].manifest.baseline)


def check_baseline(baseline: Mapping[str, str], variants: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse axes and labels that the run does not have."""
    labels: dict[str, list[str]] = {}
    for axes in variants.values():
        for axis, label in axes.items():
            if label not in labels.setdefault(axis, []):
                labels[axis].append(label)
    for axis, label in baseline.items():
        if axis not in labels:
            raise ComparisonError("baseline", found=f"the axis {axis!r}", allowed=" | ".join(labels) or "none")
        if label not in labels[axis]:
            raise ComparisonError(f"baseline {axis}", found=repr(label), allowed=" | ".join(labels[axis]))


def index_of(variants: Mapping[str, Mapping[str, str]]) -> dict[frozenset[tuple[str, str]], list[str]]:
    """Variants by their axis labels, and by all of them but the run's."""
    index: dict[frozenset[tuple[str, str]], list[str]] = {}
    for label, axes in variants.items():
        index.setdefault(frozenset(axes.items()), []).append(label)
        if RUN_AXIS in axes:
            index.setdefault(without_run(axes), []).append(label)
    return index


def without_run(axes: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Axis labels but the run's."""
    return frozenset((axis, label) for axis, label in axes.items() if axis != RUN_AXIS)


def counterpart(
    axes: Mapping[str, str],
    baseline: Mapping[str, str],
    index: Mapping[frozenset[tuple[str, str]], Sequence[str]],
    *,
    may_cross: bool = False,
) -> str | None:
    """The variant that differs from `axes` in the baseline's axes only, if there is one.

    `may_cross`: where its own run has none, the only one among the other runs.
    """
    if not baseline:
        return None
    wanted = {**axes, **baseline}
    exact = index.get(frozenset(wanted.items()), ())
    if exact or not may_cross or RUN_AXIS in baseline:
        return exact[0] if exact else None
    elsewhere = index.get(without_run(wanted), ())
    return elsewhere[0] if len(elsewhere) == 1 else None
