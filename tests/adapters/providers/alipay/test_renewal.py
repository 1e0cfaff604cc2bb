"""Alipay's key and certificate change while money moves: nothing genuine is lost, nothing forged
is believed.
"""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.providers.alipay import upkeep
from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.callbacks import AlipayCallbacks
from adapters.providers.alipay.certificates import serial_of
from adapters.providers.alipay.client import Client
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.renewal import DOWNLOAD, PAUSE_SECONDS
from adapters.providers.alipay.upkeep import Upkeep
from application.ports import CallbackRejected
from application.records import PaymentNews
from domain.method import Method
from domain.outcome import NotFound, Unknown
from tests.adapters.providers.alipay.authority import (
    NOW,
    YEAR,
    certificate_mode,
    certified,
    issuing,
    pem,
)
from tests.adapters.providers.alipay.desk import (
    a_notice,
    a_payment,
    answer,
    bare_public,
    callback,
    config,
    form,
)

OLD, NEW = certified("alipay", "issuing", serial=12), certified("new alipay", "issuing")
ABSENT = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}
QUERY = "alipay.trade.query"


@dataclass
class CertifiedDesk(httpx.AsyncBaseTransport):
    """Alipay in certificate mode: signs with the present key, and hands its certificate out."""

    signer: str = "alipay"
    number: str = serial_of(OLD)
    handed_out: str = pem(OLD)
    trouble: dict[str, Any] | Exception | None = None  # at a download
    asked: list[dict[str, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # so that calls run side by side
        told = dict(parse_qsl(request.url.query.decode())) | dict(
            parse_qsl(request.content.decode())
        )
        self.asked.append(told)
        if told["method"] != DOWNLOAD:
            return self._says(told, ABSENT)
        if isinstance(self.trouble, Exception):
            raise self.trouble
        text = base64.b64encode(self.handed_out.encode()).decode()
        return self._says(told, self.trouble or {"code": "10000", "alipay_cert_content": text})

    def changes_to(self, certificate, *, signer: str, handed_out: str | None = None) -> None:
        """From now on Alipay signs with another certificate."""
        self.signer, self.number = signer, serial_of(certificate)
        self.handed_out = handed_out if handed_out is not None else pem(certificate, issuing())

    def downloads(self) -> list[str]:
        contents = [t["biz_content"] for t in self.asked if t["method"] == DOWNLOAD]
        return [json.loads(content)["alipay_cert_sn"] for content in contents]

    def _says(self, told: dict[str, str], node: dict[str, Any]) -> httpx.Response:
        content = answer(told["method"], node, owner=self.signer, cert_sn=self.number)
        return httpx.Response(200, stream=httpx.ByteStream(content))


class Wall:
    """Wall time that the test moves."""

    at = NOW.timestamp()

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def desk():
    return CertifiedDesk()


@pytest.fixture
def keys():
    return Keys.load(config(**certificate_mode()))


@pytest.fixture
def client(keys, desk, wall):
    return Client(config(**certificate_mode()), keys, desk, wall=wall)


@pytest.fixture
def account(desk, clock):
    return alipay_account(config(**certificate_mode()), desk, clock)


def asked(run, client):
    """Whether an answer is believed."""
    return run(client.call(QUERY, b"{}")).genuine


def test_a_request_names_the_certificates_on_both_sides(run, account, desk):
    assert isinstance(run(account.payments.query(a_payment())), NotFound)

    keys = Keys.load(config(**certificate_mode()))
    assert desk.asked[0].items() >= keys.serials.items()
    assert not desk.downloads()


def test_a_link_names_them_too(account):
    action = account.payments.prepare(a_payment(method=Method.ALIPAY_APP)).action

    told = dict(parse_qsl(action.details["order_string"]))
    assert told["app_cert_sn"] == serial_of(certified("app", "issuing", serial=11))
    assert "alipay_root_cert_sn" in told


def test_a_renewed_certificate_of_the_same_key_needs_no_fetching(run, client, desk):
    desk.changes_to(certified("alipay", "issuing", serial=99), signer="alipay")

    assert asked(run, client)
    assert not desk.downloads()


def test_a_new_key_is_fetched_once_and_no_answer_is_lost(run, client, desk):
    desk.changes_to(NEW, signer="new alipay")

    async def at_once():
        return await asyncio.gather(*(client.call(QUERY, b"{}") for _ in range(8)))

    assert all(each.genuine for each in run(at_once()))
    assert desk.downloads() == [serial_of(NEW)]


def test_old_and_new_are_believed_side_by_side(run, client, desk):
    desk.changes_to(NEW, signer="new alipay")
    assert asked(run, client)

    desk.changes_to(OLD, signer="alipay")

    assert asked(run, client)
    assert len(desk.downloads()) == 1


REFUSED_CERTIFICATES = {
    "vouched for by nobody": (certified("stranger", "stranger", ca=True), "stranger", None),
    "vouched for by a merchant": (
        certified("stranger", "app"),
        "stranger",
        pem(certified("stranger", "app"), certified("app", "issuing", serial=11), issuing()),
    ),
    "ended": (certified("new alipay", "issuing", ends=NOW - YEAR / 2), "new alipay", None),
    "another than asked for": (
        NEW,
        "stranger",
        pem(certified("stranger", "issuing", serial=8), issuing()),
    ),
    "no certificate": (NEW, "new alipay", "nothing"),
    "nothing": (NEW, "new alipay", ""),
}


@pytest.mark.parametrize("case", REFUSED_CERTIFICATES)
def test_a_certificate_that_proves_nothing_is_not_believed(run, client, desk, case):
    certificate, signer, handed_out = REFUSED_CERTIFICATES[case]
    desk.changes_to(certificate, signer=signer, handed_out=handed_out)

    assert not asked(run, client)
    assert len(desk.downloads()) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("silent"),
        {"code": "40004", "sub_code": "isv.alipay-cert-not-exist"},
        {"code": "10000"},
        {"code": "10000", "alipay_cert_content": "not base64!"},
        {"code": "10000", "alipay_cert_content": "/w=="},
    ],
)
def test_a_download_that_fails_says_nothing_and_is_tried_again_later(
    run, client, desk, wall, trouble
):
    desk.changes_to(NEW, signer="new alipay")
    desk.trouble = trouble
    assert not asked(run, client)
    desk.trouble = None

    assert not asked(run, client)
    assert len(desk.downloads()) == 1
    wall.at += PAUSE_SECONDS
    assert asked(run, client)


