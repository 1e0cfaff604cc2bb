"""What can be done to a callback of Alipay, by a stranger and by the provider gone wrong."""

from collections.abc import Callable
from random import Random

from tests.hostile.hands import AlipayHand, Target, form, form_of, yuan
from tests.hostile.posts import DEEP, LONG, MAIN, OTHER, Post, flipped

Attack = Callable[[Random, AlipayHand, Target, Target], Post]

URL, OTHER_URL, WECHAT_URL = (
    f"/callbacks/alipay/{MAIN['alipay']}",
    f"/callbacks/alipay/{OTHER['alipay']}",
    f"/callbacks/wechat/{MAIN['wechat']}",
)


def post(parameters: dict[str, str] | list[tuple[str, str]]) -> Post:
    return Post(URL, form(parameters))


def raw(body: bytes) -> Post:
    return Post(URL, form_of(body))


def one_changed(rng: Random, hand: AlipayHand, target: Target, _: Target) -> Post:
    parameters = hand.paid(target)
    name = rng.choice(sorted(parameters))
    return post(parameters | {name: parameters[name] + rng.choice("0 9aé")})


def one_removed(rng: Random, hand: AlipayHand, target: Target, _: Target) -> Post:
    parameters = hand.paid(target)
    del parameters[rng.choice(sorted(parameters))]
    return post(parameters)


def one_twice(rng: Random, hand: AlipayHand, target: Target, _: Target) -> Post:
    """Whoever takes the last and whoever takes the first would read different orders."""
    parameters = list(hand.paid(target).items())
    name, value = rng.choice(parameters)
    return post([*parameters, (name, rng.choice((value, "0.01")))])


#: Nobody may believe these; every one is answered with a 4xx.
REFUSED: dict[str, Attack] = {
    "stranger's key": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target), key="alipay-stranger")
    ),
    "merchant's own key": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target), key="alipay-app")
    ),
    "stranger's end": lambda rng, hand, target, _: post(
        hand.sign(
            hand.notice(target, trade_status=rng.choice(("TRADE_CLOSED", "TRADE_FINISHED"))),
            key="alipay-stranger",
        )
    ),
    "stranger's refund": lambda _, hand, target, __: post(
        hand.sign(hand.refund(target), key="alipay-stranger")
    ),
    "refund by another app": lambda _, hand, target, __: post(
        hand.sign(hand.refund(target, app_id="2021999999999999"))
    ),
    "refund by another merchant": lambda _, hand, target, __: post(
        hand.sign(hand.refund(target, seller_id="2088999999999999"))
    ),
    "refund to the other account": lambda _, hand, target, __: Post(
        OTHER_URL, form(hand.sign(hand.refund(target)))
    ),
    "end of another merchant": lambda _, hand, target, __: post(
        hand.sign(
            hand.notice(
                target, trade_status="TRADE_CLOSED", gmt_payment="", seller_id="2088999999999999"
            )
        )
    ),
    "a bit of the body": lambda rng, hand, target, _: raw(
        flipped(rng, form(hand.paid(target)).body, bit=0)
    ),
    "a parameter changed": one_changed,
    "a parameter removed": one_removed,
    "a parameter twice": one_twice,
    "a parameter more": lambda _, hand, target, __: post(
        hand.paid(target) | {"extra": "yes", "refund_fee": "0.01"}
    ),
    "no signature": lambda rng, hand, target, _: post(
        hand.paid(target) | {"sign": rng.choice(("", " ", "AAAA", "not base64 é", "=" * 344))}
    ),
    "signature of another order": lambda _, hand, target, other: post(
        hand.paid(target) | {"sign": hand.paid(other)["sign"]}
    ),
    "number of another order": lambda _, hand, target, other: post(
        hand.paid(target) | {"out_trade_no": other.number}
    ),
    "another sign_type": lambda rng, hand, target, _: post(
        hand.paid(target) | {"sign_type": rng.choice(("RSA", "MD5", "", "rsa2", "RSA2 "))}
    ),
    "truncated": lambda rng, hand, target, _: raw(
        form(hand.paid(target)).body[: rng.randrange(len(form(hand.paid(target)).body) - 6)]
    ),
    "empty": lambda _, __, ___, ____: raw(b""),
    "no form": lambda rng, _, __, ___: raw(rng.choice((b"&&&&", b"=", b"a", b"{}", b"\0" * 99))),
    "not UTF-8": lambda rng, hand, target, _: raw(
        form(hand.paid(target)).body
        + rng.choice((b"&x=\xff\xfe", b"&x=%FF%FE", b"&x=%", b"&x=%zz"))
    ),
    "deep": lambda _, __, ___, ____: raw(DEEP),
    "a thousand parameters": lambda _, hand, target, __: raw(
        form(hand.paid(target)).body + b"&a=1" * 1000
    ),
    "long": lambda _, hand, target, __: raw(form(hand.paid(target)).body + b"&x=" + LONG),
    "longer than is read": lambda _, __, ___, ____: raw(LONG + LONG),
    "signed, no status": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, trade_status="TRADE_HOPED_FOR"))
    ),
    "signed, a strange sum": lambda rng, hand, target, _: post(
        hand.sign(hand.notice(target, total_amount=rng.choice(("1e9", "-1.00", "NaN", "１.00"))))
    ),
    "signed, never paid": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, gmt_payment="yesterday"))
    ),
    "chunked": lambda rng, hand, target, _: Post(
        URL, form_of(flipped(rng, form(hand.paid(target)).body, bit=0)), chunked=True
    ),
    "to WeChat's door": lambda _, hand, target, __: Post(WECHAT_URL, form(hand.paid(target))),
    "to nobody's door": lambda _, hand, target, __: Post(
        "/callbacks/alipay/nobody", form(hand.paid(target))
    ),
    "by GET": lambda _, hand, target, __: Post(URL, form(hand.paid(target)), method="GET"),
}

#: Alipay said it and it is not true: acknowledged, kept for a person, believed by nobody.
MISMATCHES: dict[str, Attack] = {
    "a fen more": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, total_amount=yuan(target.amount + 1)))
    ),
    "a fen less": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, total_amount=yuan(target.amount - 1)))
    ),
    "another app": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, app_id="2021999999999999"))
    ),
    "another merchant": lambda _, hand, target, __: post(
        hand.sign(hand.notice(target, seller_id="2088999999999999"))
    ),
    "a fen less, gone back": lambda _, hand, target, __: post(
        hand.sign(
            hand.notice(target, trade_status="TRADE_CLOSED", total_amount=yuan(target.amount - 1))
        )
    ),
}

#: Alipay announced it and does not confirm it when asked: acknowledged, asked about again.
UNCONFIRMED: dict[str, Attack] = {
    "a refund nobody made": lambda _, hand, target, __: post(hand.sign(hand.refund(target))),
}

#: Signed rightly, and about nothing of this account.
STRAYS: dict[str, Attack] = {
    "to the other account": lambda _, hand, target, __: Post(OTHER_URL, form(hand.paid(target))),
    "about nothing": lambda rng, hand, target, _: post(
        hand.sign(hand.notice(target, out_trade_no=f"d1{rng.getrandbits(64):x}"))
    ),
    "a refund of nothing": lambda rng, hand, target, _: post(
        hand.sign(hand.refund(target, out_trade_no=f"d1{rng.getrandbits(64):x}"))
    ),
}
