"""The log of a run, in its directory: what the driver saw and did, line by line."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cluster_sim.results.storage import Storage

LOG_FILE = "run.log"
FORM = "%(asctime)s %(levelname)s %(message)s"


def ignored(record: logging.LogRecord) -> None:
    """Lose a line that could not be written."""
    del record


@contextmanager
def run_log(storage: Storage) -> Iterator[None]:
    """Keep what is said while a run lasts; on a disk of this machine at once, elsewhere at its end."""
    said = io.StringIO()
    handler: logging.Handler = logging.StreamHandler(said)
    if storage.is_local:
        handler = logging.FileHandler(storage.local_path / LOG_FILE, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(FORM))
    handler.handleError = ignored  # type: ignore[method-assign]  # a full disk ends the run, not its log
    logger = logging.getLogger("cluster_sim")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        with suppress(OSError):  # of a full disk, to which a line that could not be written is tried once more
            handler.close()
        if not storage.is_local:
            with suppress(OSError):
                storage.put(LOG_FILE, said.getvalue().encode())
