"""A figure over several cases: its one value, its range, or a range for each label that moves it."""

from cluster_sim.analysis.first_sentence.spread import spread
from cluster_sim.analysis.strata import Labels


def values(*found: tuple[str, str, float]) -> list[tuple[Labels, float]]:
    """By technology and size."""
    return [({"protection": protection, "guests.disk.size": size}, value) for protection, size, value in found]


def test_one_value_is_told_once() -> None:
    assert spread(values(("pkvm", "4k", 40), ("tdx", "4k", 40)), "p50", "frame") == "40 µs"


def test_values_near_each_other_are_a_range() -> None:
    assert spread(values(("pkvm", "4k", 40), ("tdx", "4k", 50)), "p50", "frame") == "40 to 50 µs"


def test_the_axis_that_moves_a_figure_is_told_by_its_labels() -> None:
    found = values(("pkvm", "4k", 40), ("tdx", "4k", 44), ("pkvm", "1m", 400), ("tdx", "1m", 410))
    assert spread(found, "p50", "frame") == "40 to 44 µs with size 4k and 400 to 410 µs with size 1m"


def test_labels_whose_values_overlap_are_told_together() -> None:
    found = values(("pkvm", "4k", 10), ("pkvm", "8k", 40), ("pkvm", "1m", 42), ("tdx", "8k", 43), ("tdx", "1m", 41))
    assert spread(found, "throughput", "request") == (
        "10 requests/s with size 4k and 40 to 43 requests/s with size 8k and 1m"
    )


def test_units_that_differ_are_both_told() -> None:
    found = [({"size": "4k", "copier": each}, value) for each, value in (("a", 900.0), ("b", 1300.0))]
    assert spread(found, "p50", "frame") == "900 µs to 1.3 ms"


def test_where_something_is_nothing_no_label_is_told() -> None:
    assert spread(values(("pkvm", "4k", 0), ("tdx", "4k", 40)), "late", "frame") == "0 to 40 %"
