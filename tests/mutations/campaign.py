"""Look at every mutant and write down what caught it: python -m tests.mutations.campaign [WORD ...]

With words, only at those that have one of them in their file or name; of the others what was written down stays.
"""

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.mutant import Mutant, verdicts
from tests.mutations.mutants import MUTANTS

TABLE = Path(__file__).with_name("caught.toml")
HEADER = "# Which deliberate mistake was caught by what; written by python -m tests.mutations.campaign.\n"

Row = dict[str, str]


def look_at(mutant: Mutant) -> Row:
    """A mutant's row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(mutant, Path(folder))
    caught_by = "; ".join(f"{who}: {what}" for who, what in found.items() if what)
    sys.stderr.write(f"{mutant.rule} {mutant.what}: {caught_by or 'NOT CAUGHT'}\n")
    return row_of(mutant, caught_by)


def row_of(mutant: Mutant, caught_by: str) -> Row:
    """What the table says of a mutant."""
    return {"name": mutant.what, "rule": mutant.rule, "file": mutant.file, "caught_by": caught_by}


def written_down() -> dict[str, str]:
    """What caught each mutant when it was last looked at."""
    return {row["name"]: row["caught_by"] for row in tomllib.loads(TABLE.read_text("utf-8"))["mutation"]}


def write_down(rows: Iterable[Row]) -> None:
    """Write the table."""
    tables = (
        "[[mutation]]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in row.items())
        for row in rows
    )
    TABLE.write_text(HEADER + "\n" + "\n".join(tables), "utf-8")


def main(words: list[str]) -> None:
    """Write the table; the exit code is the number of mutants that lived."""
    asked = [mutant for mutant in MUTANTS if not words or any(word in f"{mutant.file} {mutant.what}" for word in words)]
    with ThreadPoolExecutor(2) as pool:
        looked_at = list(pool.map(look_at, asked))
    caught = written_down() | {row["name"]: row["caught_by"] for row in looked_at}
    write_down(row_of(mutant, caught.get(mutant.what, "")) for mutant in MUTANTS)
    sys.exit(sum(not row["caught_by"] for row in looked_at))


if __name__ == "__main__":
    main(sys.argv[1:])
