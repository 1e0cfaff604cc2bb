"""Which account a payment goes through, and what happens when the accounts change."""

import pytest

from adapters.clock import MovableClock
from adapters.providers.in_memory.provider import InMemoryProvider
from application.accounts import Accounts, AppPolicy
from application.ports import Account, Unavailable
from domain.errors import AccountRequired, MethodNotOffered
from domain.method import Method, Provider

WECHAT, ALIPAY = Provider.WECHAT, Provider.ALIPAY


def an_account(name: str) -> Account:
    provider = ALIPAY if name.startswith("alipay") else WECHAT
    return InMemoryProvider(name, provider, MovableClock()).account()


def accounts_named(*names: str, **apps: AppPolicy) -> Accounts:
    return Accounts({name: an_account(name) for name in names}, apps)


def test_the_only_account_of_a_provider_needs_no_name():
    accounts = accounts_named("wechat-main", "alipay-main")

    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).name == "wechat-main"
    assert accounts.for_payment("shop", Method.ALIPAY_QR).name == "alipay-main"


def test_of_several_accounts_one_must_be_named():
    accounts = accounts_named("wechat-main", "wechat-two", "alipay-main")

    with pytest.raises(AccountRequired) as refused:
        accounts.for_payment("shop", Method.WECHAT_NATIVE)

    assert refused.value.choices == ("wechat-main", "wechat-two")
    assert accounts.for_payment("shop", Method.WECHAT_NATIVE, "wechat-two").name == "wechat-two"


def test_the_default_of_the_app_is_taken_where_none_is_named():
    policy = AppPolicy(defaults={WECHAT: "wechat-two"})
    accounts = accounts_named("wechat-main", "wechat-two", shop=policy)

    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).name == "wechat-two"
    assert accounts.for_payment("shop", Method.WECHAT_NATIVE, "wechat-main").name == "wechat-main"
    with pytest.raises(AccountRequired):
        accounts.for_payment("other", Method.WECHAT_NATIVE)


def test_the_only_account_an_app_may_use_needs_no_name():
    policy = AppPolicy(accounts=frozenset({"wechat-two"}))
    accounts = accounts_named("wechat-main", "wechat-two", shop=policy)

    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).name == "wechat-two"


@pytest.mark.parametrize("named", ["wechat-main", "no-such-account", "alipay-main"])
def test_an_account_the_app_may_not_use_looks_like_none_at_all(named):
    policy = AppPolicy(accounts=frozenset({"wechat-two", "wechat-three", "alipay-main"}))
    names = ("wechat-main", "wechat-two", "wechat-three", "alipay-main")
    accounts = accounts_named(*names, shop=policy)

    with pytest.raises(AccountRequired) as refused:
        accounts.for_payment("shop", Method.WECHAT_NATIVE, named)

    assert refused.value.choices == ("wechat-two", "wechat-three")
    assert "wechat-main" not in str(refused.value)


def test_an_app_that_may_use_no_account_of_the_provider_is_told_so():
    accounts = accounts_named("wechat-main", shop=AppPolicy(accounts=frozenset()))

    with pytest.raises(AccountRequired, match="none is configured"):
        accounts.for_payment("shop", Method.WECHAT_NATIVE)


def test_a_method_the_account_does_not_offer_is_refused():
    account = an_account("wechat-main")
    some = Account(
        account.name,
        account.provider,
        frozenset({Method.WECHAT_NATIVE}),
        account.refund_spacing,
        account.payments,
        account.refunds,
        account.callbacks,
    )
    accounts = Accounts({"wechat-main": some})

    with pytest.raises(MethodNotOffered):
        accounts.for_payment("shop", Method.WECHAT_APP)


def test_a_retired_account_answers_for_its_orders_and_takes_no_new_ones():
    accounts = accounts_named("wechat-main", "wechat-two")
    old = accounts["wechat-main"]

    gone = accounts.replace({"wechat-two": accounts["wechat-two"]})

    assert gone == {"wechat-main"}
    assert accounts["wechat-main"] is old
    assert list(accounts) == ["wechat-two", "wechat-main"]
    assert len(accounts) == 2
    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).name == "wechat-two"
    with pytest.raises(AccountRequired):
        accounts.for_payment("shop", Method.WECHAT_NATIVE, "wechat-main")


def test_a_retired_account_stays_through_further_changes_until_it_is_offered_again():
    accounts = accounts_named("wechat-main")
    accounts.replace({})
    renewed = an_account("wechat-main")

    assert accounts.replace({"alipay-main": an_account("alipay-main")}) == frozenset()
    assert set(accounts) == {"wechat-main", "alipay-main"}
    accounts.replace({"wechat-main": renewed})

    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).callbacks is renewed.callbacks
    assert accounts["wechat-main"].callbacks is renewed.callbacks


def test_an_account_that_did_not_change_stays_the_same_and_a_changed_one_keeps_its_circuit():
    account = an_account("wechat-main")
    accounts = Accounts({"wechat-main": account})
    held, circuit = accounts["wechat-main"], accounts.circuit("wechat-main")

    accounts.replace({"wechat-main": account})
    assert accounts["wechat-main"] is held

    accounts.replace({"wechat-main": an_account("wechat-main")})
    assert accounts["wechat-main"] is not held
    assert accounts.circuit("wechat-main") is circuit


def test_policies_are_replaced_with_the_accounts():
    accounts = accounts_named("wechat-main", shop=AppPolicy(accounts=frozenset()))

    accounts.replace(dict(accounts), {"shop": AppPolicy()})

    assert accounts.for_payment("shop", Method.WECHAT_NATIVE).name == "wechat-main"


def test_what_was_never_configured_is_not_there():
    accounts = accounts_named("wechat-main")

    assert accounts.get("wechat-two") is None
    assert "wechat-two" not in accounts


def test_orders_of_an_account_that_is_not_configured_wait_for_it():
    accounts = accounts_named("wechat-main")

    with pytest.raises(Unavailable, match="alipay-main is not configured"):
        accounts["alipay-main"]
    assert accounts.get("alipay-main") is None
    assert "alipay-main" not in accounts
