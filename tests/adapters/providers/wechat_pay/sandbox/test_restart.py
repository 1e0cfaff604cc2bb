"""A simulator that is killed and started again on its data directory has lost nothing."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.journal import Journal
from adapters.providers.sandbox.records import Record
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

ROOT = Path(__file__).parents[5]

PROGRAM = """
import socket, sys
from pathlib import Path
import uvicorn
from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

app = create_sandbox(
    environment="test", clock=MovableClock(), providers=[WeChatPaySandbox],
    data_directory=Path(sys.argv[1]),
)
listener = socket.socket(fileno=int(sys.argv[2]))
uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listener])
"""


@pytest.fixture
def doomed(tmp_path):
    """A simulator in a process of its own, to be killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    port, handle = listener.getsockname()[1], listener.fileno()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(handle)], cwd=ROOT, pass_fds=[handle]
    )
    listener.close()
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.wait(10)


def test_after_a_kill_book_keys_and_callbacks_go_on(doomed, shop_at, serve, tmp_path, merchant):
    process, base_url = doomed
    merchant.answers = [(500, b""), (200, b"")]
    before = shop_at(base_url)
    before.notify_url = merchant.url
    before.paid("ORDER-0001")
    before.refund("ORDER-0001", "R-1", 500)
    merchant.waits_for(1)
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    clock = MovableClock()
    app = create_sandbox(
        environment="test", clock=clock, providers=[WeChatPaySandbox], data_directory=tmp_path
    )
    after = shop_at(serve(app))
    clock.advance(15)
    merchant.waits_for(2)
    assert after.credentials["private_key"] == before.credentials["private_key"]
    assert after.order("ORDER-0001")["charges"] == 1
    assert after.state("ORDER-0001") == "REFUND"
    assert after.refund_status("R-1") == "SUCCESS"


def test_a_callback_tells_nothing_that_is_not_yet_on_disk(
    shop_at, serve, tmp_path, merchant, monkeypatch, sandbox_keys
):
    app = create_sandbox(
        environment="test",
        clock=MovableClock(),
        providers=[WeChatPaySandbox],
        data_directory=tmp_path,
        keys=sandbox_keys,
    )
    shop = shop_at(serve(app))
    shop.notify_url = merchant.url
    known_at_the_commit: list[int] = []
    save = Journal._save

    def slow_disk(journal: Journal, batch: list[Record]) -> None:
        time.sleep(0.2)
        known_at_the_commit.append(len(merchant.received))
        save(journal, batch)

    monkeypatch.setattr(Journal, "_save", slow_disk)

    shop.paid("ORDER-0001")
    merchant.waits_for(1)

    paid_on_disk = [
        record for record in Book(tmp_path).orders() if record.provider_order_no == "ORDER-0001"
    ]
    assert paid_on_disk[0].charges == 1
    assert known_at_the_commit[:2] == [0, 0]  # the order, then its payment, before any callback
