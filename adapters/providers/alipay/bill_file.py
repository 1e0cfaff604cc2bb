"""A bill's file: a zip with two texts, or one text alone; read in constant memory."""

import gzip
import zipfile
import zlib
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

from domain.bill import BillRejected

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
BLOCK = 1 << 18

#: A subject has 256 characters, a remark likewise; a line of this many is none of a bill.
LONGEST_LINE = 1 << 16

#: Of one day, unpacked, in bytes: some 50 million rows. More is a trap, not a bill.
MOST_UNPACKED = 12 << 30

#: A bill has two; the names tell nothing that the first lines don't.
MOST_TEXTS = 16

#: A zip's flag: encrypted.
LOCKED = 1

DAMAGED = "The file is damaged or cut short. Download it again."

#: Opens one text from its beginning, as lines without their ends.
Text = Callable[[], Iterator[str]]

#: What a damaged zip or gzip is told by, wherever reading has come to.
_TROUBLES = (
    EOFError,
    NotImplementedError,  # a method of compression that nobody uses
    UnicodeDecodeError,  # a name
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def texts_of(path: str) -> Iterator[Sequence[Text]]:
    """Open the texts in a file. Raises BillRejected for a damaged one, also while they are read."""
    with Path(path).open("rb") as file:
        start = file.read(len(ZIP))
    try:
        with ExitStack() as opened:
            if start == ZIP:
                archive = opened.enter_context(zipfile.ZipFile(path))
                yield [partial(_lines, partial(archive.open, each)) for each in _members(archive)]
            elif start[:2] == GZIP:
                yield [partial(_lines, partial(_gzip, path))]
            else:
                yield [partial(_lines, partial(_plain, path))]
    except _TROUBLES:
        raise BillRejected(DAMAGED) from None


def is_whole_zip(path: str) -> bool:
    """Tell whether a zip has come to its end; what is in it is checked when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.namelist())
    except _TROUBLES:
        return False


def _members(archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    members = [each for each in archive.infolist() if not each.is_dir()]
    if any(each.flag_bits & LOCKED for each in members):
        raise BillRejected("The zip is locked by a password.")
    if len(members) > MOST_TEXTS:
        raise BillRejected(f"The zip holds {len(members)} files; a bill is two.")
    return members


def _gzip(path: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path))


def _plain(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def _lines(open_it: Callable[[], IO[bytes]]) -> Iterator[str]:
    """Decode GBK, or UTF-8 if somebody saved it so; what can't be decoded shows as U+FFFD."""
    with open_it() as file:
        block = file.read(BLOCK)
        size = len(block)
        decode = getincrementaldecoder(_codec(block))("replace").decode
        rest = ""
        while block:
            whole = (rest + decode(block)).split("\n")
            rest = whole.pop()
            for line in whole:
                yield line.removesuffix("\r")
            if len(rest) > LONGEST_LINE:
                raise BillRejected(f"It has a line longer than {LONGEST_LINE} characters.")
            block = file.read(BLOCK)
            size += len(block)
            if size > MOST_UNPACKED:
                raise BillRejected(f"The bill is larger than {MOST_UNPACKED >> 30} GiB.")
        if rest:
            yield rest.removesuffix("\r")


def _codec(block: bytes) -> str:
    """By the first line, which is Chinese: in GBK it is never right UTF-8."""
    try:
        block.partition(b"\n")[0].decode()
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"
