"""One process per data directory: two would keep two books that know nothing of each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entrypoints.errors import Trouble


@contextmanager
def occupied(directory: Path) -> Iterator[None]:
    """Hold the directory; the hold ends with the process, however it ends. Raises Trouble."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        text = f"{directory} can't be used ({error.strerror}); choose another --data-dir"
        raise Trouble(text) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"{directory} is in use by another basepay; end it, or choose another --data-dir"
            raise Trouble(text) from None
        yield
