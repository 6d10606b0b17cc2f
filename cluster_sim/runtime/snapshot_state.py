"""An object's state as plain data and arrays, and back into an object that was set up the same way.

A run's order says how hosts and guests are set up, so only what moves is kept: the fields of dataclasses that are
not frozen, and of other classes those that they list in KEPT. What is frozen is definition, and taken from the new
object; records that come into being during a run are listed here by name, and nothing else is ever made from a file.
"""

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, JsonValue

from cluster_sim.engine.faults import FaultRecord
from cluster_sim.engine.state import Arrivals
from cluster_sim.refusal import InputError
from cluster_sim.results.parts import Part
from cluster_sim.workloads.adaptive import Asked

RECORDS: dict[str, type] = {kind.__name__: kind for kind in (FaultRecord, Arrivals, Part, Asked)}

Array = npt.NDArray[np.generic]


class SavedStateError(InputError):
    """State that does not fit the object that it is put into."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """The state of an object: a tree of plain data that names arrays by number."""

    tree: JsonValue
    arrays: list[Array]


def saved_state_of(value: object) -> SavedState:
    """Take down an object's state; arrays are not copied."""
    taker = _Taker()
    return SavedState(taker.take(value), taker.arrays)


def restore(value: object, saved: SavedState) -> None:
    """Put a state into an object that was set up the same way."""
    _Giver(saved.arrays).give(value, saved.tree)


@dataclass(slots=True)
class _Taker:
    arrays: list[Array] = field(default_factory=list)

    def take(self, value: object) -> JsonValue:
        """A value as plain data."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.generic):
            return self.take(value.item())
        if isinstance(value, np.ndarray):
            self.arrays.append(value)
            return {"array": len(self.arrays) - 1}
        if isinstance(value, pa.RecordBatch):
            self.arrays.append(np.frombuffer(bytes_of_batch(value), np.uint8))
            return {"batch": len(self.arrays) - 1}
        if type(value).__name__ in RECORDS and isinstance(value, RECORDS[type(value).__name__]):
            return {"record": type(value).__name__, "fields": self._fields(value, field_names(value))}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"named": self._fields(value, value._fields)}
        match value:
            case list():
                return {"list": [self.take(each) for each in value]}
            case tuple():
                return {"tuple": [self.take(each) for each in value]}
            case set():
                return {"set": [self.take(each) for each in sorted(value)]}
            case dict():
                return {"pairs": [[self.take(key), self.take(each)] for key, each in value.items()]}
            case _:
                return self._object(value)

    def _object(self, value: object) -> JsonValue:
        names = kept_names(value)
        return {"definition": type(value).__name__} if names is None else {"kept": self._fields(value, names)}

    def _fields(self, value: object, names: "list[str] | tuple[str, ...]") -> JsonValue:
        return {name: self.take(getattr(value, name)) for name in names}


@dataclass(slots=True)
class _Giver:
    arrays: list[Array]

    def give(self, mine: object, kept: JsonValue) -> object:
        """The value that was taken down, in the place of `mine`."""
        if not isinstance(kept, dict):
            return kept
        match kept:
            case {"array": int(number)}:
                return like(mine, self.arrays[number])
            case {"batch": int(number)}:
                return batch_of_bytes(self.arrays[number].tobytes())
            case {"record": str(name), "fields": dict(fields)} if name in RECORDS:
                return RECORDS[name](**{each: self.give(None, value) for each, value in fields.items()})
            case {"named": dict(fields)} if isinstance(mine, tuple):
                changed = {each: self.give(getattr(mine, each), value) for each, value in fields.items()}
                return mine._replace(**changed)  # type: ignore[attr-defined]
            case {"list": list(items)}:
                known = mine if isinstance(mine, list) and len(mine) == len(items) else [None] * len(items)
                return [self.give(one, item) for one, item in zip(known, items, strict=True)]
            case {"tuple": list(items)}:
                return tuple(self.give(None, item) for item in items)
            case {"set": list(items)}:
                return {self.give(None, item) for item in items}
            case {"pairs": list(pairs)}:
                return self._pairs(mine, pairs)
            case {"definition": str(name)} if type(mine).__name__ == name:
                return mine
            case {"kept": dict(fields)} if mine is not None and list(fields) == list(kept_names(mine) or ()):
                for name, value in fields.items():
                    setattr(mine, name, self.give(getattr(mine, name), value))
                return mine
        raise SavedStateError("", f"{list(kept)} for {type(mine).__name__}", "the state of an object set up alike")

    def _pairs(self, mine: object, pairs: list[JsonValue]) -> object:
        known = mine if isinstance(mine, dict) else {}
        found: dict[object, object] = {}
        for pair in pairs:
            if not isinstance(pair, list):
                raise SavedStateError("", "no pair", "pairs of a key and a value")
            key = self.give(None, pair[0])
            found[key] = self.give(known.get(key), pair[1])
        return found


def like(mine: object, array: Array) -> Array:
    """An array with the very type of mine: to numba an aligned record is not one that only looks the same."""
    return array.view(mine.dtype) if isinstance(mine, np.ndarray) and mine.dtype == array.dtype else array


def kept_names(value: object) -> tuple[str, ...] | None:
    """Fields of an object that move; None for what is definition."""
    listed = getattr(type(value), "KEPT", None)
    if listed is not None:
        return tuple(listed)
    if dataclasses.is_dataclass(value) and not value.__dataclass_params__.frozen:  # type: ignore[union-attr]
        return field_names(value)
    if dataclasses.is_dataclass(value) or isinstance(value, BaseModel):
        return None
    raise SavedStateError("", type(value).__name__, "dataclasses, and classes that say what is KEPT")


def field_names(value: object) -> tuple[str, ...]:
    """Fields of a record."""
    if isinstance(value, tuple):
        return tuple(value._fields)  # type: ignore[attr-defined]
    return tuple(each.name for each in dataclasses.fields(value))  # type: ignore[arg-type]


def bytes_of_batch(batch: pa.RecordBatch) -> bytes:
    """A batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


def batch_of_bytes(data: bytes) -> pa.RecordBatch:
    """The one batch of an Arrow stream."""
    with pa.ipc.open_stream(data) as stream:
        return stream.read_next_batch()
