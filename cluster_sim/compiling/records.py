"""Records of compiled code: each field declared once, with name, unit, meaning and type; the dtype is derived."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `unit` is empty for identities and choices, `shape` is that of a field that holds several numbers."""

    name: str
    unit: str
    meaning: str
    shape: tuple[int, ...] = ()
    kind: str = "int64"


def record_of(fields: Sequence[Field]) -> np.dtype[np.void]:
    """The dtype of a record of these fields, aligned as C would."""
    return np.dtype([(field.name, field.kind, field.shape) for field in fields], align=True)
