"""Where a run's files lie: any file system of Arrow's (local, NFS, S3, …), each file written once, by rename."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow.fs as pafs

from cluster_sim.refusal import InputError
from cluster_sim.results.atomic_file import partial_name, removed_on_failure

if TYPE_CHECKING:
    import pyarrow as pa


class StorageError(InputError):
    """A location where no results can lie."""


@cache
def opened(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a URI, and the path in it; without `://` it is a path of this machine."""
    if "://" not in uri:
        return pafs.LocalFileSystem(), uri
    try:
        filesystem, root = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise StorageError(uri, reason, "a path, or a URI such as s3://bucket/folder") from error
    return filesystem, root.rstrip("/")


@dataclass(frozen=True, slots=True)
class Storage:
    """A folder, by path or URI; relative paths are of files in it. It can be handed to other processes."""

    uri: str

    @property
    def filesystem(self) -> pafs.FileSystem:
        """Arrow's face of where it lies."""
        return opened(self.uri)[0]

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine, or mounted on it."""
        return isinstance(self.filesystem, pafs.LocalFileSystem)

    @property
    def local_path(self) -> Path:
        """Its path on this machine."""
        assert self.is_local
        return Path(opened(self.uri)[1])

    def path(self, relative: str = "") -> str:
        """A file's path as its file system sees it."""
        root = opened(self.uri)[1]
        return f"{root}/{relative}" if relative else root

    def below(self, relative: str) -> "Storage":
        """A folder inside it."""
        base, mark, query = self.uri.partition("?") if "://" in self.uri else (self.uri, "", "")
        return Storage(f"{base.rstrip('/')}/{relative}{mark}{query}")

    @contextmanager
    def writing(self, relative: str, token: str = "") -> Iterator["pa.NativeFile"]:
        """A file that has its name when all is written, and leaves nothing when that fails.

        Two who write the same file at a time tell their temporary names apart by a token.
        """
        temporary = self.temporary(relative, token)
        self.make_folder(str(PurePosixPath(relative).parent))
        with removed_on_failure(partial(self.remove, temporary)):
            with self.filesystem.open_output_stream(self.path(temporary), compression=None) as sink:
                yield sink
            self.rename(temporary, relative)

    def put(self, relative: str, data: bytes, token: str = "") -> None:
        """Write a small file."""
        with self.writing(relative, token) as sink:
            sink.write(data)

    def get(self, relative: str) -> bytes:
        """The bytes of a file; FileNotFoundError when there is none."""
        with self.filesystem.open_input_stream(self.path(relative), compression=None) as source:
            return bytes(source.read())

    def temporary(self, relative: str, token: str = "") -> str:
        """The name under which a file is written."""
        path = PurePosixPath(relative)
        return str(path.with_name(partial_name(path.name, token)))

    def rename(self, relative: str, target: str) -> None:
        """Give a file, or on a local disk a folder, another name."""
        self.filesystem.move(self.path(relative), self.path(target))

    def move_folder(self, relative: str, target: str) -> None:
        """Give all files of a folder their places in another: at once on a local disk, elsewhere one by one."""
        self.make_folder(str(PurePosixPath(target).parent))
        if self.is_local and not self.has(target):
            self.rename(relative, target)
            return
        for file in self.files(relative):
            self.make_folder(str(PurePosixPath(f"{target}/{file}").parent))
            self.rename(f"{relative}/{file}", f"{target}/{file}")
        self.remove_folder(relative)

    def make_folder(self, relative: str) -> None:
        """Make a folder, with those above it."""
        self.filesystem.create_dir(self.path("" if relative == "." else relative), recursive=True)

    def has(self, relative: str) -> bool:
        """Whether there is a file or folder of that name."""
        found: pafs.FileInfo = self.filesystem.get_file_info(self.path(relative))
        return bool(found.type != pafs.FileType.NotFound)

    def files(self, relative: str = "") -> list[str]:
        """All files below a folder, by their paths in it, sorted; none when there is no such folder."""
        folder = self.path(relative)
        found = self.filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True, recursive=True))
        return sorted(each.path[len(folder) + 1 :] for each in found if each.type == pafs.FileType.File)

    def remove(self, relative: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path(relative))

    def remove_folder(self, relative: str) -> None:
        """Remove a folder with all in it, if it is there."""
        with suppress(FileNotFoundError):
            self.filesystem.delete_dir(self.path(relative))


def storage_of(location: Path | str) -> Storage:
    """The storage of a path or URI."""
    text = str(location)
    return Storage(text.rstrip("/") if "://" in text else str(Path(text).resolve()))
