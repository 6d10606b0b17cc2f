"""What a class marks as moving is found in its order: bases first, attributes before properties, nothing else."""

from dataclasses import dataclass, field

from cluster_sim.moving import Moving, moving_names


@dataclass
class Base:
    definition: int
    first: Moving[int] = field(default=0, init=False)


class Derived(Base):
    other: str
    second: Moving[dict[int, list[int]]]

    @property
    def third(self) -> Moving[int]:
        return self.first

    @property
    def fourth(self) -> int:
        return self.first


def test_what_is_marked_is_found_and_nothing_else() -> None:
    assert moving_names(Derived) == ("first", "second", "third")


def test_a_class_that_marks_nothing_has_none() -> None:
    assert moving_names(int) == ()
