"""The provider simulators alone, for anyone's own client or SDK."""

import json
import socket
from pathlib import Path

from litestar import Litestar

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from entrypoints.serving import serving, url_of
from entrypoints.stopping import stop_signal


def simulators(clock: MovableClock, data_dir: Path | None, *, environment: str = "dev") -> Litestar:
    """Both providers on one app; their book is in memory without a `data_dir`."""
    return create_sandbox(
        environment=environment,
        clock=clock,
        providers=[WeChatPaySandbox, AlipaySandbox],
        data_directory=data_dir,
    )


async def run_sandbox(listener: socket.socket, data_dir: Path | None) -> None:
    """Serve the simulators until a signal ends them."""
    with stop_signal() as stopped:
        clock = MovableClock(file=data_dir / "clock" if data_dir else None)
        async with serving(simulators(clock, data_dir), listener):
            await stopped.wait()


def describe(listener: socket.socket, *, as_json: bool) -> str:
    """What a tester needs to know, for a person or a machine."""
    url = url_of(listener)
    facts = {
        "sandbox_url": url,
        "phone_url": f"{url}/sandbox",
        "credentials_url": f"{url}/sandbox/credentials",
        "book_url": f"{url}/sandbox/book",
        "alipay_gateway_url": f"{url}/gateway.do",
    }
    if as_json:
        return json.dumps(facts)
    return "\n".join(f"{name:20} {value}" for name, value in facts.items())
