"""A file is there whole or not at all: it is written under a temporary name beside it, and renamed at the end.

What is written may fail at any byte (a full disk, an interrupt): then the temporary file goes, and what lay under the
name before stays.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial"


def partial_name(name: str, token: str = "") -> str:
    """The temporary name of a file; two who write the same file at a time tell theirs apart by a token."""
    return f".{name}{token and f'.{token}'}{PARTIAL}"


@contextmanager
def removed_on_failure(remove: Callable[[], object]) -> Iterator[None]:
    """Remove the temporary file when the block fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            remove()
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The temporary path to write to; it takes the name of `path` when the block ends."""
    temporary = path.with_name(partial_name(path.name))
    with removed_on_failure(temporary.unlink):
        yield temporary
        temporary.replace(path)


def put(path: Path, content: bytes) -> None:
    """Write a small file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
