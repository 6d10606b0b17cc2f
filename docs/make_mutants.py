"""Writes docs/mutants.md from the campaign's table: `python docs/make_mutants.py`.

`--check` writes nothing and exits with 1 where docs/mutants.md differs from what would be written.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "mutants.md"
CAUGHT = ROOT / "tests" / "mutations" / "caught.toml"
COMMAND = ".venv/bin/python docs/make_mutants.py"
OF_MEMORY = "memory/"
OPENING = """# Mutants

Generated from `tests/mutations/caught.toml` by `docs/make_mutants.py`.

A test proves something only if it fails when the code is wrong. So the code is broken on purpose, one mistake at a
time, and each mistake must be noticed: a step out of order, a charge dropped or counted otherwise, the price of another
technology, a release forgotten. `make mutants` looks at all of them and writes down the first test that noticed; every
run of the tests looks at some of them again.

Mistakes in the guest memory model are judged by the kernel and by invariants, and stand in
[model.md, §9](model.md#9-mutations). Those below lie in the paths, in prices and in the engine, and are judged by fast
tests of sums and orders that were worked out by hand. *Breaks* is the section of [simulation.md](simulation.md) that
the mistake does not keep.

| mistake | breaks | in | noticed by |
|---|---|---|---|
"""


def written() -> str:
    """The whole of docs/mutants.md."""
    entries: list[dict[str, str]] = tomllib.loads(CAUGHT.read_text("utf-8"))["mutation"]
    rows = [
        f"| {entry['name']} | {entry['rule']} | `{entry['file']}` | `{entry['caught_by'].partition(': ')[2]}` |"
        for entry in entries
        if not entry["file"].startswith(OF_MEMORY)
    ]
    return OPENING + "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or tell whether it is up to date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"found {arguments}, allowed: nothing, or --check\n")
        return 2
    if not arguments:
        TARGET.write_text(written(), "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == written():
        return 0
    sys.stderr.write(f"docs/mutants.md is not what is generated: run {COMMAND}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
