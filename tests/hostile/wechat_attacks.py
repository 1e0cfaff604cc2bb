"""What can be done to a callback of WeChat Pay, by a stranger and by the provider gone wrong."""

import base64
import json
from collections.abc import Callable
from random import Random

from tests.hostile.hands import Letter, Target, WeChatHand
from tests.hostile.posts import DEEP, LONG, MAIN, OTHER, Post, flipped

Attack = Callable[[Random, WeChatHand, Target, Target], Post]

SIGNED_HEADERS = ("timestamp", "nonce", "signature", "serial")
URL, OTHER_URL, ALIPAY_URL = (
    f"/callbacks/wechat/{MAIN['wechat']}",
    f"/callbacks/wechat/{OTHER['wechat']}",
    f"/callbacks/alipay/{MAIN['alipay']}",
)


def post(letter: Letter) -> Post:
    return Post(URL, letter)


def resource_changed(rng: Random, letter: Letter, field: str) -> Letter:
    body = json.loads(letter.body)
    body["resource"][field] = flipped(rng, body["resource"][field].encode()).decode("latin-1")
    return letter.with_body(json.dumps(body).encode())


def header_of(rng: Random) -> str:
    return f"wechatpay-{rng.choice(SIGNED_HEADERS)}"


def header_swapped(rng: Random, hand: WeChatHand, target: Target, other: Target) -> Post:
    """The timestamps may be the same, which is no swap."""
    name = f"wechatpay-{rng.choice(('nonce', 'signature'))}"
    return post(hand.paid(target).with_header(name, hand.paid(other).header(name)))


def header_twice(rng: Random, hand: WeChatHand, target: Target, _: Target) -> Post:
    letter, name = hand.paid(target), header_of(rng)
    return post(Letter([*letter.headers, (name, letter.header(name))], letter.body))


def tag_wrong(rng: Random, hand: WeChatHand, target: Target, _: Target) -> Post:
    """Signed by the provider, and still not opened by the merchant's key."""
    body = json.loads(hand.paid(target).body)
    sealed = bytearray(base64.b64decode(body["resource"]["ciphertext"]))
    sealed[-1 - rng.randrange(16)] ^= 1 << rng.randrange(8)
    body["resource"]["ciphertext"] = base64.b64encode(sealed).decode()
    return post(hand.sign(json.dumps(body).encode()))


def probe(rng: Random, hand: WeChatHand, target: Target, _: Target) -> Post:
    signature = "WECHATPAY/SIGNTEST/" + "".join(rng.choices("abcXYZ0189/+", k=325))
    return post(hand.paid(target).with_header("wechatpay-signature", signature))


def refund(hand: WeChatHand, target: Target, key: str = "wechat-platform", **changes: str) -> Post:
    content = hand.refund(target, **changes)
    return post(hand.write(content, key=key, event=f"REFUND.{content['refund_status']}"))


#: States in which a trade has come to an end.
ENDS = ("CLOSED", "REVOKED", "REFUND", "PAYERROR")

