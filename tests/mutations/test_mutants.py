"""Deliberate mistakes in the model do not live: all in the campaign's table, some looked at again here."""

import tomllib
from pathlib import Path

import pytest

from tests.mutations.campaign import TABLE
from tests.mutations.mutants import MUTANTS, ROOT, Mutant, verdicts

TABLE_ROWS = tomllib.loads(TABLE.read_text("utf-8"))["mutation"]
LOOKED_AT_AGAIN = MUTANTS[::5]


def test_the_table_is_of_these_mutants_and_none_lived() -> None:
    assert [(row["name"], row["rule"]) for row in TABLE_ROWS] == [(mutant.what, mutant.rule) for mutant in MUTANTS]
    assert all(row["caught_by"] for row in TABLE_ROWS)
    assert len(MUTANTS) >= 10


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_a_mutant_is_one_change_of_the_code_as_it_is(mutant: Mutant) -> None:
    text = (ROOT / "cluster_sim" / "memory" / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.old != mutant.new


@pytest.mark.parametrize("mutant", LOOKED_AT_AGAIN, ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_it_is_caught_again(mutant: Mutant, tmp_path: Path) -> None:
    assert any(verdicts(mutant, tmp_path).values()), "python -m tests.mutations.campaign looks at all of them"
