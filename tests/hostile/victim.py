"""The attacked stack seen from outside: its process, its API, and the simulators it trades with."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from adapters.providers.sandbox.keys import KeyRing
from tests.adapters.providers.worlds import NO_TLS
from tests.hostile.hands import Target
from tests.hostile.posts import MAIN, OTHER

ROOT = Path(__file__).parents[2]
METHODS = {"wechat": "wechat_native", "alipay": "alipay_qr"}


@dataclass(frozen=True)
class Victim:
    """A running basepay with two accounts at each provider."""

    process: subprocess.Popen[str]
    url: str
    shop: httpx.Client
    boss: httpx.Client
    sandbox: httpx.Client
    ring: KeyRing
    credentials: Mapping[str, Any]

    def order(self, provider: str, number: int) -> Target:
        """Ask for a payment of 88.88 yuan that waits for its payer."""
        order_no = f"SO-{provider}-{number}"
        body = {
            "order_no": order_no,
            "amount": 8888,
            "subject": "两杯茶",
            "method": METHODS[provider],
            "account": MAIN[provider],
        }
        headers = {"Idempotency-Key": order_no}
        view = self.shop.post("/v1/payments", json=body, headers=headers).raise_for_status().json()
        assert view["status"] == "created", view
        return Target(view["id"], view["provider_order_no"], view["amount"])

    def payer_pays(self, target: Target) -> None:
        """The provider takes the money and calls back by itself."""
        order = {"provider_order_no": target.number}
        self.sandbox.post("/sandbox/payer/pay", json=order).raise_for_status()

    def statuses(self, targets: list[Target]) -> list[str]:
        return [self.shop.get(f"/v1/payments/{each.id}").json()["status"] for each in targets]

    def everything(self, kind: str, who: httpx.Client) -> list[dict[str, Any]]:
        """All events, or all incidents."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = who.get(f"/v1/{kind}", params=query).raise_for_status().json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def undelivered(self) -> list[dict[str, Any]]:
        """The genuine callbacks that were not acknowledged yet."""
        book = self.sandbox.get("/sandbox/book").raise_for_status().json()
        pending: list[dict[str, Any]] = book["pending_callbacks"]
        return pending

    def memory(self) -> float:
        """Resident memory of the process, MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [each for each in status.splitlines() if each.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """What the process has computed so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def attacked(sandbox_url: str, ring: KeyRing, directory: Path) -> Iterator[Victim]:
    """Start basepay against these simulators, as a process that ends with the block."""
    credentials = httpx.get(f"{sandbox_url}/sandbox/credentials", verify=NO_TLS).json()
    given = {
        "accounts": accounts(credentials, sandbox_url),
        "database": {"url": f"sqlite:///{directory / 'basepay.db'}"},
    }
    with (directory / "stderr.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.stack"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            with ExitStack() as stack:
                yield _connected(stack, process, json.dumps(given), sandbox_url, ring, credentials)
        finally:
            process.communicate(timeout=30)  # the end of its input ends it


def accounts(credentials: Mapping[str, Any], sandbox_url: str) -> dict[str, Any]:
    """Two accounts at each provider that differ in their merchant only, not in any key."""
    wechat, alipay = credentials["wechat"], credentials["alipay"]
    main_wechat = {
        "provider": "wechat",
        **{key: wechat[key] for key in ("mchid", "app_ids", "serial_no", "private_key")},
        "api_v3_key": wechat["api_v3_key"],
        "platform_certificates": [wechat["platform_certificate"]],
        "base_url": sandbox_url,
    }
    main_alipay = {
        "provider": "alipay",
        **{key: alipay[key] for key in ("app_id", "seller_id", "private_key")},
        "alipay_public_key": alipay["alipay_public_key"],
        "base_url": alipay["gateway_url"],
    }
    return {
        MAIN["wechat"]: main_wechat,
        OTHER["wechat"]: main_wechat | {"mchid": "1900000002"},
        MAIN["alipay"]: main_alipay,
        OTHER["alipay"]: main_alipay
        | {"app_id": "2021000000000002", "seller_id": "2088000000000002"},
    }


def _connected(
    stack: ExitStack,
    process: subprocess.Popen[str],
    given: str,
    sandbox_url: str,
    ring: KeyRing,
    credentials: Mapping[str, Any],
) -> Victim:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(given + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, "basepay did not start"
    told = json.loads(line)
    shop, boss, sandbox = (
        stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30, verify=NO_TLS))
        for url, headers in (
            (told["url"], {"Authorization": f"Bearer {told['key']}"}),
            (told["url"], {"Authorization": f"Bearer {told['operator_key']}"}),
            (sandbox_url, {}),
        )
    )
    return Victim(process, told["url"], shop, boss, sandbox, ring, credentials)
