"""Windows by pencil and paper: symmetric in ratio, wider with the effect, never so wide that no effect is inside."""

import math

import pytest

from cluster_sim.validation.windows import AMOUNT, REPEATS, over_published, window_of


@pytest.mark.parametrize(
    ("published", "unit", "window"),
    [
        (100, "us", (80, 125)),
        (1.21, "x", (1.1, 1.331)),
        (1 / 1.21, "x", (1 / 1.331, 1 / 1.1)),
        (-19, "%", (-27.1, -10)),
        (21, "%", (10, 33.1)),
        (-75, "%", (-80, -68.75)),
        (4, "x", (3.2, 5)),
        (0, "%", (100 / 1.03 - 100, 3)),
        (1, "x", (1 / 1.03, 1.03)),
    ],
)
def test_a_window_is_the_published_ratio_over_and_times_a_factor(
    published: float, unit: str, window: tuple[float, float]
) -> None:
    """-19 % leaves 0.81, whose root is 0.9: 0.81 * 0.9 and 0.81 / 0.9. Of -75 % the factor is a quarter, no more."""
    assert window_of(published, unit) == pytest.approx(window)


@pytest.mark.parametrize(("published", "unit"), [(0, "us"), (-3, "us"), (0, "x"), (-100, "%")])
def test_what_has_no_ratio_has_no_window_by_the_rule(published: float, unit: str) -> None:
    assert window_of(published, unit) is None
    assert over_published(1, published, unit) is None


@pytest.mark.parametrize("published", [-60, -25, -7, 7, 25, 60])
def test_no_effect_lies_outside_of_what_has_an_effect(published: float) -> None:
    low, high = window_of(published, "%") or (0, 0)
    assert not low <= 0 <= high


def test_the_factor_of_a_comparison_lies_between_its_ends_whatever_was_published() -> None:
    for step in range(1, 400):
        published = step / 40
        low, high = window_of(published, "x") or (0, 0)
        factor = math.sqrt(high / low)
        assert REPEATS - 1e-9 <= factor <= AMOUNT + 1e-9
        assert math.sqrt(high * low) == pytest.approx(published)
