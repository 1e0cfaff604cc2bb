import re

import pytest

from domain.method import (
    AUTH_CODES,
    CODE_EXPIRES_IN,
    DEFAULT_EXPIRES_IN,
    MAX_EXPIRES_IN,
    MIN_EXPIRES_IN,
    PAYER_SHAPES,
    TERMS,
    ActionType,
    Method,
    Provider,
    Shape,
)

#: What the front end of each method is handed, and what the method needs for it.
ANSWERS: dict[Method, tuple[ActionType, tuple[str, ...]]] = {
    Method.WECHAT_NATIVE: (ActionType.SHOW_QR_CODE, ()),
    Method.WECHAT_JSAPI: (ActionType.INVOKE_WECHAT_JSAPI, ("payer.openid",)),
    Method.WECHAT_MINI_PROGRAM: (ActionType.INVOKE_WECHAT_MINI_PROGRAM, ("payer.openid",)),
    Method.WECHAT_APP: (ActionType.INVOKE_WECHAT_APP, ()),
    Method.WECHAT_H5: (ActionType.REDIRECT, ("client_ip",)),
    Method.WECHAT_CODE: (ActionType.NONE, ("payer.auth_code",)),
    Method.ALIPAY_QR: (ActionType.SHOW_QR_CODE, ()),
    Method.ALIPAY_PAGE: (ActionType.REDIRECT, ()),
    Method.ALIPAY_WAP: (ActionType.REDIRECT, ()),
    Method.ALIPAY_APP: (ActionType.INVOKE_ALIPAY_APP, ()),
    Method.ALIPAY_JSAPI: (
        ActionType.INVOKE_ALIPAY_JSAPI,
        ("payer.buyer_id|payer.buyer_open_id",),
    ),
    Method.ALIPAY_CODE: (ActionType.NONE, ("payer.auth_code",)),
}
CODES = [method for method in Method if TERMS[method].charges_at_once]

#: For each field of `payer`: values of its shape, and values that only look like it.
EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "openid": (
        ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "o-1"],
        ["", "o 1", "o1\n", "o\u00e91", "\uff4f\uff11", "o1;drop", "o/1"],
    ),
    "buyer_id": (
        ["2088000000000011"],
        ["", "208800000000001", "20880000000000110", "1088000000000011", "2088000000000011\n"],
    ),
    "buyer_open_id": (["074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5"], ["", "a b", "a\n"]),
}
WECHAT_CODES = [f"{prefix}0123456789012345" for prefix in range(10, 16)]
ALIPAY_CODES = [f"{prefix}{'7' * n}" for prefix in range(25, 31) for n in (14, 16, 22)]
NO_CODES = [
    "",
    "1",
    "160123456789012345",  # a prefix of nobody
    "240123456789012345",
    "310123456789012345",
    "10012345678901234",  # 17 digits
    "1001234567890123456",  # 19 digits
    "28" + "7" * 13,  # 15 digits
    "28" + "7" * 23,  # 25 digits
    "10012345678901234x",
    " 100123456789012345",
    "100123456789012345\n",
    "\uff11\uff10" + "0" * 16,  # full-width digits
    "\u0661\u0660" + "0" * 16,  # Arabic-Indic digits
]


def fits(shape: Shape, value: str) -> bool:
    return shape.pattern.fullmatch(value) is not None


def test_every_method_has_its_terms() -> None:
    assert set(TERMS) == set(Method)


@pytest.mark.parametrize("method", list(Method))
def test_a_method_is_named_after_its_provider(method: Method) -> None:
    assert method.startswith(TERMS[method].provider + "_")


@pytest.mark.parametrize("method", list(Method))
def test_every_method_says_what_it_gives_and_needs(method: Method) -> None:
    assert (TERMS[method].action, TERMS[method].needs) == ANSWERS[method]


@pytest.mark.parametrize("method", list(Method))
def test_an_invocation_is_named_after_its_provider_and_product(method: Method) -> None:
    action = TERMS[method].action

    assert not action.startswith("invoke_") or action == f"invoke_{method}"


def test_no_kind_of_action_is_left_over() -> None:
    assert {terms.action for terms in TERMS.values()} == set(ActionType)


