"""Colours: readable on both grounds, stable, told apart by a second channel, and one family a ledger category."""

from collections.abc import Sequence

import pytest

from cluster_sim.report.colours import FAMILIES, FAMILY_COLOURS, PATHS, colour_scale, colours, dashes, shapes
from cluster_sim.results.ledger import Category

GROUNDS = ("#fbfbf9", "#14171b", "#ffffff")
LEAST_CONTRAST = 3.0
"""WCAG 2.1, 1.4.11: graphical objects."""


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.1."""
    channels = [int(colour[begin : begin + 2], 16) / 255 for begin in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio after WCAG 2.1."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_has_the_contrast_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("colour", PATHS)
def test_a_paths_colour_stands_out_in_light_and_dark(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= LEAST_CONTRAST


def test_a_label_keeps_its_colour_when_others_follow() -> None:
    assert colours(["a", "b", "c"])[:2] == colours(["a", "b"])
    assert colour_scale(["a", "b"]).to_dict() == {"domain": ["a", "b"], "range": list(PATHS[:2])}


def pairs(labels: Sequence[str]) -> list[tuple[str, object]]:
    return list(zip(colours(labels), dashes(labels), strict=True))


def test_no_two_of_56_paths_have_the_same_colour_and_the_same_dashes_or_shape() -> None:
    labels = [str(number) for number in range(56)]
    assert len(set(pairs(labels))) == 56
    assert len(set(zip(colours(labels), shapes(labels), strict=True))) == 56


def test_each_ledger_category_is_in_one_family() -> None:
    members = [category for family in FAMILIES.values() for category in family]
    assert sorted(members) == sorted(Category)
    assert len(FAMILY_COLOURS) == len(FAMILIES) == len(set(FAMILY_COLOURS))
    assert Category.PIN_WAIT in FAMILIES["conversions"]
