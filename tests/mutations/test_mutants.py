"""Deliberate mistakes in the code do not live: all in the campaign's table, some looked at again here."""

import re
import tomllib
from pathlib import Path

import pytest

from cluster_sim.compiling.code_cache import sources_digest
from docs import make_mutants
from tests.mutations.campaign import TABLE
from tests.mutations.memory_mutants import MEMORY_MUTANTS
from tests.mutations.mutant import ROOT, Mutant, verdicts
from tests.mutations.mutants import MUTANTS

TABLE_ROWS = tomllib.loads(TABLE.read_text("utf-8"))["mutation"]
BEYOND_MEMORY = tuple(mutant for mutant in MUTANTS if mutant not in MEMORY_MUTANTS)
PLAIN = tuple(mutant for mutant in BEYOND_MEMORY if not mutant.is_compiled)
TURN = int(sources_digest(), 16)
"""Whose turn it is: the same for the same sources, others when these change."""
LOOKED_AT_AGAIN = (
    *MEMORY_MUTANTS[::5],
    PLAIN[TURN % len(PLAIN)],
    PLAIN[(TURN + len(PLAIN) // 2) % len(PLAIN)],
)
"""A mistake in the compiled engine has all of it compiled anew, for a minute: `make mutants` alone looks at those."""


def test_the_table_is_of_these_mutants_and_none_lived() -> None:
    assert [(row["name"], row["rule"], row["file"]) for row in TABLE_ROWS] == [
        (mutant.what, mutant.rule, mutant.file) for mutant in MUTANTS
    ], "run `make mutants`"
    assert all(row["caught_by"] for row in TABLE_ROWS)


def test_there_are_mutants_of_every_kind_and_each_has_a_name_of_its_own() -> None:
    assert len(MEMORY_MUTANTS) >= 20
    assert len(BEYOND_MEMORY) >= 26
    rooms = [mutant.file.partition("/")[0] for mutant in BEYOND_MEMORY]
    assert all(rooms.count(room) >= 5 for room in ("engine", "io_paths", "platform"))
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_of_mutants_is_the_tables() -> None:
    is_current = make_mutants.TARGET.read_text("utf-8") == make_mutants.written()
    assert is_current, f"docs/mutants.md is stale: run {make_mutants.COMMAND}"


@pytest.mark.parametrize("mutant", BEYOND_MEMORY, ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_what_a_mutant_breaks_is_a_section_of_the_simulations_page(mutant: Mutant) -> None:
    page = (ROOT / "docs" / "simulation.md").read_text("utf-8")
    assert re.search(rf"^#+ {re.escape(mutant.rule.removeprefix('§'))}\.? ", page, re.MULTILINE)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_a_mutant_is_one_change_of_the_code_as_it_is(mutant: Mutant) -> None:
    assert mutant.text() != mutant.source.read_text("utf-8")


@pytest.mark.parametrize("mutant", LOOKED_AT_AGAIN, ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_it_is_caught_again(mutant: Mutant, tmp_path: Path) -> None:
    assert any(verdicts(mutant, tmp_path).values()), "python -m tests.mutations.campaign looks at all of them"