@pytest.mark.parametrize("method", list(Method))
def test_only_code_payments_charge_at_once_and_leave_nothing_to_do(method: Method) -> None:
    terms = TERMS[method]
    is_code = method.endswith("_code")

    assert terms.charges_at_once == is_code
    assert (terms.action is ActionType.NONE) == is_code
    assert ("auth_code" in terms.payer_fields()) == is_code
    assert not (terms.charges_at_once and terms.built_here)


def test_only_alipay_pages_and_apps_are_built_without_a_call() -> None:
    built_here = {method for method in Method if TERMS[method].built_here}

    assert built_here == {Method.ALIPAY_PAGE, Method.ALIPAY_WAP, Method.ALIPAY_APP}


def test_only_an_alipay_code_dies_after_two_hours_and_a_charge_sooner() -> None:
    shorter = {m: t.max_expires_in for m, t in TERMS.items() if t.max_expires_in < MAX_EXPIRES_IN}

    assert shorter.pop(Method.ALIPAY_QR) == 7_200
    assert shorter == dict.fromkeys(CODES, CODE_EXPIRES_IN)
    assert CODE_EXPIRES_IN == 45


@pytest.mark.parametrize("method", [m for m in Method if m not in CODES])
def test_the_usual_expiry_suits_every_method_that_has_one(method: Method) -> None:
    assert MIN_EXPIRES_IN <= DEFAULT_EXPIRES_IN <= TERMS[method].max_expires_in


def test_only_wechat_pay_makes_us_wait_before_a_charge_is_taken_back() -> None:
    waits = {m: t.reversible_after.seconds for m, t in TERMS.items() if t.reversible_after}

    assert waits == {Method.WECHAT_CODE: 15}


def test_both_providers_take_money_in_six_ways() -> None:
    for provider in Provider:
        assert sum(terms.provider is provider for terms in TERMS.values()) == 6


@pytest.mark.parametrize("method", list(Method))
def test_every_need_is_a_field_of_the_request(method: Method) -> None:
    needs = {name for need in TERMS[method].needs for name in need.split("|")}

    assert {name for name in needs if not name.startswith("payer.")} <= {"client_ip"}
    assert TERMS[method].payer_fields() == {
        name.removeprefix("payer.") for name in needs if name.startswith("payer.")
    }


@pytest.mark.parametrize("method", list(Method))
def test_every_field_of_the_payer_has_a_shape_with_words(method: Method) -> None:
    for name in TERMS[method].payer_fields():
        assert re.search(r"\d.* (digits|letters)", TERMS[method].payer_shape(name).words)


def test_every_shape_has_examples_and_is_used() -> None:
    used = {name for terms in TERMS.values() for name in terms.payer_fields()}

    assert set(EXAMPLES) == set(PAYER_SHAPES) == used - {"auth_code"}
    assert set(AUTH_CODES) == set(Provider)


@pytest.mark.parametrize("name", list(PAYER_SHAPES))
def test_a_payer_is_known_by_the_shape_of_its_names(name: str) -> None:
    right, wrong = EXAMPLES[name]

    assert [value for value in right if not fits(PAYER_SHAPES[name], value)] == []
    assert [value for value in wrong if fits(PAYER_SHAPES[name], value)] == []


@pytest.mark.parametrize(
    ("method", "own", "foreign"),
    [
        (Method.WECHAT_CODE, WECHAT_CODES, ALIPAY_CODES),
        (Method.ALIPAY_CODE, ALIPAY_CODES, WECHAT_CODES),
    ],
)
def test_a_payment_code_is_taken_by_its_own_wallet_only(
    method: Method, own: list[str], foreign: list[str]
) -> None:
    shape = TERMS[method].payer_shape("auth_code")

    assert [code for code in own if not fits(shape, code)] == []
    assert [code for code in foreign + NO_CODES if fits(shape, code)] == []


def test_no_code_belongs_to_two_wallets() -> None:
    """Prefix by prefix and length by length: any code names one wallet at most."""
    for prefix in range(100):
        for length in range(26):
            code = f"{prefix:02}{'5' * length}"
            assert sum(fits(shape, code) for shape in AUTH_CODES.values()) <= 1
