"""Deliberate mistakes in the memory model, one rule broken each, and what it takes to look at one."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: in one file, one text in the place of another."""

    rule: str
    what: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "X-1",
        "the host may touch private pages",
        "pages.py",
        "    if word & (PRIVATE | DEFERRED):\n        return word, EFAULT",
        "    if word & DEFERRED:\n        return word, EFAULT",
    ),
    Mutant(
        "X-15",
        "a page is zeroed at every use",
        "pages.py",
        "    if word & UPTODATE:\n        return word\n    return (word & STATE_MASK)",
        "    return (word & STATE_MASK)",
    ),
    Mutant(
        "X-9",
        "MADV_DONTNEED unmaps all mappings, not its own",
        "pages.py",
        "return word & ~(VIEW_ONE << view), OK",
        "return word & ~HOST_MAPPED, OK",
    ),
    Mutant(
        "F-14",
        "punching makes private pages shared",
        "pages.py",
        "return PRIVATE if word & (PRIVATE | DEFERRED) else 0",
        "return 0",
    ),
    Mutant(
        "F-13",
        "punching forgets to unmap the host",
        "pages.py",
        "return PRIVATE if word & (PRIVATE | DEFERRED) else 0",
        "return (word & HOST_MAPPED) | (PRIVATE if word & (PRIVATE | DEFERRED) else 0)",
    ),
    Mutant(
        "V-4",
        "pins do not refuse a conversion",
        "pages.py",
        "(EAGAIN if word & PIN_MASK and not word & PRIVATE else OK)",
        "(EAGAIN if word & PIN_MASK and word & PRIVATE else OK)",
    ),
    Mutant(
        "V-9",
        "the host keeps its mapping of a page that became private",
        "pages.py",
        "        after &= ~HOST_MAPPED  # V-8, V-9",
        "        after &= ~0  # V-8, V-9",
    ),
    Mutant(
        "V-6",
        "a pin refuses sharing as well",
        "conversion.py",
        "    if not to_private:\n        return apply(tree, start, count, MAKE_SHARED",
        "    if not to_private and start == 0 and count > 2:\n        return EAGAIN, start\n"
        "    if not to_private:\n        return apply(tree, start, count, MAKE_SHARED",
    ),
    Mutant(
        "V-4",
        "a refused conversion has converted the pages before the pin",
        "conversion.py",
        "            apply(tree, start, count, UNMAP_ALL, 0, rules, effects)  # the kernel unmaps before it looks\n",
        "            apply(tree, start, index - start, MAKE_PRIVATE, 0, rules, effects)\n",
    ),
    Mutant(
        "V-7",
        "a conversion allocates",
        "pages.py",
        "    after &= ~ACCEPTED\n",
        "    after = (after | PRESENT) & ~ACCEPTED\n",
    ),
    Mutant(
        "I-2",
        "the guest keeps its translation of the other type",
        "pages.py",
        "    if not rules.keeps_guest_mapping:\n        after &= ~GUEST_MAPPED",
        "    if rules.keeps_guest_mapping:\n        after &= ~GUEST_MAPPED",
    ),
    Mutant(
        "N-1",
        "content survives a change of key",
        "pages.py",
        "    if not word & UPTODATE or content_rule == KEPT:",
        "    if not word & UPTODATE or content_rule != ZEROED:",
    ),
    Mutant(
        "D-1",
        "accepting does not zero",
        "pages.py",
        "        if rules.accept == ACCEPT_ZEROES:",
        "        if rules.accept == NO_ACCEPT:",
    ),
    Mutant(
        "H-7",
        "a folio counts one shared page too few",
        "huge_pages.py",
        "count_converted(tree, start, -changed if to_private else changed, rules, effects)\n    if not",
        "count_converted(tree, start, -changed if to_private else changed - (changed > 1), rules, effects)\n    if not",
    ),
    Mutant(
        "H-5",
        "sharing leaves the huge leaf in place",
        "leaves.py",
        "    after = block & ~LEAF_MAPPED\n",
        "    after = block\n",
    ),
    Mutant(
        "Q-7",
        "exclusive pins are taken over others' pins",
        "pages.py",
        "        elif pins != 0 and pins != LONG_PIN_ONE:",
        "        elif pins == 0 and pins == LONG_PIN_ONE:",
    ),
    Mutant(
        "T-6",
        "one of two backings loses its page unseen",
        "pages.py",
        "    if word & PRESENT and not rules.discards:\n        after |= TWIN",
        "    if word & PRESENT and rules.discards:\n        after |= TWIN",
    ),
    Mutant(
        "F-2",
        "allocating past the end works",
        "system_calls.py",
        '        if offset + length > file.size_bytes:\n            return refused(Outcome.EINVAL, "F-2")\n',
        "",
    ),
    Mutant(
        "M-6",
        "two slots may have one range",
        "memslots.py",
        "and first < slot.file_page + slot.pages:\n                    return refused",
        "and first < slot.file_page:\n                    return refused",
    ),
    Mutant(
        "X-6",
        "long-term pins are not allowed",
        "mappings.py",
        '        rule = "X-6" if is_long else "X-5"\n',
        '        rule = "X-6" if is_long else "X-5"\n'
        "        if is_long:\n            return refused(Outcome.EFAULT, rule)\n",
    ),
)


def verdicts(mutant: Mutant, folder: Path) -> dict[str, str | None]:
    """What oracle and invariants say of a copy of the package with the mistake in it."""
    package = folder / "cluster_sim"
    shutil.copytree(ROOT / "cluster_sim", package, ignore=shutil.ignore_patterns("__pycache__"))
    source = package / "memory" / mutant.file
    text = source.read_text("utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.what}: {mutant.file} has changed, change the mutant with it"
    source.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    environment = os.environ | {
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "CLUSTER_SIM_CACHE": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutations.judge"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{mutant.what}: a mutant that does not run proves nothing\n{done.stderr}"
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found