#: Nobody may believe these; every one is answered with a 4xx.
REFUSED: dict[str, Attack] = {
    "stranger's key": lambda _, hand, target, __: post(
        hand.write(hand.trade(target), key="wechat-stranger")
    ),
    "stranger's key and seal": lambda _, hand, target, __: post(
        hand.write(hand.trade(target), key="wechat-stranger", api_v3_key="0" * 32)
    ),
    "merchant's own key": lambda _, hand, target, __: post(
        hand.write(hand.trade(target), key="wechat-merchant")
    ),
    "seal of another merchant": lambda _, hand, target, __: post(
        hand.write(hand.trade(target), api_v3_key="0" * 32)
    ),
    "stranger's till": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, trade_type="MICROPAY"), key="wechat-stranger")
    ),
    "stranger's end": lambda rng, hand, target, _: post(
        hand.write(hand.trade(target, trade_state=rng.choice(ENDS)), key="wechat-stranger")
    ),
    "stranger's refund": lambda rng, hand, target, _: refund(
        hand, target, "wechat-stranger", refund_status=rng.choice(("SUCCESS", "CLOSED", "ABNORMAL"))
    ),
    "refund by another merchant": lambda _, hand, target, __: refund(
        hand, target, mchid="1999999999"
    ),
    "refund to the other account": lambda _, hand, target, __: Post(
        OTHER_URL, refund(hand, target).letter
    ),
    "refund in no state": lambda _, hand, target, __: refund(hand, target, refund_status="HOPED"),
    "sealed, in no state": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, trade_state="HOPED"))
    ),
    "unknown serial": lambda rng, hand, target, _: post(
        hand.paid(target).with_header("wechatpay-serial", f"{rng.getrandbits(160):040X}")
    ),
    "serial in another spelling": lambda _, hand, target, __: post(
        hand.paid(target).with_header("wechatpay-serial", "0" + hand.paid(target).headers[4][1])
    ),
    "another scheme": lambda _, hand, target, __: post(
        Letter(
            [*hand.paid(target).headers, ("wechatpay-signature-type", "WECHATPAY2-SM2")],
            hand.paid(target).body,
        )
    ),
    "a bit of the body": lambda rng, hand, target, _: post(
        hand.paid(target).with_body(flipped(rng, hand.paid(target).body))
    ),
    "a bit of the ciphertext": lambda rng, hand, target, _: post(
        resource_changed(rng, hand.paid(target), "ciphertext")
    ),
    "a bit of the nonce": lambda rng, hand, target, _: post(
        resource_changed(rng, hand.paid(target), "nonce")
    ),
    "a bit of the associated data": lambda rng, hand, target, _: post(
        resource_changed(rng, hand.paid(target), "associated_data")
    ),
    "tag wrong": tag_wrong,
    "the body spelt anew": lambda _, hand, target, __: post(
        hand.paid(target).with_body(json.dumps(json.loads(hand.paid(target).body)).encode())
    ),
    "header removed": lambda rng, hand, target, _: post(
        hand.paid(target).without_header(header_of(rng))
    ),
    "header empty": lambda rng, hand, target, _: post(
        hand.paid(target).with_header(header_of(rng), "")
    ),
    "header of garbage": lambda rng, hand, target, _: post(
        hand.paid(target).with_header(
            header_of(rng), "".join(rng.choices("ÿþé½ A1-/+=\t\"'<%", k=rng.randrange(1, 900)))
        )
    ),
    "header twice": header_twice,
    "header swapped": header_swapped,
    "body of another order": lambda _, hand, target, other: post(
        hand.paid(target).with_body(hand.paid(other).body)
    ),
    "old": lambda rng, hand, target, _: post(
        hand.write(hand.trade(target), age=rng.choice((301, 600, 86_400)))
    ),
    "from the future": lambda _, hand, target, __: post(hand.write(hand.trade(target), age=-600)),
    "old, stamped anew": lambda _, hand, target, __: post(
        hand.write(hand.trade(target), age=600).with_header(
            "wechatpay-timestamp", hand.paid(target).header("wechatpay-timestamp")
        )
    ),
    "probe": probe,
    "truncated": lambda rng, hand, target, _: post(
        hand.paid(target).with_body(
            hand.paid(target).body[: rng.randrange(len(hand.paid(target).body))]
        )
    ),
    "a tail": lambda _, hand, target, __: post(
        hand.paid(target).with_body(hand.paid(target).body + b" ")
    ),
    "empty": lambda _, hand, target, __: post(hand.paid(target).with_body(b"")),
    "no headers": lambda _, hand, target, __: post(Letter([], hand.paid(target).body)),
    "not UTF-8": lambda rng, hand, target, _: post(
        hand.paid(target).with_body(b"\xff\xfe" + rng.randbytes(300))
    ),
    "signed, not UTF-8": lambda rng, hand, _, __: post(
        hand.sign(b'{"id":"\xff' + rng.randbytes(9))
    ),
    "deep": lambda _, hand, target, __: post(hand.paid(target).with_body(DEEP)),
    "signed and deep": lambda _, hand, __, ___: post(hand.sign(DEEP)),
    "sealed and deep": lambda _, hand, __, ___: post(hand.write(DEEP)),
    "sealed nonsense": lambda rng, hand, _, __: post(hand.write(rng.randbytes(80))),
    "sealed, paid never": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, success_time="yesterday"))
    ),
    "sealed, a huge sum": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, amount={"total": 10**30, "currency": "CNY"}))
    ),
    "long": lambda _, hand, target, __: post(hand.paid(target).with_body(LONG)),
    "longer than is read": lambda _, hand, target, __: post(
        hand.paid(target).with_body(LONG + LONG)
    ),
    "chunked": lambda rng, hand, target, _: Post(
        URL, hand.paid(target).with_body(flipped(rng, hand.paid(target).body)), chunked=True
    ),
    "chunked and too long": lambda _, hand, target, __: Post(
        URL, hand.paid(target).with_body(LONG + LONG), chunked=True
    ),
    "to Alipay's door": lambda _, hand, target, __: Post(ALIPAY_URL, hand.paid(target)),
    "to nobody's door": lambda rng, hand, target, _: Post(
        f"/callbacks/wechat/{rng.choice(('nobody', '..', '%00', 'a' * 999))}", hand.paid(target)
    ),
    "by PUT": lambda _, hand, target, __: Post(URL, hand.paid(target), method="PUT"),
}

#: The provider said it and it is not true: acknowledged, kept for a person, believed by nobody.
MISMATCHES: dict[str, Attack] = {
    "a fen more": lambda _, hand, target, __: post(hand.write(_priced(hand, target, 1))),
    "a fen less": lambda _, hand, target, __: post(hand.write(_priced(hand, target, -1))),
    "dollars": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, amount={"total": target.amount, "currency": "USD"}))
    ),
    "another app": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, appid="wx9999999999999999"))
    ),
    "another merchant": lambda _, hand, target, __: post(
        hand.write(hand.trade(target, mchid="1999999999"))
    ),
    "a fen more, at a till": lambda _, hand, target, __: post(
        hand.write(_priced(hand, target, 1) | {"trade_type": "MICROPAY"})
    ),
    "a fen less, on its way back": lambda _, hand, target, __: post(
        hand.write(_priced(hand, target, -1) | {"trade_state": "REFUND"})
    ),
}

#: The provider announced it and does not confirm it when asked: acknowledged, asked about again.
UNCONFIRMED: dict[str, Attack] = {
    "a refund nobody made": lambda _, hand, target, __: refund(hand, target),
    "an abnormal refund nobody made": lambda _, hand, target, __: refund(
        hand, target, refund_status="ABNORMAL"
    ),
}

#: Signed rightly, and about nothing of this account.
STRAYS: dict[str, Attack] = {
    "to the other account": lambda _, hand, target, __: Post(OTHER_URL, hand.paid(target)),
    "about nothing": lambda rng, hand, target, _: post(
        hand.write(hand.trade(target, out_trade_no=f"d1{rng.getrandbits(64):x}"))
    ),
    "a refund of nothing": lambda rng, hand, target, _: refund(
        hand, target, out_trade_no=f"d1{rng.getrandbits(64):x}"
    ),
}


def _priced(hand: WeChatHand, target: Target, difference: int) -> dict[str, object]:
    total = target.amount + difference
    return hand.trade(target, amount={"total": total, "payer_total": total, "currency": "CNY"})
