"""Look at every mutant, write down what caught it, and make the page of them: python -m tests.mutations.campaign

With words, look only at mutants that have one of them in their file or name, and write nothing.
"""

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.mutant import Mutant, verdicts
from tests.mutations.mutants import MUTANTS

TABLE = Path(__file__).with_name("caught.toml")
HEADER = "# Which deliberate mistake was caught by what; written by python -m tests.mutations.campaign.\n"


def look_at(mutant: Mutant) -> dict[str, str]:
    """A mutant's row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(mutant, Path(folder))
    caught_by = "; ".join(f"{who}: {what}" for who, what in found.items() if what)
    sys.stderr.write(f"{mutant.rule} {mutant.what}: {caught_by or 'NOT CAUGHT'}\n")
    return {"name": mutant.what, "rule": mutant.rule, "file": mutant.file, "caught_by": caught_by}


def main(words: list[str]) -> None:
    """Write the table; the exit code is the number of mutants that lived."""
    asked = [mutant for mutant in MUTANTS if not words or any(word in f"{mutant.file} {mutant.what}" for word in words)]
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(look_at, asked))
    if not words:
        tables = [
            "[[mutation]]\n"
            + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in row.items())
            for row in rows
        ]
        TABLE.write_text(HEADER + "\n" + "\n".join(tables), "utf-8")
    sys.exit(sum(not row["caught_by"] for row in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
