"""The directory of a run: where it lies, its manifest, what has ended in it, and finding it again."""

import fcntl
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cluster_sim.refusal import InputError
from cluster_sim.results.atomic_file import PARTIAL
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.parts import Part, run_folder
from cluster_sim.results.storage import Storage, StorageError, storage_of

MANIFEST = "manifest.json"
LOCK = ".lock"
UNFINISHED = "unfinished"
"""Where parts lie until their run has ended on all hosts."""
FINISHED = "finished"
"""One file a run that has ended, until the manifest lists them all."""
SNAPSHOTS = "snapshots"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SUFFIXES = 100


class RunDirectoryError(InputError):
    """A run that cannot be made, found or gone on with."""


class FinishedRun(BaseModel):
    """A run of a variant that has ended: its parts, and its frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: str
    replication: int
    frames: int
    parts: tuple[Part, ...]


def check_name(name: str) -> str:
    """A run's name, if it can only name a folder inside the results directory."""
    if not NAME.fullmatch(name):
        allowed = "letters, digits, '.', '_' and '-', not first '.', at most 100"
        raise RunDirectoryError("run name", repr(name), allowed)
    return name


def create(results: Path | str, experiment: str, name: str | None) -> Storage:
    """Make the directory of a new run; without a name it is named after the instant, in UTC."""
    try:
        parent = storage_of(results).below(check_name(experiment))
        if name is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            names = [stamp, *(f"{stamp}-{number}" for number in range(2, SUFFIXES))]
        else:
            names = [check_name(name)]
        parent.make_folder(".")
        for each in names:
            if made := make_new(parent.below(each)):
                return made
    except StorageError as error:
        raise RunDirectoryError.of(error.refusals) from error
    except OSError as error:
        where = error.filename or storage_of(results).path()
        raise RunDirectoryError(where, f"cannot make the run's directory: {reason_of(error)}") from error
    raise RunDirectoryError(parent.below(names[0]).path(), "a run of that name", "a name not taken")


def make_new(storage: Storage) -> Storage | None:
    """Make a folder that is not there; None if it is."""
    if not storage.is_local:
        return None if storage.has(MANIFEST) else storage
    try:
        storage.local_path.mkdir()
    except FileExistsError:
        return None
    return storage


def reason_of(error: OSError) -> str:
    """Why the system refused, in its words."""
    return error.strerror or (str(error).splitlines() or ["unknown reason"])[0]


def checksum_of(manifest: Manifest) -> str:
    """Digest of all that a manifest says."""
    said = manifest.model_dump(mode="json", exclude={"checksum"})
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_manifest(storage: Storage, manifest: Manifest) -> None:
    """Write the manifest, with its checksum, under a temporary name, then rename it."""
    signed = manifest.model_copy(update={"checksum": checksum_of(manifest)})
    storage.put(MANIFEST, (signed.model_dump_json(indent=1) + "\n").encode())


def read_manifest(storage: Storage) -> Manifest:
    """The manifest of a run."""
    where = storage.path(MANIFEST)
    try:
        manifest = Manifest.model_validate_json(storage.get(MANIFEST))
    except FileNotFoundError:
        raise RunDirectoryError(storage.path(), f"no {MANIFEST}", "the directory of a run") from None
    except OSError as error:
        raise RunDirectoryError(where, f"cannot be read: {reason_of(error)}") from error
    except ValueError as error:
        raise RunDirectoryError(where, "something else", "a manifest of format 1") from error
    if manifest.checksum not in ("", checksum_of(manifest)):
        raise RunDirectoryError(where, "another checksum", "a manifest as it was written")
    return manifest


def note_finished(storage: Storage, finished: FinishedRun) -> None:
    """Write down that a run has ended, then put its parts in their places.

    Whoever finds the note later finds the parts in the one place or the other.
    """
    storage.put(f"{FINISHED}/{finished.variant}/{finished.replication}.json", finished.model_dump_json().encode())
    put_in_place(storage, finished)


def put_in_place(storage: Storage, finished: FinishedRun) -> None:
    """Move a run's parts to where readers look for them, as far as they are not there."""
    for table in dict.fromkeys(part.table for part in finished.parts):
        folder = run_folder(table, finished.variant, finished.replication)
        if storage.has(f"{UNFINISHED}/{folder}"):
            storage.move_folder(f"{UNFINISHED}/{folder}", folder)


def finished_runs(storage: Storage, manifest: Manifest) -> Iterator[FinishedRun]:
    """Runs that have ended, by the manifest and by the notes beside it."""
    by_run: dict[tuple[str, int], list[Part]] = {}
    for part in manifest.parts:
        by_run.setdefault((part.variant, part.replication), []).append(part)
    for (variant, replication), parts in by_run.items():
        yield FinishedRun(
            variant=variant,
            replication=replication,
            frames=manifest.frames_of.get(f"{variant}/{replication}", 0),
            parts=tuple(parts),
        )
    for file in storage.files(FINISHED):
        try:
            noted = FinishedRun.model_validate_json(storage.get(f"{FINISHED}/{file}"))
        except ValidationError:
            continue  # a note that was not written whole: its run is done again
        if (noted.variant, noted.replication) not in by_run:
            yield noted


@contextmanager
def held(storage: Storage) -> Iterator[None]:
    """Keep other processes from running into the same directory; the lock goes with the process, however that ends.

    Only file systems of this machine have such locks.
    """
    if not storage.is_local:
        yield
        return
    with (storage.local_path / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunDirectoryError(storage.path(), "another process at it", "one at a time") from None
        yield


def remove_unlisted(storage: Storage, parts: Iterable[Part]) -> None:
    """Remove what runs left that did not end, and notes and snapshots that are no longer needed."""
    for folder in (UNFINISHED, FINISHED, SNAPSHOTS):
        storage.remove_folder(folder)
    listed = {part.path for part in parts}
    for file in storage.files():
        if file.endswith((".parquet", PARTIAL)) and file not in listed and "/variant=" in file:
            storage.remove(file)


def find(path: Path | str) -> Storage:
    """A run's directory: `path` itself, or the newest run below it."""
    try:
        storage = storage_of(path)
        if storage.has(MANIFEST):
            return storage
        runs = {
            file.removesuffix(f"/{MANIFEST}"): storage.filesystem.get_file_info(storage.path(file)).mtime_ns
            for file in manifests_below(storage)
        }
    except StorageError as error:
        raise RunDirectoryError.of(error.refusals) from error
    except OSError as error:
        raise RunDirectoryError("", str(error)) from error
    if not runs:
        raise RunDirectoryError(str(path), "no run", "a run's directory or a workload's in results/")
    return storage.below(max(runs, key=lambda run: (runs[run] or 0, run)))


def manifests_below(storage: Storage) -> list[str]:
    """Manifests of the runs in a workload's folder, by their paths in it."""
    if storage.is_local:
        root = storage.local_path
        return sorted(str(path.relative_to(root)) for path in root.glob(f"*/{MANIFEST}"))
    return [file for file in storage.files() if file.count("/") == 1 and file.endswith(f"/{MANIFEST}")]
