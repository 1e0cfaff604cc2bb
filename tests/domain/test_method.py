import pytest

from domain.method import MAX_EXPIRES_IN, MIN_EXPIRES_IN, TERMS, ActionType, Method, Provider


def test_every_method_has_its_terms() -> None:
    assert set(TERMS) == set(Method)


@pytest.mark.parametrize("method", list(Method))
def test_a_method_is_named_after_its_provider(method: Method) -> None:
    assert method.startswith(TERMS[method].provider + "_")


@pytest.mark.parametrize("method", list(Method))
def test_only_code_payments_charge_at_once_and_leave_nothing_to_do(method: Method) -> None:
    terms = TERMS[method]
    is_code = method.endswith("_code")

    assert terms.charges_at_once == is_code
    assert (terms.action is ActionType.NONE) == is_code
    assert ("payer.auth_code" in terms.needs) == is_code


def test_only_alipay_pages_and_apps_are_built_without_a_call() -> None:
    built_here = {method for method in Method if TERMS[method].built_here}

    assert built_here == {Method.ALIPAY_PAGE, Method.ALIPAY_WAP, Method.ALIPAY_APP}


def test_only_an_alipay_code_dies_after_two_hours() -> None:
    shorter = {m: t.max_expires_in for m, t in TERMS.items() if t.max_expires_in < MAX_EXPIRES_IN}

    assert shorter == {Method.ALIPAY_QR: 7_200}
    assert MIN_EXPIRES_IN < 7_200


def test_both_providers_take_money_in_six_ways() -> None:
    for provider in Provider:
        assert sum(terms.provider is provider for terms in TERMS.values()) == 6


@pytest.mark.parametrize(
    ("method", "needs"),
    [
        (Method.WECHAT_JSAPI, "payer.openid"),
        (Method.WECHAT_MINI_PROGRAM, "payer.openid"),
        (Method.WECHAT_H5, "client_ip"),
        (Method.ALIPAY_JSAPI, "payer.buyer_id|payer.buyer_open_id"),
    ],
)
def test_methods_say_what_they_need_of_the_payer(method: Method, needs: str) -> None:
    assert TERMS[method].needs == (needs,)
