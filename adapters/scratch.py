"""Room on this machine's disk for one reconciliation, and a sort of more rows than memory holds."""

import fcntl
import hashlib
import heapq
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

import msgspec

#: Rows sorted in memory at a time, some 40 MB of them.
RUN = 50_000

#: Rows written and read at a time; one block of each run is in memory while they are merged.
BLOCK = 250

#: What the folders of executions are called.
PREFIX = "run-"

#: Blocks are preceded by their length.
LENGTH = 4

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


class DiskSpool(Generic[T]):
    """An external merge sort: sorted runs in one file, merged as they are read."""

    def __init__(self, file: BinaryIO, row: type[T], by: Sequence[str]) -> None:
        self._file, self._by = file, tuple(by)
        self._decoder = msgspec.msgpack.Decoder(list[row])  # type: ignore[valid-type]  # it is one
        self._rows: list[T] = []
        self._runs: list[tuple[int, int]] = []  # where each begins and ends

    def add(self, row: T) -> None:
        """Take one in."""
        self._rows.append(row)
        if len(self._rows) >= RUN:
            self._write_run()

    def sorted(self) -> Iterator[T]:
        """All of them in order, as often as wanted; no more are taken in then."""
        if self._rows and self._runs:
            self._write_run()
        if not self._runs:
            self._sort()
            return iter(self._rows)
        self._file.flush()
        runs = [self._read_run(begins, ends) for begins, ends in self._runs]
        return heapq.merge(*runs, key=attrgetter(*self._by))

    def _sort(self) -> None:
        """Stable sorts one by one, most of them of what is in order already.

        That is three times as quick as one by all fields, because texts are compared as texts.
        """
        for name in reversed(self._by):
            self._rows.sort(key=attrgetter(name))

    def _write_run(self) -> None:
        self._sort()
        begins = self._file.tell()
        for start in range(0, len(self._rows), BLOCK):
            block = _encoder.encode(self._rows[start : start + BLOCK])
            self._file.write(len(block).to_bytes(LENGTH, "big") + block)
        self._runs.append((begins, self._file.tell()))
        self._rows = []

    def _read_run(self, begins: int, ends: int) -> Iterator[T]:
        file = self._file.fileno()
        while begins < ends:
            length = int.from_bytes(os.pread(file, LENGTH, begins), "big")
            yield from self._decoder.decode(os.pread(file, length, begins + LENGTH))
            begins += LENGTH + length


class DiskScratch:
    """A folder of its own, locked while it lives: what a crash left behind is known by that."""

    def __init__(self, root: Path) -> None:
        with _locked(root):
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            self._lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._spools: list[BinaryIO] = []

    def file(self, name: str) -> str:
        """The path of a file to be written."""
        return str(self._folder / name)

    def spool(self, row: type[T], *, by: Sequence[str]) -> DiskSpool[T]:
        """A fresh, empty one for such rows, sorted by these fields."""
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 -- closed with the scratch
        self._spools.append(file)
        return DiskSpool(file, row, by)

    def measure(self, file: str) -> tuple[str, int]:
        """Its SHA-256 (hex) and its bytes."""
        with Path(file).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest(), content.tell()

    def close(self) -> None:
        """Delete everything."""
        for spool in self._spools:
            spool.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)


class NewDiskScratch:
    """Makes room in a folder of our own below `parent`; nobody else may read it."""

    def __init__(self, parent: Path | None = None) -> None:
        self.root = (parent or Path(tempfile.gettempdir())) / f"basepay-{os.getuid()}"

    def __call__(self) -> DiskScratch:
        """Fresh and empty. Raises PermissionError if somebody else was here before us."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check()
        return DiskScratch(self.root)

    def clean(self) -> None:
        """Delete what processes left behind that are gone. Raises PermissionError likewise."""
        if not self.root.exists():
            return
        self._check()
        with _locked(self.root):
            for folder in self.root.glob(f"{PREFIX}*"):
                _delete_if_left(folder)

    def _check(self) -> None:
        """In a folder that everybody may write to, anybody can be first to take our name."""
        found = self.root.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{self.root} is not ours")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Of all processes on this machine, one at a time."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _delete_if_left(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:  # its process lives
        pass
    finally:
        os.close(lock)
