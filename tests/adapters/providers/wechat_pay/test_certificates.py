"""Platform certificates: fetched ahead of need, proven before they are believed."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.providers.wechat_pay.callbacks import WeChatCallbacks
from adapters.providers.wechat_pay.certificates import Certificates
from adapters.providers.wechat_pay.client import Client
from adapters.providers.wechat_pay.keys import Keys
from application.ports import CallbackRejected
from application.records import PaymentNews
from tests.adapters.providers.wechat_pay.desk import (
    API_V3_KEY,
    CERTIFICATE_SERIAL,
    KEY_ID,
    NOW,
    Desk,
    an_order,
    callback,
    certificate,
    config,
    sealed,
    signature_headers,
)

LIST = "GET /v3/certificates"
OLD, NEW = f"{CERTIFICATE_SERIAL:040X}", f"{77:040X}"
FRESH = certificate("successor", 77)
NONE_USABLE = (404, {"code": "RESOURCE_NOT_EXISTS", "message": "无可用的平台证书"})


@dataclass
class Clocks:
    """Both clocks, each moved by hand."""

    business: datetime = NOW
    ahead: float = 0.0  # of the machine's clock

    def now(self) -> datetime:
        return self.business

    def wall(self) -> float:
        return datetime.now().timestamp() + self.ahead  # noqa: DTZ005 - seconds only


@dataclass
class Office:
    """An account that looks after its certificates, and WeChat Pay's side of the counter."""

    keys: Keys
    desk: Desk = field(default_factory=Desk)
    clocks: Clocks = field(default_factory=Clocks)

    def __post_init__(self) -> None:
        client = Client(config(), self.keys, self.desk)
        self.certificates = Certificates(self.keys, client, self.clocks, wall=self.clocks.wall)


@pytest.fixture
def office():
    def make(**changes):
        return Office(Keys.load(config(**changes)))

    return make


def listed(*certificates: str, key: str = API_V3_KEY) -> bytes:
    """The list as WeChat Pay sends it."""
    told = []
    for text in certificates:
        nonce = "nonce-of-12b"
        ciphertext = AESGCM(key.encode()).encrypt(nonce.encode(), text.encode(), b"certificate")
        told.append(
            {
                "serial_no": "told here, and in the certificate",
                "effective_time": "2026-03-09T12:00:00+08:00",
                "expire_time": "2031-03-08T12:00:00+08:00",
                "encrypt_certificate": {
                    "algorithm": "AEAD_AES_256_GCM",
                    "nonce": nonce,
                    "associated_data": "certificate",
                    "ciphertext": base64.b64encode(ciphertext).decode(),
                },
            }
        )
    return json.dumps({"data": told}).encode()


def by_successor(body: bytes) -> dict[str, str]:
    return signature_headers(body, owner="successor", serial=NEW)


def test_a_new_certificate_is_learned_beside_the_old_one(run, office):
    it = office()
    body = listed(certificate(), FRESH)
    it.desk.says(200, body)

    run(it.certificates.look())

    assert it.desk.asked() == [LIST]
    for name in (OLD, NEW, KEY_ID):
        assert it.keys.named(name) is not None


def test_at_first_contact_the_list_proves_itself(run, office):
    it = office(platform_certificates=(), public_keys={})
    body = listed(FRESH)
    it.desk.says(200, body, headers=by_successor(body))

    run(it.certificates.look())

    assert it.keys.named(NEW) is not None
    assert it.keys.preferred == NEW
    assert "wechatpay-serial" not in it.desk.heard[0].headers


def test_a_public_key_may_vouch_for_the_list(run, office):
    it = office(platform_certificates=())
    body = listed(FRESH)
    it.desk.says(200, body, headers=signature_headers(body, owner="public"))

    run(it.certificates.look())

    assert it.keys.named(NEW) is not None
    assert it.keys.preferred == KEY_ID


