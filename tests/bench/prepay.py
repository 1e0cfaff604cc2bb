"""How many Native prepays a second the whole service does, beside the SDK alone. Not a test.

    python -m tests.bench.prepay [orders]

The provider is an instant mock with one valid signed answer. Service and SDK run on the first
core, mock and load on the last one; every figure is of one process on one core.
"""

import asyncio
import base64
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from wechatpayv3 import WeChatPay, WeChatPayType

ROOT = Path(__file__).parent.parent.parent
AT_ONCE = 32
KEY_ID = "PUB_KEY_ID_0000000000000000000000000001"
BODY = b'{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}'

TOML = """
environment = "test"
[http]
port = {port}
[database]
url = "sqlite:///{folder}/bench.db"
[accounts.wechat-main]
provider = "wechat"
mchid = "1900000001"
app_ids = {{ official_account = "wx0000000000000001" }}
serial_no = "AB"
private_key_file = "merchant.pem"
api_v3_key = "{v3}"
public_key_id = "{key_id}"
public_key_file = "platform.pem"
base_url = "{mock}"
"""


class Mock(asyncio.Protocol):
    """Answers every request with the same signed bytes."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._seen = transport, b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while b"\r\n\r\n" in self._seen:
            head, _, rest = self._seen.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(rest) < length:
                return
            self._seen = rest[length:]
            self._transport.write(self.answer)  # type: ignore[attr-defined]  # it is a transport


def serve_mock(listener: socket.socket, key: bytes) -> None:
    """Run the mock for ever on the last core."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    private = load_pem_private_key(key, None)
    assert isinstance(private, rsa.RSAPrivateKey)

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Mock, sock=listener)
        async with server:
            while True:
                Mock.answer = _signed(private)
                await asyncio.sleep(60)

    asyncio.run(forever())


def _signed(key: rsa.RSAPrivateKey) -> bytes:
    at, nonce = str(int(time.time())), "0123456789abcdef"
    signature = key.sign(f"{at}\n{nonce}\n".encode() + BODY + b"\n", PKCS1v15(), SHA256())
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
        f"Wechatpay-Timestamp: {at}\r\nWechatpay-Nonce: {nonce}\r\nWechatpay-Serial: {KEY_ID}\r\n"
        f"Wechatpay-Signature: {base64.b64encode(signature).decode()}\r\n"
        "Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\nRequest-ID: bench\r\n\r\n"
    )
    return head.encode() + BODY


def sdk_rate(folder: Path, mock: str, orders: int) -> float:
    """The synchronous SDK alone, one order after the other."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    client = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid="1900000001",
        private_key=(folder / "merchant.pem").read_text(),
        cert_serial_no="AB",
        apiv3_key="0" * 32,
        appid="wx0000000000000001",
        notify_url="https://pay.example.com/callbacks/wechat/wechat-main",
        public_key=(folder / "platform.pem").read_text(),
        public_key_id=KEY_ID,
    )
    client._core._gate_way = mock  # the package knows one address only
    began = time.perf_counter()
    for number in range(orders):
        status, _ = client.pay(
            description="tea", out_trade_no=f"d1{number:026}", amount={"total": 1999}
        )
        assert status == 200
    return orders / (time.perf_counter() - began)


def rsa_rate(folder: Path) -> float:
    """Bare RSA signatures: the ceiling of anything that signs every call."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((folder / "merchant.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    began = time.perf_counter()
    for _ in range(500):
        key.sign(b"x" * 400, PKCS1v15(), SHA256())
    return 500 / (time.perf_counter() - began)


async def service_rate(url: str, key: str, orders: int, run: str) -> tuple[float, float]:
    """Orders a second through the API, and the 99th percentile of the answer in milliseconds."""
    numbers, took = iter(range(orders)), []
    headers = {"Authorization": f"Bearer {key}"}

    async def customer(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            body = {"order_no": f"{run}-{number}", "amount": 1999, "subject": "tea"}
            body["method"] = "wechat_native"
            began = time.perf_counter()
            sent = {**headers, "Idempotency-Key": f"{run}-{number}"}
            async with session.post(f"{url}/v1/payments", json=body, headers=sent) as answer:
                assert answer.status == 201, await answer.text()
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(customer(session) for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - began
    return orders / seconds, sorted(took)[int(len(took) * 0.99)] * 1000


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_configuration(folder: Path, mock: str, port: int) -> bytes:
    """Keys and basepay.toml; the mock's private key."""
    merchant, platform = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = platform.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "merchant.pem").write_bytes(merchant.private_bytes(*pem))
    (folder / "platform.pem").write_bytes(public)
    facts = {"port": port, "folder": folder, "v3": "0" * 32, "key_id": KEY_ID, "mock": mock}
    (folder / "basepay.toml").write_text(TOML.format(**facts))
    return platform.private_bytes(*pem)


def main(orders: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="basepay-bench-"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    mock = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    platform_key = write_configuration(folder, mock, port)
    mock_process = multiprocessing.Process(target=serve_mock, args=(listener, platform_key))
    mock_process.start()

    def basepay(*words: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "entrypoints",
            *words,
            "--config",
            str(folder / "basepay.toml"),
        ]

    subprocess.run(basepay("migrate"), check=True, capture_output=True, cwd=ROOT)
    added = subprocess.run(
        basepay("apps", "add", "shop"), check=True, capture_output=True, cwd=ROOT
    )
    key = added.stdout.decode().strip()
    with (folder / "log").open("w") as log:
        service = subprocess.Popen(basepay("serve", "api"), stderr=log, cwd=ROOT)
    os.sched_setaffinity(service.pid, {cores[0]})
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        os.sched_setaffinity(0, {cores[0]})
        sign, sdk = rsa_rate(folder), sdk_rate(folder, mock, 400)
        os.sched_setaffinity(0, {cores[-1]})
        asyncio.run(service_rate(url, key, 200, "warm"))
        before = cpu_seconds(service.pid)
        rate, p99 = asyncio.run(service_rate(url, key, orders, "run"))
        spent = cpu_seconds(service.pid) - before
    finally:
        service.terminate()
        service.wait(30)
        mock_process.terminate()
        mock_process.join()
    lines = (
        f"bare RSA signatures     {sign:8.0f} /s",
        f"wechatpayv3 alone       {sdk:8.0f} /s",
        f"basepay, whole service  {rate:8.0f} /s   p99 {p99:.0f} ms at {AT_ONCE} in flight",
        f"CPU of basepay          {spent / orders * 1000:8.2f} ms an order",
        f"basepay / SDK           {rate / sdk:8.2f}      goal 1.5, better 2.2",
        f"basepay / RSA           {rate / sign:8.2f}      goal 0.30, better 0.45",
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
