"""The body of an answer: node, field order, escapes, signature. Source: REFERENCE.md §1.2, §2.2."""

from collections.abc import Mapping

import msgspec

from adapters.providers.alipay.sandbox.refused import MESSAGES, Refused

#: These open a node in this order, everything else follows by name.
FIRST = ("code", "msg", "sub_code", "sub_msg")

#: Text, or one of the few lists, e.g. `fund_bill_list`.
Fields = Mapping[str, object]


def succeeded(fields: Fields) -> dict[str, object]:
    """The fields of a call that was carried out; `code` in them says it went another way."""
    return {"code": "10000", "msg": MESSAGES["10000"], **fields}


def refused(why: Refused, fields: Fields) -> dict[str, object]:
    """The fields of a refusal, with what the API's samples show besides the code."""
    head = {"code": why.code, "msg": MESSAGES[why.code]}
    return {**head, "sub_code": why.sub_code, "sub_msg": why.sub_message, **fields}


def node_name(method: str | None) -> str:
    """`alipay.trade.query` answers in `alipay_trade_query_response`, nobody in `error_response`."""
    return f"{method.replace('.', '_')}_response" if method else "error_response"


def write_node(fields: Fields, *, codec: str) -> bytes:
    r"""JSON with raw Chinese text, `\/` for every slash, and the field order of real answers."""
    order = [name for name in FIRST if name in fields] + sorted(fields.keys() - set(FIRST))
    text = msgspec.json.encode({name: fields[name] for name in order}).decode()
    return text.replace("/", "\\/").encode(codec, "replace")


def write_body(
    name: str,
    node: bytes,
    signature: str | None,
    *,
    forged: bytes = b"",
    certificate_sn: str | None = None,
) -> bytes:
    """The whole answer; the signature stands last, or nowhere, a forged node before it."""
    key = b'"' + name.encode() + b'":'
    again = b"," + key + forged if forged else b""
    tail = b"" if signature is None else b',"sign":"' + signature.encode() + b'"'
    sn = b"" if certificate_sn is None else b',"alipay_cert_sn":"' + certificate_sn.encode() + b'"'
    return b"{" + key + node + again + sn + tail + b"}"


def forge(fields: Fields) -> dict[str, object]:
    """What an attacker would rather have said; it is not covered by the signature."""
    head = {"code": "10000", "msg": MESSAGES["10000"], "trade_status": "TRADE_SUCCESS"}
    return {**fields, **head, "refund_status": "REFUND_SUCCESS", "fund_change": "Y"}
