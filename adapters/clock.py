"""Where the present moment comes from: the machine's clock, or one that tests can move."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """Wall time, always aware UTC."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)


class MovableClock:
    """Wall time plus an offset that only grows; shared by basepay and the simulators.

    `scale` makes business time run faster than wall time (60: a minute a second). With a `file`
    the offset outlives the process, so that time does not step back after a restart; all processes
    on one file share one time, whoever moves it.
    """

    def __init__(
        self,
        *,
        offset_seconds: float = 0.0,
        scale: float = 1.0,
        wall: Callable[[], datetime] | None = None,
        file: Path | None = None,
    ) -> None:
        self._wall = wall or SystemClock().now
        self._started_at = self._wall()
        self._scale = scale
        self._offset = timedelta(seconds=offset_seconds)
        self._file, self._seen = file, (0, 0)
        self._look()

    def now(self) -> datetime:
        """Return the present moment of this clock."""
        self._look()
        passed = self._wall() - self._started_at
        return self._started_at + passed * self._scale + self._offset

    def advance(self, seconds: float) -> None:
        """Move this clock forward; `ValueError` for a step back, which no provider takes."""
        if seconds < 0:
            raise ValueError(f"a clock only moves forward, not by {seconds} s")
        self._look()
        self._offset += timedelta(seconds=seconds)
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(str(self._offset.total_seconds()))
            fresh.replace(self._file)

    def _look(self) -> None:
        """Take what is in the file if it was moved meanwhile: one system call, 1 µs."""
        if self._file is None:
            return
        try:
            status = os.stat(self._file)  # noqa: PTH116 -- twice as quick
        except FileNotFoundError:
            return
        if self._seen != (seen := (status.st_ino, status.st_mtime_ns)):
            moved = timedelta(seconds=float(self._file.read_text()))
            self._offset, self._seen = max(self._offset, moved), seen