BAD_LISTS = {
    "sealed with another key": listed(FRESH, key="x" * 32),
    "not a certificate": listed("-----BEGIN CERTIFICATE-----"),
    "not text": json.dumps(
        {
            "data": [
                {
                    "encrypt_certificate": {
                        "algorithm": "AEAD_AES_256_GCM",
                        "nonce": "nonce-of-12b",
                        "associated_data": "",
                        "ciphertext": base64.b64encode(
                            AESGCM(API_V3_KEY.encode()).encrypt(b"nonce-of-12b", b"\xff", b"")
                        ).decode(),
                    }
                }
            ]
        }
    ).encode(),
    "nothing": b"",
    "another list": b'{"data":{}}',
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_list_that_makes_no_sense_is_not_believed(run, office, name):
    it = office()
    it.desk.says(200, BAD_LISTS[name])

    run(it.certificates.look())

    assert it.keys.named(NEW) is None
    assert it.keys.named(OLD) is not None


@pytest.mark.parametrize(
    "proof",
    [
        {},
        signature_headers(b"other"),
        signature_headers(b"") | {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"},
        signature_headers(listed(FRESH), owner="stranger", serial=NEW),
    ],
    ids=["unsigned", "over other bytes", "a probe", "a stranger"],
)
def test_a_list_in_doubt_is_not_believed(run, office, proof):
    it = office()
    it.desk.says(200, listed(FRESH), headers=proof)

    run(it.certificates.look())

    assert it.keys.named(NEW) is None


def test_what_has_expired_is_dropped(run, office):
    brief = certificate("brief", 99, until=NOW + timedelta(minutes=30))
    it = office(platform_certificates=(certificate(), brief))
    it.desk.says(200, listed(certificate()))
    run(it.certificates.look())
    assert it.keys.named(f"{99:040X}") is not None

    it.clocks.business += timedelta(hours=1)
    run(it.certificates.look())

    assert it.keys.named(f"{99:040X}") is None
    assert it.keys.named(OLD) is not None


def test_what_has_expired_is_dropped_even_if_nothing_can_be_fetched(run, office):
    it = office(platform_certificates=(certificate("brief", 99, until=NOW),))
    it.desk.breaks(httpx.ConnectError("refused"))

    run(it.certificates.look())

    assert it.keys.named(f"{99:040X}") is None


@pytest.mark.parametrize("clock", ["wall", "business"])
def test_once_an_hour_by_whichever_clock_is_faster(run, office, clock):
    it = office()
    it.desk.says(200, listed(certificate()))
    run(it.certificates.look())

    _pass(it.clocks, clock, minutes=59)
    run(it.certificates.look())
    assert len(it.desk.heard) == 1

    _pass(it.clocks, clock, minutes=2)
    run(it.certificates.look())
    assert len(it.desk.heard) == 2


def test_an_unknown_serial_is_fetched_soon_and_the_callback_comes_again(run, office):
    it = office()
    reader = WeChatCallbacks(config(), it.keys)
    paid = sealed(an_order(), "TRANSACTION.SUCCESS")
    it.desk.says(200, listed(certificate()))
    run(it.certificates.look())
    it.desk.script.clear()
    it.desk.says(200, listed(certificate(), FRESH))

    with pytest.raises(CallbackRejected, match="unknown key"):
        reader.read(callback(paid, by_successor(paid)))
    it.clocks.ahead += 61
    run(it.certificates.look())

    assert isinstance(reader.read(callback(paid, by_successor(paid))), PaymentNews)
    assert it.desk.asked() == [LIST, LIST]


def test_an_unknown_serial_in_an_answer_is_fetched_too(run, office):
    it = office()
    it.desk.says(200, listed(certificate()))
    run(it.certificates.look())
    it.desk.script.clear()
    it.desk.says(200, b"{}", headers=by_successor(b"{}")).says(200, listed(certificate(), FRESH))

    run(Client(config(), it.keys, it.desk).call("GET", "/v3/anything"))
    it.clocks.ahead += 61
    run(it.certificates.look())

    assert it.keys.named(NEW) is not None


def test_strangers_make_us_ask_once_a_minute_at_most(run, office):
    it = office()
    it.desk.says(200, listed(certificate()))

    for _ in range(180):
        it.keys.named(NEW)
        run(it.certificates.look())
        it.clocks.ahead += 1

    assert len(it.desk.heard) == 3


def test_an_unknown_public_key_is_not_among_the_certificates(run, office):
    it = office()
    it.desk.says(200, listed(certificate()))
    run(it.certificates.look())

    it.keys.named("PUB_KEY_ID_9")
    it.clocks.ahead += 120
    run(it.certificates.look())

    assert len(it.desk.heard) == 1


def test_a_merchant_with_public_keys_only_asks_once_a_day(run, office):
    it = office(platform_certificates=())
    body = json.dumps(NONE_USABLE[1]).encode()
    it.desk.says(404, body, headers=signature_headers(body, owner="public"))
    run(it.certificates.look())

    for _ in range(23):
        it.keys.named(NEW)
        it.clocks.ahead += 3600
        run(it.certificates.look())
    assert len(it.desk.heard) == 1

    it.clocks.ahead += 3601
    run(it.certificates.look())
    assert len(it.desk.heard) == 2


def test_a_merchant_who_has_moved_to_public_keys_asks_once_a_day(run, office):
    it = office()
    it.desk.says(*NONE_USABLE)
    run(it.certificates.look())

    it.clocks.ahead += 23 * 3600
    run(it.certificates.look())

    assert len(it.desk.heard) == 1


@pytest.mark.parametrize(
    ("settings", "proof"), [({"public_keys": {}}, None), ({}, {})], ids=["needed", "unsigned"]
)
def test_a_list_that_vanishes_while_certificates_are_in_use_is_asked_for_again(
    run, office, settings, proof
):
    it = office(**settings)
    it.desk.says(*NONE_USABLE, headers=proof)
    run(it.certificates.look())

    it.clocks.ahead += 61
    run(it.certificates.look())

    assert len(it.desk.heard) == 2


@pytest.mark.parametrize(
    ("settings", "pause"),
    [({}, 60), ({"platform_certificates": (), "public_keys": {}}, 5)],
    ids=["something is believed", "nothing is"],
)
def test_a_failure_is_repeated_soon(run, office, settings, pause):
    it = office(**settings)
    it.desk.breaks(httpx.ReadTimeout("silent"))
    run(it.certificates.look())

    it.clocks.ahead += pause - 2
    run(it.certificates.look())
    assert len(it.desk.heard) == 1

    it.clocks.ahead += 3
    run(it.certificates.look())
    assert len(it.desk.heard) == 2


def test_a_pause_that_is_ordered_is_kept(run, office):
    it = office()
    it.desk.says(429, {"code": "FREQUENCY_LIMITED"}, beside={"Retry-After": "600"})
    run(it.certificates.look())

    it.clocks.ahead += 590
    it.keys.named(NEW)
    run(it.certificates.look())

    assert len(it.desk.heard) == 1


def test_the_account_keeps_looking_until_it_is_told_to_stop(run, account, desk):
    desk.breaks(RuntimeError("a slip"))

    async def a_while() -> None:
        upkeep = asyncio.ensure_future(account.upkeep())
        while not desk.heard:  # noqa: ASYNC110 - the desk rings no bell
            await asyncio.sleep(0)
        assert not upkeep.done()
        upkeep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upkeep

    run(a_while())

    assert desk.asked() == [LIST]


# The APIv3 key


def test_what_the_previous_key_sealed_still_opens(office):
    former = "F" * 32
    body = sealed(an_order(), "TRANSACTION.SUCCESS", key=former)
    changed = config(previous_api_v3_key=former)

    news = WeChatCallbacks(changed, Keys.load(changed)).read(callback(body))

    assert isinstance(news, PaymentNews)
    with pytest.raises(CallbackRejected, match="api_v3_key"):
        WeChatCallbacks(config(), Keys.load(config())).read(callback(body))


def _pass(clocks: Clocks, which: str, *, minutes: int) -> None:
    if which == "wall":
        clocks.ahead += minutes * 60
    else:
        clocks.business += timedelta(minutes=minutes)