def test_numbers_that_are_made_up_cause_one_download_in_a_while(run, client, desk):
    desk.signer = "stranger"
    for number in range(20):
        desk.number = f"{number:032x}"
        assert not asked(run, client)

    assert len(desk.downloads()) == 1


def test_an_order_whose_answer_proves_nothing_is_unknown(run, account, desk):
    desk.signer, desk.number = "stranger", "0" * 32

    assert isinstance(run(account.payments.query(a_payment())), Unknown)


def test_a_forged_answer_under_a_known_number_is_not_believed(run, client, desk):
    desk.signer = "stranger"

    assert not asked(run, client)
    assert not desk.downloads()


# Callbacks

NOTICE = callback(form(a_notice(), owner="new alipay"))


def test_a_callback_of_a_new_key_is_refused_at_once_and_taken_when_it_comes_again(
    run, keys, client, desk
):
    reader = AlipayCallbacks(config(**certificate_mode()), keys)
    desk.changes_to(NEW, signer="new alipay")
    with pytest.raises(CallbackRejected):
        reader.read(NOTICE)
    assert not desk.asked

    run(Upkeep(keys, client).ask())

    assert isinstance(reader.read(NOTICE), PaymentNews)
    assert isinstance(reader.read(callback(form(a_notice()))), PaymentNews)


def test_the_upkeep_asks_when_in_doubt_and_seldom_otherwise(run, keys, client, desk, monkeypatch):
    monkeypatch.setattr(upkeep, "PAUSE_SECONDS", 0)

    async def refuse_some():
        task = asyncio.ensure_future(Upkeep(keys, client)())
        await heard(1)
        for count in (2, 3):
            assert not keys.genuine("", b"forged")
            await heard(count)
        await asyncio.sleep(0.01)
        task.cancel()

    async def heard(count):
        async with asyncio.timeout(5):
            while len(desk.asked) < count:  # noqa: ASYNC110 - the desk has no event to wait for
                await asyncio.sleep(0)

    run(refuse_some())

    assert len(desk.asked) == 3


def test_the_upkeep_survives_a_dead_line(run, keys, client, desk):
    desk.changes_to(NEW, signer="new alipay")
    desk.trouble = httpx.ConnectError("refused")

    run(Upkeep(keys, client).ask())

    assert serial_of(NEW) not in keys.known


def test_who_was_told_of_a_new_certificate_takes_its_callbacks_at_once(desk, clock):
    """Either way round: nobody has to hit the moment of the change."""
    names = ("alipay_certificate", "previous_alipay_certificate")
    for files in ((OLD, NEW), (NEW, OLD)):
        given = {name: pem(file, issuing()) for name, file in zip(names, files, strict=True)}
        account = alipay_account(config(**certificate_mode(**given)), desk, clock)

        for owner in ("alipay", "new alipay"):
            body = form(a_notice(), owner=owner)
            assert isinstance(account.callbacks.read(callback(body)), PaymentNews)
        with pytest.raises(CallbackRejected):
            account.callbacks.read(callback(form(a_notice(), owner="stranger")))


def test_a_second_certificate_wants_the_three_beside_it():
    with pytest.raises(ValueError, match="app_certificate"):
        config(previous_alipay_certificate=pem(OLD))


def test_an_answer_that_is_not_believed_is_told_of(run, client, desk, caplog):
    desk.signer = "stranger"

    assert not asked(run, client)

    assert "the answer to alipay.trade.query is not believed" in caplog.text


# Key mode


def test_while_the_key_is_changed_both_are_believed(desk, clock):
    settings = config(
        alipay_public_key=bare_public("new alipay"),
        previous_alipay_public_key=bare_public("alipay"),
    )
    account = alipay_account(settings, desk, clock)

    for owner in ("alipay", "new alipay"):
        body = form(a_notice(), owner=owner)
        assert isinstance(account.callbacks.read(callback(body)), PaymentNews)
    with pytest.raises(CallbackRejected):
        account.callbacks.read(callback(form(a_notice(), owner="stranger")))


def test_without_certificates_there_is_nothing_to_keep_up(run, desk, clock):
    account = alipay_account(config(), desk, clock)
    desk.signer = "stranger"

    assert account.upkeep is None
    assert isinstance(run(account.payments.query(a_payment())), Unknown)
    assert not desk.downloads()


def test_moving_to_certificates_the_public_key_stays_believed(desk, clock):
    settings = config(**certificate_mode(alipay_public_key=bare_public("older alipay")))
    account = alipay_account(settings, desk, clock)

    for owner in ("alipay", "older alipay"):
        body = form(a_notice(), owner=owner)
        assert isinstance(account.callbacks.read(callback(body)), PaymentNews)
