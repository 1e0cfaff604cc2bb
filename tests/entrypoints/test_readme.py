"""The README's tour, typed as it stands there, against a running `basepay dev`."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev_process import ROOT, DevProcess

TOUR = re.compile(r"^<!-- tour -->$(.*)^<!-- /tour -->$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: A part of what each step shows, after the first one, which only gives names.
SHOWN = (
    '"status":"created"',
    '"paid_at":"2',
    '"status":"succeeded"',
    '"type":"basepay.payment.succeeded"',
    '"refund_no":"RO-1","payment_id":.*"status":"succeeded"',
    '"paid_at":"2.*"now":"2',
    '"order_no":"SO-1002".*"status":"succeeded"',
)
PATIENCE_SECONDS = 60.0


def tour(name: str) -> list[str]:
    """The steps of one README, in order."""
    marked = TOUR.search((ROOT / name).read_text(encoding="utf-8"))
    assert marked, f"{name} marks no tour"
    return SHELL.findall(marked.group(1))


def test_both_readmes_lead_the_same_tour():
    assert tour("README.md") == tour("README.zh-CN.md")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A newcomer's directory with `basepay dev` running in it; its port is in `port`."""
    data = tmp_path / ".basepay-dev"
    data.mkdir()
    dev = DevProcess(data)
    dev.start()
    (tmp_path / "port").write_text(str(dev.port))
    yield tmp_path
    dev.stop()


@pytest.mark.skipif(not shutil.which("curl"), reason="the tour is typed with curl")
def test_the_tour_shows_what_it_says(home):
    names, *steps = tour("README.md")
    port = int((home / "port").read_text())
    names = names.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    names = names.replace("127.0.0.1:8001", f"127.0.0.1:{port + 1}")

    for step, shown in zip(steps, SHOWN, strict=True):
        seen = typed_until(shown, names + step, home)

        assert re.search(shown, seen, re.DOTALL), f"{step}\nshowed\n{seen}"


def typed_until(shown: str, script: str, home: Path) -> str:
    """Type it, again if need be, as a person would; what it showed last. Repeating is harmless."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = typed(script, home)
        if re.search(shown, seen, re.DOTALL) or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)


def typed(script: str, home: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=home,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
