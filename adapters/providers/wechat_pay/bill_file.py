"""A bill's file: plain or gzip by its first bytes, hashed and read in constant memory."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path

from domain.bill import BillRejected

GZIP = b"\x1f\x8b"
BLOCK = 1 << 17

#: A remark has 2,048 characters; a line of this many bytes is none of a bill.
LONGEST_LINE = 1 << 16

#: Of one day, unpacked, in bytes: some 40 million rows. More is a trap, not a bill.
MOST_UNPACKED = 12 << 30

DAMAGED = "The file is damaged or cut short. Download it again."


def is_packed(path: str) -> bool:
    """Tell a gzip file by its first bytes, whatever it is called."""
    with Path(path).open("rb") as file:
        return file.read(2) == GZIP


def sha1_of(path: str) -> str:
    """Return the hash of the bill itself, unpacked. Raises BillRejected for a damaged file."""
    digest, size = hashlib.sha1(usedforsecurity=False), 0
    with _unpacked(path) as file:
        while block := file.read(BLOCK):
            size += len(block)
            if size > MOST_UNPACKED:
                raise BillRejected(f"The bill is larger than {MOST_UNPACKED >> 30} GiB.")
            digest.update(block)
    return digest.hexdigest()


def lines_of(path: str) -> Iterator[str]:
    """Yield the text's lines without their ends. Raises BillRejected for a damaged file.

    What is no UTF-8 shows as U+FFFD: one such field must not spoil the rows around it.
    """
    with _unpacked(path) as file:
        for raw in iter(partial(file.readline, LONGEST_LINE), b""):
            if len(raw) == LONGEST_LINE:
                raise BillRejected(f"It has a line of {LONGEST_LINE} bytes or more.")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            yield line.replace("\0", "\ufffd")  # which no database takes


@contextmanager
def _unpacked(path: str) -> Iterator[BufferedReader]:
    with Path(path).open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        try:
            # Buffered: a line at a time is slow from gzip itself.
            yield BufferedReader(gzip.GzipFile(fileobj=file), BLOCK) if packed else file
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise BillRejected(DAMAGED) from None
