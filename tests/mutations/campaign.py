"""Look at every mutant and write down what caught it: python -m tests.mutations.campaign"""

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.mutants import MUTANTS, Mutant, verdicts

TABLE = Path(__file__).with_name("caught.toml")
HEADER = "# Which deliberate mistake was caught by what; written by python -m tests.mutations.campaign.\n"


def look_at(mutant: Mutant) -> dict[str, str]:
    """A mutant's row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(mutant, Path(folder))
    caught_by = "; ".join(f"{who}: {what}" for who, what in found.items() if what)
    sys.stderr.write(f"{mutant.rule} {mutant.what}: {caught_by or 'NOT CAUGHT'}\n")
    return {"name": mutant.what, "rule": mutant.rule, "file": mutant.file, "caught_by": caught_by}


def main() -> None:
    """Write the table; the exit code is the number of mutants that lived."""
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(look_at, MUTANTS))
    tables = [
        "[[mutation]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in row.items()) for row in rows
    ]
    TABLE.write_text(HEADER + "\n" + "\n".join(tables), "utf-8")
    sys.exit(sum(not row["caught_by"] for row in rows))


if __name__ == "__main__":
    main()
