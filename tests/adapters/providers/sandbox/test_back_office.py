"""What testers do past payers: refused where a tester names what is not there."""

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@pytest.fixture
def tester(run, sandbox_keys: KeyRing):
    """Talk to the tester's controls of a simulator."""
    app = create_sandbox(
        environment="test", clock=MovableClock(), providers=[WeChatPaySandbox], keys=sandbox_keys
    )

    async def send(method, path, body):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # as in test_phone.py
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as http:
            return await http.request(method, path, json=body)

    return lambda method, path, body=None: run(send(method, path, body))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("merchant/refund", {"provider_order_no": "NO-SUCH-ONE", "amount": 1}, 404),
        ("merchant/refund", {"provider_order_no": "NO-SUCH-ONE", "amount": 0}, 400),
        ("merchant/mend", {"provider_refund_no": "R-1", "arrives": True}, 404),
        (
            "merchant/mend",
            {"provider_refund_no": "R-1", "provider_order_no": "NO-SUCH-ONE", "arrives": True},
            404,
        ),
        ("merchant/mend", {"provider_refund_no": "R-1"}, 400),
        ("keys", {"provider": "paypal", "step": "announce_certificate"}, 400),
        ("keys", {"provider": "wechat", "step": "lose_everything"}, 400),
        ("keys", {"provider": "wechat", "step": "finish_public_key", "now": True}, 400),
        ("keys", {"provider": "wechat", "step": "sign_with_new_certificate"}, 409),
        ("merchant/keys", {"provider": "alipay", "step": "issue_certificate"}, 400),
        ("merchant/keys", {"provider": "wechat", "step": "announce_certificate"}, 400),
        ("merchant/keys", {"provider": "wechat", "step": "revoke_old_certificate"}, 409),
    ],
)
def test_what_is_not_there_can_not_be_touched(tester, path, body, status):
    assert tester("POST", f"/sandbox/{path}", body).status_code == status


def test_the_steps_of_each_provider_are_listed_in_their_order(tester):
    steps = tester("GET", "/sandbox/keys").json()["wechat"]

    assert steps == [
        "announce_certificate",
        "sign_with_new_certificate",
        "retire_old_certificate",
        "start_public_key",
        "finish_public_key",
    ]
    own = tester("GET", "/sandbox/merchant/keys").json()["wechat"]
    assert own == ["issue_certificate", "revoke_old_certificate", "change_api_v3_key"]
