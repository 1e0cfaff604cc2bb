"""Payment codes at the till: charged once, polled, taken back in time."""

import asyncio

import pytest

from application import create_payment
from domain.errors import InvalidRequest, PaymentAlreadySucceeded, PaymentInProgress
from domain.method import TERMS, Method, Provider
from tests.worlds import SHOP, MemoryWorld, seen

CODES = {Method.WECHAT_CODE: "13456789012345670", Method.ALIPAY_CODE: "28456789012345670"}
PAYS, ASKS_PASSWORD, HAS_NO_BALANCE = "0", "1", "2"


@pytest.fixture(params=list(CODES), ids=lambda method: method.value)
def method(request):
    return request.param


def a_code(method: Method, wallet: str) -> dict[str, object]:
    return {"method": method, "payer": {"auth_code": CODES[method] + wallet}}


def the_double(world: MemoryWorld, method: Method):
    return world.wechat if TERMS[method].provider is Provider.WECHAT else world.alipay


def test_a_charge_that_goes_through_is_answered_at_once(run, world, method) -> None:
    answer = run(world.pay(**a_code(method, PAYS)))

    assert (answer.status, seen(answer)["status"]) == (201, "succeeded")
    assert seen(answer)["action"] == {"type": "none"} | seen(answer)["action"]


def test_a_payer_without_money_is_told_at_once(run, world, method) -> None:
    answer = run(world.pay(**a_code(method, HAS_NO_BALANCE)))

    assert (answer.status, seen(answer)["status"]) == (201, "failed")
    assert seen(answer)["failure"]["provider_code"] == "NOT_ENOUGH"


def test_a_payer_who_must_type_a_password_is_waited_for(run, world, method) -> None:
    answer = run(world.pay(**a_code(method, ASKS_PASSWORD)))
    assert (answer.status, seen(answer)["status"]) == (202, "created")
    assert seen(answer)["action"]["type"] == "none"

    the_double(world, method).payer_pays(seen(answer)["provider_order_no"])
    run(world.sweep_after(seconds=6))

    assert run(world.payment(answer.order_id))["status"] == "succeeded"


def test_after_45_seconds_the_charge_is_taken_back(run, world, method) -> None:
    answer = run(world.pay(**a_code(method, ASKS_PASSWORD)))

    run(world.sweep_after(seconds=44))
    assert run(world.payment(answer.order_id))["status"] == "created"
    run(world.sweep_after(seconds=6))

    payment = run(world.payment(answer.order_id))
    assert (payment["status"], payment["reversed"]) == ("closed", False)


def test_money_that_was_taken_unheard_goes_straight_back(run, world, method) -> None:
    double = the_double(world, method)
    double.loses_answers()
    answer = run(world.pay(**a_code(method, PAYS)))
    assert answer.status == 202
    run(world.sweep_after(seconds=46))  # taken back, and that answer is lost too
    assert run(world.payment(answer.order_id))["closing"]
    double.behaves_again()

    run(world.sweep_after(seconds=6))

    payment = run(world.payment(answer.order_id))
    assert (payment["status"], payment["reversed"]) == ("closed", True)
    assert [event.type for event in run(world.events())] == ["basepay.payment.closed"]


def test_a_charge_is_never_sent_again(run, world, method) -> None:
    double = the_double(world, method)
    double.stops_answering()
    answer = run(world.pay(**a_code(method, PAYS)))
    double.behaves_again()

    for _ in range(60):
        run(world.sweep_after(seconds=30))

    assert [call for call, _ in double.calls].count("start") == 1
    payment = run(world.payment(answer.order_id))
    assert (payment["status"], payment["failure"]["code"]) == ("closed", "charge_lost")


def test_a_provider_that_says_nothing_does_not_hold_up_the_till(run, world, method, monkeypatch):
    monkeypatch.setattr(create_payment, "CHARGE_SECONDS", 0.01)
    double = the_double(world, method)

    async def dawdles(payment):
        await asyncio.sleep(60)

    double.start = dawdles

    answer = run(world.pay(**a_code(method, PAYS)))

    assert (answer.status, seen(answer)["status"]) == (202, "created")


def test_what_closing_the_earlier_payment_took_is_missing_for_the_charge(
    run, world, method, monkeypatch
):
    monkeypatch.setattr(create_payment, "SUPERSEDE_SECONDS", 0.05)
    monkeypatch.setattr(create_payment, "CHARGE_SECONDS", 0.05)
    run(world.pay("k0"))
    double = the_double(world, method)

    async def dawdles(payment):
        await asyncio.sleep(60)

    async def takes_a_moment(payment):
        await asyncio.sleep(0.01)
        return await type(double).start(double, payment)

    world.wechat.close, double.start = dawdles, takes_a_moment

    answer = run(world.pay(**a_code(method, PAYS)))

    assert (answer.status, seen(answer)["status"]) == (202, "created")


def test_a_charge_is_answered_within_five_seconds() -> None:
    assert create_payment.SUPERSEDE_SECONDS < create_payment.CHARGE_SECONDS < 5


def test_a_crashed_charge_is_resumed_by_asking(run, world, method) -> None:
    double = the_double(world, method)

    async def dies(payment):
        await type(double).start(double, payment)
        raise RuntimeError("the process ends here")

    double.start = dies
    with pytest.raises(RuntimeError):
        run(world.pay(**a_code(method, PAYS)))
    world.clock.advance(21)

    answer = run(world.pay(**a_code(method, PAYS)))

    assert (answer.status, seen(answer)["status"]) == (201, "succeeded")
    assert [trade.charges for trade in double.book.values()] == [1]


def test_wechat_is_not_asked_to_take_a_charge_back_before_15_seconds(run, world) -> None:
    answer = run(world.pay(**a_code(Method.WECHAT_CODE, ASKS_PASSWORD)))

    world.clock.advance(14)
    early = run(world.app.close_payment(SHOP, answer.order_id))
    assert (early.open, early.closing) == (True, True)
    assert "close" not in [call for call, _ in world.wechat.calls]
    world.clock.advance(2)
    late = run(world.app.close_payment(SHOP, answer.order_id))

    assert late.status == "closed"


def test_closing_a_charge_that_went_through_does_not_take_it_back(run, world, method) -> None:
    answer = run(world.pay(**a_code(method, ASKS_PASSWORD)))
    double = the_double(world, method)
    double.payer_pays(seen(answer)["provider_order_no"])
    world.clock.advance(20)

    with pytest.raises(PaymentAlreadySucceeded):
        run(world.app.close_payment(SHOP, answer.order_id))

    assert [trade.state for trade in double.book.values()] == ["paid"]


def test_a_second_code_needs_the_first_to_end(run, world, method) -> None:
    run(world.pay(**a_code(method, ASKS_PASSWORD)))

    other = {"auth_code": CODES[method][:-1] + "90"}
    with pytest.raises(PaymentInProgress):
        run(world.pay("k2", method=method, payer=other))


@pytest.mark.parametrize("wrong", ["", "123", "99" + "0" * 16, "13456789012345670X"])
def test_a_code_of_the_wrong_shape_names_its_field(run, world, method, wrong) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run(world.pay(method=method, payer={"auth_code": wrong}))

    assert [error.field for error in refused.value.errors] == ["payer.auth_code"]


def test_a_code_of_the_other_wallet_says_so(run, world) -> None:
    with pytest.raises(InvalidRequest, match="this one is alipay's"):
        run(
            world.pay(
                method=Method.WECHAT_CODE, payer={"auth_code": CODES[Method.ALIPAY_CODE] + "0"}
            )
        )
