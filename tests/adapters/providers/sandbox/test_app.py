"""The simulators' own surface: the page, the clock, and where they refuse to run."""

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import SandboxInProduction, create_sandbox
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@pytest.mark.parametrize("environment", ["production", "prod", ""])
def test_simulators_refuse_to_run_in_production(environment):
    with pytest.raises(SandboxInProduction):
        create_sandbox(environment=environment, clock=MovableClock(), providers=[])


def test_two_sandboxes_on_one_directory_hand_out_the_same_credentials(tmp_path):
    def start():
        return create_sandbox(
            environment="dev",
            clock=MovableClock(),
            providers=[WeChatPaySandbox],
            data_directory=tmp_path,
        )

    first, second = (
        app.wire.provider_of("/v3/certificates").credentials("http://127.0.0.1")
        for app in (start(), start())
    )
    assert first == second


@pytest.fixture
def tester(run, sandbox_keys):
    """Post to the tester's controls of a simulator."""
    app = create_sandbox(
        environment="test", clock=MovableClock(), providers=[WeChatPaySandbox], keys=sandbox_keys
    )

    async def post(path, body):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # as in test_phone.py
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as http:
            return await http.post(path, json=body)

    return lambda path, body: run(post(path, body))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sandbox/clock", {"advance_seconds": -1}),
        ("/sandbox/clock", {"advance_seconds": 1e300}),
        ("/sandbox/faults", {"kind": "latency", "seconds": -1}),
        ("/sandbox/faults", {"kind": "latency", "times": 0}),
        ("/sandbox/faults", {"kind": "status", "status": 200}),
        ("/sandbox/faults", {"kind": "latency", "second": 1}),
    ],
)
def test_nonsense_is_refused(tester, path, body):
    assert tester(path, body).status_code == 400


def test_an_order_nobody_placed_can_not_be_paid(tester):
    assert tester("/sandbox/payer/pay", {"provider_order_no": "ORDER-0001"}).status_code == 404
    assert tester("/sandbox/payer/dance", {"provider_order_no": "ORDER-0001"}).status_code == 404


def test_the_clock_moves_forward(tester):
    before = tester("/sandbox/clock", {"advance_seconds": 0}).json()["now"]
    after = tester("/sandbox/clock", {"advance_seconds": 86400}).json()["now"]

    assert after[:10] > before[:10]
