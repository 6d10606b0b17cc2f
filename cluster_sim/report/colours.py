"""Colours of charts: one for each path throughout, told apart by people who see few colours, in light and in dark.

The hues are those of Okabe and Ito (2008, Color Universal Design), brought to a lightness that stands out at least
3:1 against both backgrounds; where labels outnumber them they come again with other dashes and shapes, which are the
second channel in any case.
"""

from collections.abc import Sequence

import altair as alt

from cluster_sim.results.ledger import Category

PATHS = ("#0072b2", "#d55e00", "#009e73", "#bf5f95", "#2f95d0", "#c08000", "#7f7f7f", "#8a8a00")
DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 2), (2, 2), (8, 2, 2, 2), (4, 4), (10, 3), (1, 3))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

FAMILIES: dict[str, tuple[Category, ...]] = {
    "copies": (Category.GUEST_COPY, Category.HOST_COPY, Category.ENGINE_COPY, Category.CRYPTO),
    "faults": (Category.FAULT,),
    "conversions": (
        Category.HYPERCALL,
        Category.PAGE_TABLE,
        Category.TLB,
        Category.SPLIT_MERGE,
        Category.ACCEPT_ZERO,
        Category.PIN_WAIT,
    ),
    "exits, wake-ups": (Category.EXIT, Category.NOTIFY),
    "bounce slots": (Category.SLOTS,),
    "waiting": (Category.LOCK_WAIT, Category.QUEUE_WAIT, Category.BANDWIDTH_WAIT),
    "storage, network": (Category.STORAGE, Category.NETWORK),
    "guest's own work": (Category.WORK,),
}
"""The ledger's twenty categories in eight families: no chart has twenty colours that can be told apart."""

FAMILY_COLOURS = ("#4477aa", "#cc6677", "#b08d2e", "#117733", "#88ccee", "#8f8f8f", "#aa4499", "#44aa99")
"""After Tol's muted scheme: other colours than the paths', because they mean something else."""

SHADES = (1.0, 0.55, 0.25, 0.12)
"""Opacities of the slices of a bar that has its path's colour."""


def colours(labels: Sequence[str]) -> list[str]:
    """The colour of each label, by its number among all."""
    return [PATHS[number % len(PATHS)] for number in range(len(labels))]


def dashes(labels: Sequence[str]) -> list[tuple[int, ...]]:
    """The dashes of each label's line: no colour comes with the same ones twice among the first 56."""
    return [DASHES[number % len(DASHES)] for number in range(len(labels))]


def shapes(labels: Sequence[str]) -> list[str]:
    """The shape of each label's points."""
    return [SHAPES[number % len(SHAPES)] for number in range(len(labels))]


def colour_scale(labels: Sequence[str]) -> alt.Scale:
    """One colour a path, stable by the order of all labels of the run."""
    return alt.Scale(domain=list(labels), range=colours(labels))


def dash_scale(labels: Sequence[str]) -> alt.Scale:
    """The same for dashes of lines."""
    return alt.Scale(domain=list(labels), range=[list(each) for each in dashes(labels)])


def shape_scale(labels: Sequence[str]) -> alt.Scale:
    """The same for shapes of points."""
    return alt.Scale(domain=list(labels), range=shapes(labels))
