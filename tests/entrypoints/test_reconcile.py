"""`basepay reconcile` as a finance person's machine runs it, beside a running basepay."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.clock import MovableClock
from domain.bill_day import BillDay, bill_day
from tests.dev_process import ROOT, DevProcess

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def dev(tmp_path_factory) -> Iterator[DevProcess]:
    """A basepay that was paid 19.99 yuan yesterday at noon, and one that never heard of it."""
    process = DevProcess(tmp_path_factory.mktemp("dev"))
    process.start()
    try:
        clock = MovableClock(file=process.data_dir / "clock")
        now = clock.now()
        noon = BillDay.of(bill_day(now)).end + DAY / 2
        move(process, (noon - now).total_seconds())
        pay(process)
        move(process, DAY.total_seconds())
        yield process
    finally:
        process.kill()


def move(dev: DevProcess, seconds: float) -> None:
    url = f"{dev.started['sandbox_url']}/sandbox/clock"
    moved = httpx.post(url, json={"advance_seconds": seconds})
    assert moved.status_code == 200, moved.text


def pay(dev: DevProcess) -> None:
    api, sandbox = dev.started["api_url"], dev.started["sandbox_url"]
    keys = {"Authorization": f"Bearer {dev.started['api_key']}", "Idempotency-Key": "k"}
    order = {"order_no": "SO-1", "amount": 1999, "subject": "Tea", "method": "wechat_native"}
    payment = httpx.post(f"{api}/v1/payments", json=order, headers=keys).json()
    code = {"code_url": payment["action"]["code_url"]}
    for step in ("scan", "pay"):
        assert httpx.post(f"{sandbox}/sandbox/payer/{step}", json=code).status_code == 200


@pytest.fixture
def yesterday(dev) -> date:
    return bill_day(MovableClock(file=dev.data_dir / "clock").now()) - DAY


@pytest.fixture
def home(dev, tmp_path: Path) -> Path:
    """A configuration of the same merchant, over an empty database."""
    credentials = httpx.get(f"{dev.started['sandbox_url']}/sandbox/credentials").json()["wechat"]
    wanted = ("mchid", "serial_no", "private_key", "api_v3_key", "public_key_id", "public_key")
    app_id = credentials["app_ids"]["official_account"]
    lines = [
        'environment = "test"',
        f"clock_file = {json.dumps(str(dev.data_dir / 'clock'))}",
        "[accounts.wechat-main]",
        'provider = "wechat"',
        *(f"{name} = {json.dumps(credentials[name])}" for name in wanted),
        f"base_url = {json.dumps(dev.started['sandbox_url'])}",
        "[accounts.wechat-main.app_ids]",
        f"official_account = {json.dumps(app_id)}",
    ]
    (tmp_path / "basepay.toml").write_text("\n".join(lines))
    assert basepay("migrate", cwd=tmp_path).returncode == 0
    return tmp_path


def basepay(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "entrypoints", *words]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=170, check=False
    )


def reconcile(home: Path, day: object, *more: str) -> subprocess.CompletedProcess[str]:
    words = ("reconcile", "--account", "wechat-main", "--date", str(day), *more)
    return basepay(*words, cwd=home)


def test_what_was_never_recorded_here_is_found_told_and_exported(home, yesterday):
    table = home / "out.csv"

    ended = reconcile(home, yesterday, "--export", str(table))

    assert ended.returncode == 1, ended.stderr
    assert "长款 missing locally" in ended.stdout
    assert "1 项待处理 left to settle" in ended.stdout
    [head, row] = csv.reader(table.read_text(encoding="utf-8-sig").splitlines())
    assert row[head.index("账单金额（元） bill (yuan)")] == "19.99"
    assert reconcile(home, yesterday, "--export", "out.xlsx").returncode == 1
    assert (home / "out.xlsx").read_bytes().startswith(b"PK")


def test_a_day_without_trade_leaves_nothing_to_settle(home, yesterday):
    ended = reconcile(home, yesterday - 3 * DAY, "--json")

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["status"], told["unresolved"], told["report"]["bill"]) == ("finished", 0, None)


@pytest.mark.parametrize(
    ("more", "day", "told"),
    [
        ((), "tomorrow", "--date: expected a day like"),
        ((), "2999-01-01", "--date: expected over in Shanghai"),
        (("--export", "out.pdf"), "2026-01-01", "--export: expected a file that ends in .csv"),
        (("--bill", "basepay.toml"), "2026-01-01", "--bill: expected the bill of that day"),
    ],
)
def test_what_can_be_mended_is_told_in_one_line(home, more, day, told):
    ended = reconcile(home, day, *more)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
