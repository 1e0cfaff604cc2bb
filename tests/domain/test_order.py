from domain.order import Order


def test_the_first_payment_to_succeed_wins_for_ever() -> None:
    order = Order(app="shop", order_no="SO-01", current="pay_02")

    assert order.won_by("pay_01")
    assert not order.won_by("pay_02")
    assert order.won_by("pay_01")
    assert order.winner == "pay_01"
