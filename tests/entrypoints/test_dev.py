"""`basepay dev` as a newcomer meets it: a process, two ports, a directory."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.dev_process import ROOT, DevProcess


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[DevProcess]:
    process = DevProcess(tmp_path)
    process.start()
    yield process
    process.kill()


def test_it_answers_pays_and_remembers_over_a_kill(dev):
    key = {"Authorization": f"Bearer {dev.started['api_key']}"}
    api = dev.started["api_url"]
    assert httpx.get(f"{api}/readyz").status_code == 200
    order = {"order_no": "SO-1", "amount": 1999, "subject": "Tea", "method": "wechat_native"}
    first = httpx.post(f"{api}/v1/payments", json=order, headers={**key, "Idempotency-Key": "k"})
    assert first.status_code == 201

    before = dev.started
    dev.kill()
    dev.start()

    assert dev.started == before
    seen = httpx.get(f"{api}/v1/payments/{first.json()['id']}", headers=key)
    assert seen.content == first.content
    again = httpx.post(f"{api}/v1/payments", json=order, headers={**key, "Idempotency-Key": "k"})
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"


def test_fifty_clients_with_one_key_make_one_order_and_hear_one_answer(run, dev):
    order = {"order_no": "SO-50", "amount": 1999, "subject": "Tea", "method": "wechat_native"}
    headers = {"Authorization": f"Bearer {dev.started['api_key']}", "Idempotency-Key": "fifty"}
    url = f"{dev.started['api_url']}/v1/payments"

    async def fifty() -> list[httpx.Response]:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            return await asyncio.gather(*(client.post(url, json=order) for _ in range(50)))

    answers = run(fifty())

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert (replayed.count(None), replayed.count("true")) == (1, 49)
    book = httpx.get(f"{dev.started['sandbox_url']}/sandbox/book").json()
    assert len(book["orders"]) == 1


def test_it_ends_in_order_when_asked(dev):
    assert dev.stop() == 0


def test_what_is_under_way_when_it_is_asked_to_end_is_answered(dev):
    sandbox, key = dev.started["sandbox_url"], f"Bearer {dev.started['api_key']}"
    slow = {"kind": "latency", "provider": "wechat", "operation": "prepay", "seconds": 2}
    httpx.post(f"{sandbox}/sandbox/faults", json=slow).raise_for_status()
    order = {"order_no": "SO-1", "amount": 1999, "subject": "Tea", "method": "wechat_native"}
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(
            httpx.post,
            f"{dev.started['api_url']}/v1/payments",
            json=order,
            headers={"Authorization": key, "Idempotency-Key": "k"},
            timeout=30,
        )
        # The fault is used up once the request is at the provider.
        while httpx.get(f"{sandbox}/sandbox/faults").json():
            pass
        code = dev.stop()

    assert (code, answer.result().status_code) == (0, 201)
    assert answer.result().json()["action"]


def test_it_tells_its_addresses_on_one_line(dev):
    assert set(dev.started) == {
        "api_url",
        "api_key",
        "operator_key",
        "sandbox_url",
        "console_url",
    }


def test_its_log_holds_no_key(dev):
    httpx.get(
        f"{dev.started['api_url']}/v1/payments",
        headers={"Authorization": f"Bearer {dev.started['api_key']}"},
    )
    dev.stop()

    log = (dev.data_dir / "dev.log").read_text()

    assert "/v1/payments" in log
    assert dev.started["api_key"] not in log


def basepay(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "entrypoints", *words]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_taken_port_is_told_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = basepay("dev", "--port", str(taken.getsockname()[1]), cwd=tmp_path)

    assert ended.returncode == 2
    assert "choose another --port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_of_them_never_share_a_directory(dev, tmp_path):
    second = basepay("dev", "--port", "0", "--data-dir", str(dev.data_dir), cwd=tmp_path)

    assert second.returncode == 2
    assert "is in use by another basepay" in second.stderr


def test_what_it_keeps_is_its_owners_alone(dev):
    readable = [path.name for path in dev.data_dir.iterdir() if path.stat().st_mode & 0o077]

    assert set(readable) <= {"dev.log"}  # written by the test


def test_serving_by_hand_from_the_first_file_to_the_first_key(tmp_path):
    assert basepay("init", cwd=tmp_path).returncode == 0
    assert "left alone" in basepay("init", cwd=tmp_path).stderr
    early = basepay("apps", "list", cwd=tmp_path)
    assert (early.returncode, "basepay migrate" in early.stderr) == (2, True)

    assert basepay("migrate", cwd=tmp_path).returncode == 0
    key = basepay("apps", "add", "shop", cwd=tmp_path).stdout.strip()
    rotated = basepay("apps", "rotate", "shop", cwd=tmp_path).stdout.strip()

    assert key.startswith("bpk_")
    assert rotated not in ("", key)
    assert basepay("apps", "list", cwd=tmp_path).stdout == "shop\t2 live keys\n"
    assert basepay("apps", "rotate", "nobody", cwd=tmp_path).returncode == 2
    assert basepay("operators", "list", cwd=tmp_path).stdout == "no operator yet\n"


def test_the_roles_are_served_from_the_configuration(dev, tmp_path):
    """The same simulators, a second basepay beside the first."""
    credentials = httpx.get(f"{dev.started['sandbox_url']}/sandbox/credentials").json()["wechat"]
    home = tmp_path / "served"
    home.mkdir()
    lines = [
        'environment = "test"',
        'number_prefix = "s1"',
        "[http]",
        "port = 0",
        "[accounts.wechat-main]",
        'provider = "wechat"',
        *(f"{k} = {json.dumps(credentials[k])}" for k in ("mchid", "serial_no", "private_key")),
        f"api_v3_key = {json.dumps(credentials['api_v3_key'])}",
        f"public_key_id = {json.dumps(credentials['public_key_id'])}",
        f"public_key = {json.dumps(credentials['public_key'])}",
        f"base_url = {json.dumps(dev.started['sandbox_url'])}",
        "[accounts.wechat-main.app_ids]",
        f"official_account = {json.dumps(credentials['app_ids']['official_account'])}",
    ]
    (home / "basepay.toml").write_text("\n".join(lines))
    assert basepay("migrate", cwd=home).returncode == 0
    command = [sys.executable, "-m", "entrypoints", "serve", "gateway"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    serve = subprocess.Popen(command, cwd=home, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert serve.stderr is not None
        line = next(line for line in serve.stderr if "listening" in line)
        url = line.split()[-1]
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/v1/payments").status_code == 404
        assert httpx.post(f"{url}/callbacks/wechat/wechat-main").status_code == 401
    finally:
        serve.send_signal(signal.SIGTERM)
        _, _ = serve.communicate(timeout=60)
    assert serve.returncode == 0
