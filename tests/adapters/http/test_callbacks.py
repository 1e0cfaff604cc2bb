import pytest

from adapters.http.callbacks import MAX_CALLBACK_BYTES
from application.records import Reply
from domain.method import Provider


class Gateway:
    """Stands where the use case stands: keeps what arrived, replies as told."""

    def __init__(self):
        self.arrived = []
        self.reply = Reply(200, b'{"code":"SUCCESS"}', "application/json")

    async def __call__(self, provider, account, headers, body):
        self.arrived.append((provider, account, headers, body))
        return self.reply


@pytest.fixture
def gateway(world, monkeypatch):
    gateway = Gateway()
    monkeypatch.setattr(world.app, "receive_callback", gateway)
    return gateway


RAW = b'{"spaces" :  "kept", "bytes": "\xff\x00"}\r\n'


@pytest.mark.parametrize("provider", Provider)
def test_the_body_arrives_byte_for_byte(gateway, stranger, provider):
    headers = {"Wechatpay-Signature": "S1", "Content-Type": "application/x-anything"}

    stranger.send("POST", f"/callbacks/{provider}/acc-1", content=RAW, headers=headers)

    [(said_provider, account, said_headers, body)] = gateway.arrived
    assert (said_provider, account, body) == (provider, "acc-1", RAW)
    assert said_headers["wechatpay-signature"] == "S1"
    assert all(name == name.lower() for name in said_headers)


def test_no_half_of_a_doubled_signature_can_verify(gateway, stranger):
    headers = [("Wechatpay-Signature", "good"), ("Wechatpay-Signature", "bad")]

    stranger.send("POST", "/callbacks/wechat/acc-1", content=RAW, headers=headers)

    assert gateway.arrived[0][2]["wechatpay-signature"] == "good, bad"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"success", "text/plain"),
        Reply(401, b'{"code":"FAIL"}', "application/json"),
        Reply(500, b"", "text/plain"),
    ],
)
def test_the_provider_hears_exactly_the_reply(gateway, stranger, reply):
    gateway.reply = reply

    response = stranger.send("POST", "/callbacks/alipay/acc-1", content=RAW)

    assert (response.status_code, response.content) == (reply.status, reply.body)
    assert response.headers["content-type"].partition(";")[0] == reply.media_type


def test_a_genuine_callback_pays_the_order(run, world, shop, stranger, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.payer_pays(payment["provider_order_no"])
    body = world.wechat.callback("payment", payment["provider_order_no"])

    taken = stranger.send("POST", "/callbacks/wechat/wechat-main", content=body)
    run(world.settle())

    assert taken.status_code == 200
    assert shop.get(f"/v1/payments/{payment['id']}").json()["status"] == "succeeded"


def test_a_forged_callback_is_refused_and_changes_nothing(run, world, shop, stranger, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.payer_pays(payment["provider_order_no"])
    body = world.wechat.callback("payment", payment["provider_order_no"], forged=True)

    refused = stranger.send("POST", "/callbacks/wechat/wechat-main", content=body)
    run(world.settle())

    assert refused.status_code >= 400
    assert shop.get(f"/v1/payments/{payment['id']}").json()["status"] == "created"


@pytest.mark.parametrize("path", ["wechat/nobody", "wechat/alipay-main", "alipay/wechat-main"])
def test_an_unknown_account_is_not_found(stranger, path):
    response = stranger.send("POST", f"/callbacks/{path}", content=RAW)

    assert (response.status_code, response.json()["code"]) == (404, "account_not_found")


@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_body_is_refused_unread(gateway, stranger, announced):
    async def chunks():
        for _ in range(17):
            yield bytes(MAX_CALLBACK_BYTES // 16)

    body = bytes(MAX_CALLBACK_BYTES + 1) if announced else chunks()
    response = stranger.send("POST", "/callbacks/wechat/acc-1", content=body)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert gateway.arrived == []


def test_the_largest_body_still_passes(gateway, stranger):
    body = bytes(MAX_CALLBACK_BYTES)

    assert stranger.send("POST", "/callbacks/wechat/acc-1", content=body).status_code == 200
