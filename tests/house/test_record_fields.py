"""Every record of numbers is declared field by field with name, unit, meaning and type, as the tables' columns are."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cluster_sim
from cluster_sim.compiling.records import Field, record_of

ROOT = Path(__file__).parents[2]
ROOMS = ("engine", "memory", "planning", "runtime", "workloads", "io_paths", "chance")
UNITS = {"", "1", "ns", "B", "page", "%", "page·ns", "1·ns", "ns/1024", "ns/MiB", "1/1000", "1/1024"}
ENDINGS = {"ns": "_ns", "page": "_pages"}
UNIT_IN_OTHER_WORDS = {"ns", "pages", "split", "splits", "prices", "ledger"}
"""Names that say their unit without its ending, and counts of things that are no pages."""


def records() -> Iterator[tuple[str, str, np.dtype[np.void], object]]:
    """Module, name, dtype and declared fields of each record that the package's modules define."""
    for room in ROOMS:
        folder = Path(cluster_sim.__file__).parent / room
        for found in pkgutil.walk_packages([str(folder)], f"cluster_sim.{room}."):
            text = Path(importlib.util.find_spec(found.name).origin).read_text("utf-8")  # type: ignore[union-attr,arg-type]
            for name in re.findall(r"^([A-Z_]+)(?:: Final)? = (?:record_of|np\.dtype)\(", text, re.MULTILINE):
                module = importlib.import_module(found.name)
                yield found.name, name, getattr(module, name), getattr(module, f"{name}_FIELDS", None)


RECORDS = list(records())


def test_records_are_found_in_the_rooms_that_have_them() -> None:
    assert {module.split(".")[1] for module, *_ in RECORDS} >= {"engine", "memory", "runtime", "workloads"}
    assert len(RECORDS) >= 20


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record[0]}.{record[1]}")
def test_a_record_has_name_unit_meaning_and_type_of_each_field(
    record: tuple[str, str, np.dtype[np.void], object],
) -> None:
    module, name, dtype, fields = record
    assert isinstance(fields, tuple), f"declare {module}.{name}_FIELDS and make the dtype by record_of"
    assert dtype == record_of(fields), f"{module}.{name} is not made of {name}_FIELDS"
    names = [field.name for field in fields]
    assert len(set(names)) == len(names)
    for field in fields:
        assert isinstance(field, Field)
        assert field.unit in UNITS, f"{name}.{field.name}: a unit of {sorted(UNITS)}, not {field.unit!r}"
        assert len(field.meaning.split()) >= 2, f"{name}.{field.name}: say what it means"
        ending = ENDINGS.get(field.unit)
        if ending is not None and field.name not in UNIT_IN_OTHER_WORDS:
            assert field.name.endswith(ending), f"{name}.{field.name}: end the name with {ending}"


def test_no_other_record_is_declared() -> None:
    outside = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "cluster_sim").rglob("*.py")
        if re.search(r"np\.dtype\(\s*\[", path.read_text("utf-8")) and path.name != "records.py"
    ]
    assert not outside, f"declare the fields of records and make their dtypes by record_of: {outside}"
