"""`Moving`: marks what of an object moves while it runs; a snapshot holds that, all else comes from definitions."""

import inspect
from typing import Annotated, Final, TypeVar

Kind = TypeVar("Kind")

MARK: Final = "moves"
Moving = Annotated[Kind, MARK]
"""Type of an attribute that moves, or of a property that reads and sets what moves."""


def moving_names(kind: type) -> tuple[str, ...]:
    """Names of a class's attributes and properties that are marked, those of its bases first."""
    names: dict[str, None] = {}
    for each in reversed(kind.__mro__):
        for name, annotation in inspect.get_annotations(each).items():
            if is_marked(annotation):
                names[name] = None
        for name, value in vars(each).items():
            if isinstance(value, property) and is_marked(value.fget.__annotations__.get("return")):
                names[name] = None
    return tuple(names)


def is_marked(annotation: object) -> bool:
    """Whether a type is `Moving[…]`."""
    return MARK in getattr(annotation, "__metadata__", ())
