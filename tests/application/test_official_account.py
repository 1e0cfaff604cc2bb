"""Which account an app's request is about, who may log in there, and whose domain it is."""

import pytest

from adapters.clock import MovableClock
from adapters.providers.in_memory.provider import InMemoryProvider
from application.accounts import Accounts, AppPolicy
from application.official_account import DomainProofs, PayerLogins
from application.official_account_ports import AppKind, WeChatApps, WeChatCodeInvalid
from application.records import Caller
from domain.errors import AccountRequired, InvalidRequest, NotFound
from domain.method import Provider
from tests.adapters.wechat_official_account.line import MINI_APP, PAGE_APP, WeChatWorld

PAGE, MINI = AppKind.OFFICIAL_ACCOUNT, AppKind.MINI_PROGRAM
SHOP, RIVAL = Caller("shop"), Caller("rival")
HOST, STATE = "shop.example.com", "a" * 32
NAME = "MP_verify_AbCdEf0123456789.txt"


def accounts(*names):
    clock = MovableClock()
    made = {name: InMemoryProvider(name, Provider.WECHAT, clock).account() for name in names}
    return Accounts(made, {"rival": AppPolicy(accounts=frozenset({"other"}))})


@pytest.fixture
def wechat():
    return WeChatWorld()


@pytest.fixture
def logins(wechat):
    return PayerLogins(
        apps={"main": wechat.account.apps, "mini-only": WeChatApps({MINI: wechat.login(MINI)})},
        accounts=accounts("main", "mini-only", "bare", "other"),
        shared=wechat.shared,
        clock=wechat.clock,
    )


def test_a_code_becomes_a_payer_of_the_app_id(run, wechat, logins):
    page = run(logins.openid(SHOP, account="main", app=PAGE, code=wechat.page_code()))
    code = wechat.platform.mini_program_code()
    mini = run(logins.openid(SHOP, account="main", app=MINI, code=code))

    assert (page.app_id, mini.app_id) == (PAGE_APP, MINI_APP)
    assert page.openid != mini.openid


def test_the_same_code_again_brings_the_same_payer_for_a_minute(run, wechat, logins):
    code = wechat.page_code()

    def again():
        return run(logins.openid(SHOP, account="main", app=PAGE, code=code))

    assert again() == again()
    assert wechat.line.asked("/sns/oauth2/access_token") == 1
    wechat.clock.advance(60)
    with pytest.raises(WeChatCodeInvalid):
        again()


def test_an_account_that_is_not_the_apps_is_answered_as_for_payments(run, logins):
    with pytest.raises(AccountRequired) as caught:
        run(logins.openid(RIVAL, account="main", app=PAGE, code="c"))
    assert caught.value.choices == ("other",)
    with pytest.raises(AccountRequired):
        run(logins.js_config(RIVAL, account="main", url=f"https://{HOST}/", host=HOST))


def test_one_of_several_accounts_must_be_named(run, logins):
    with pytest.raises(AccountRequired):
        run(logins.openid(SHOP, account=None, app=PAGE, code="c"))


@pytest.mark.parametrize(("account", "app"), [("mini-only", PAGE), ("bare", PAGE), ("bare", MINI)])
def test_an_app_id_that_the_account_has_not_is_a_wrong_field(run, logins, account, app):
    with pytest.raises(InvalidRequest) as caught:
        run(logins.openid(SHOP, account=account, app=app, code="c"))
    assert [each.field for each in caught.value.errors] == ["app"]


@pytest.mark.parametrize(
    ("account", "host", "field"),
    [
        ("main", "evil.example.com", "url"),
        ("main", "x.shop.example.com", "url"),  # exact hosts only
        ("main", "", "url"),
        ("mini-only", HOST, "account"),
    ],
)
def test_only_pages_on_the_accounts_domains_are_signed(run, logins, account, host, field):
    with pytest.raises(InvalidRequest) as caught:
        run(logins.js_config(SHOP, account=account, url=f"https://{host}/", host=host))
    assert [each.field for each in caught.value.errors] == [field]


def test_a_hosted_login_begins_for_the_accounts_domains_only(logins):
    assert STATE in logins.begin("main", state=STATE, host=HOST)
    with pytest.raises(InvalidRequest):
        logins.begin("main", state=STATE, host="evil.example.com")
    for account in ("mini-only", "bare", "nobody"):
        with pytest.raises(NotFound):
            logins.begin(account, state=STATE, host=HOST)


def test_a_state_serves_one_code(run, wechat, logins):
    first, second = wechat.page_code("li"), wechat.page_code("wang")
    openid = run(logins.end("main", state=STATE, host=HOST, code=first))

    assert run(logins.end("main", state=STATE, host=HOST, code=first)) == openid
    with pytest.raises(WeChatCodeInvalid):
        run(logins.end("main", state=STATE, host=HOST, code=second))
    assert run(logins.end("main", state="b" * 32, host=HOST, code=second)) != openid


def test_a_hosted_login_ends_on_the_accounts_domains_only(run, wechat, logins):
    with pytest.raises(InvalidRequest):
        run(logins.end("main", state=STATE, host="evil.example.com", code=wechat.page_code()))


class Doorman:
    """Lets in whom the list names."""

    async def may_fetch(self, address):
        return address == "203.0.113.7"


def test_a_domain_proof_is_told_as_configured(run):
    proofs = DomainProofs({NAME: "AbCdEf0123456789"})

    assert run(proofs(NAME, visitor="192.0.2.1")) == "AbCdEf0123456789"
    with pytest.raises(NotFound):
        run(proofs("MP_verify_other.txt", visitor="192.0.2.1"))


def test_a_domain_proof_can_be_kept_for_tencents_addresses(run):
    proofs = DomainProofs({NAME: "AbCdEf0123456789"}, visitors=Doorman())

    assert run(proofs(NAME, visitor="203.0.113.7"))
    with pytest.raises(NotFound):
        run(proofs(NAME, visitor="192.0.2.1"))
