"""The merchant changes its own certificate and its APIv3 key on the merchant platform."""

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import PayerRefused, World
from adapters.providers.wechat_pay.sandbox.merchant_keys import MerchantKeys
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@pytest.fixture
def keys():
    """A merchant with one certificate and one APIv3 key."""
    return MerchantKeys(KeyRing(), "1900000001")


def test_a_second_certificate_is_taken_beside_the_first_until_that_is_revoked(keys):
    first = keys.credentials()
    assert "next_serial_no" not in first

    keys.turn("issue_certificate")
    both = keys.credentials()
    assert both["serial_no"] == first["serial_no"]
    assert keys.valid().keys() == {both["serial_no"], both["next_serial_no"]}

    keys.turn("revoke_old_certificate")
    assert keys.valid().keys() == {both["next_serial_no"]}
    assert keys.credentials()["private_key"] == both["next_private_key"]


def test_the_next_api_v3_key_is_told_before_it_seals(keys):
    first = keys.credentials()

    keys.turn("change_api_v3_key")

    assert keys.api_v3_key == first["next_api_v3_key"] != first["api_v3_key"]


@pytest.mark.parametrize("before", [[], ["issue_certificate", "revoke_old_certificate"]])
def test_the_only_certificate_cannot_be_revoked(keys, before):
    for step in before:
        keys.turn(step)

    with pytest.raises(PayerRefused):
        keys.turn("revoke_old_certificate")


def test_a_third_certificate_is_not_issued(keys):
    keys.turn("issue_certificate")

    with pytest.raises(PayerRefused):
        keys.turn("issue_certificate")


def test_what_was_changed_outlives_the_process(tmp_path):
    simulator = WeChatPaySandbox(World(MovableClock(), Book(), KeyRing(tmp_path)))
    for step in simulator.merchant_key_steps:
        simulator.merchant_turns_keys(step)
    told = simulator.credentials("http://there")

    again = WeChatPaySandbox(World(MovableClock(), Book(), KeyRing(tmp_path)))

    assert again.credentials("http://there") == told


def test_a_call_is_signed_with_any_certificate_that_is_valid(shop_at, serve, tmp_path):
    app = create_sandbox(
        environment="test",
        clock=MovableClock(),
        providers=[WeChatPaySandbox],
        data_directory=tmp_path,
    )
    shop = shop_at(serve(app))
    turn = {"provider": "wechat", "step": "issue_certificate"}
    shop.http.post("/sandbox/merchant/keys", json=turn).raise_for_status()
    assert shop.call("GET", "/v3/certificates").status_code == 200

    turn["step"] = "revoke_old_certificate"
    shop.http.post("/sandbox/merchant/keys", json=turn).raise_for_status()

    refused = shop.call("GET", "/v3/certificates")
    assert (refused.status_code, refused.json()["code"]) == (401, "SIGN_ERROR")
    shop = shop_at(str(shop.http.base_url))
    assert shop.call("GET", "/v3/certificates").status_code == 200
