"""The directory of a run: where it lies, its manifest, and finding it again."""

import fcntl
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cluster_sim.results.manifest import Manifest
from cluster_sim.results.parts import Part

MANIFEST = "manifest.json"
LOCK = ".lock"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunDirectoryError(Exception):
    """A run that cannot be made or found; the text says where, what was found, what is allowed."""


def check_name(name: str) -> str:
    """A run's name, if it can only name a folder inside the results directory."""
    if not NAME.fullmatch(name):
        raise RunDirectoryError(
            f"run name: found {name!r}, allowed: letters, digits, '.', '_' and '-', not first '.', at most 100"
        )
    return name


def create(results: Path, experiment: str, name: str | None) -> Path:
    """Make the directory of a new run; without a name it is named after the instant, in UTC."""
    parent = results / check_name(experiment)
    if name is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        taken = (stamp, *(f"{stamp}-{number}" for number in range(2, 100)))
        candidates = [parent / candidate for candidate in taken]
    else:
        candidates = [parent / check_name(name)]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for directory in candidates:
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
    except OSError as error:
        raise RunDirectoryError(f"{error.filename}: cannot make the run's directory: {error.strerror}") from error
    raise RunDirectoryError(f"{candidates[0]}: found a run of that name, allowed: a name not taken")


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest under a temporary name, then rename it."""
    temporary = directory / f".{MANIFEST}.partial"
    temporary.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    temporary.replace(directory / MANIFEST)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep other processes from running into the same directory; the lock goes with the process, however that ends."""
    with (directory / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunDirectoryError(f"{directory}: found another process at it, allowed: one at a time") from None
        yield


def remove_unlisted(directory: Path, parts: Iterable[Part]) -> None:
    """Remove table files that are not among the parts: those of runs that did not end."""
    listed = {directory / part.path for part in parts}
    for path in [*directory.glob("*/**/*.parquet"), *directory.glob("*/**/.*.partial")]:
        if path not in listed:
            path.unlink()


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a run."""
    path = directory / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunDirectoryError(f"{directory}: found no {MANIFEST}, allowed: the directory of a run") from None
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunDirectoryError(f"{path}: found something else, allowed: a manifest of format 1") from error


def find(path: Path) -> Path:
    """A run's directory: `path` itself, or the newest run below it."""
    if (path / MANIFEST).is_file():
        return path
    runs = sorted(child.parent for child in path.glob(f"*/{MANIFEST}"))
    if not runs:
        raise RunDirectoryError(f"{path}: found no run, allowed: a run's directory or a workload's in results/")
    return max(runs, key=lambda run: (run / MANIFEST).stat().st_mtime_ns)
