"""How Alipay and we prove to each other who is speaking. Source: MAPPING.md §2.

Requests sign every parameter; answers are signed over the raw text of one node; callbacks over
every parameter but `sign` and `sign_type`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from adapters.providers.checked import NotGenuine, NotUnderstood

SIGN_TYPE = "RSA2"

#: Names under which an answer's node may come if the gateway could not tell the method.
OTHER_NODES = ("error_response", "null_response")

CERTIFICATE_SN = "alipay_cert_sn"

MAX_PARAMETERS = 200

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


class Signed(NamedTuple):
    """An answer's node byte for byte, and what is said of its signature ("" if nothing is)."""

    node: bytes
    sign: str
    certificate_sn: str = ""  # itself not signed: it tells which key to try, and proves nothing


def content_to_sign(parameters: Mapping[str, str]) -> bytes:
    """Join the non-empty parameters, sorted by name and not encoded."""
    return "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if v).encode()


def signed_node(body: bytes, method: str) -> Signed:
    """Cut the answer's node out byte for byte, with its signature.

    Only these bytes may be read afterwards. Raises NotUnderstood; a repeated node is tampering.
    """
    try:
        members = _members.decode(body)
        name = next(n for n in (node_name(method), *OTHER_NODES) if n in members)
        node = bytes(members[name])
        sign, sn = (
            _text.decode(members[key]) if key in members else "" for key in ("sign", CERTIFICATE_SN)
        )
    except StopIteration:
        raise NotUnderstood("the answer holds no node of this method") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(str(error)) from None
    quoted = f'"{name}"'.encode()
    if body.count(quoted) != 1 + node.count(quoted):  # inside the node the name is legal
        raise NotUnderstood("the answer holds its node twice")
    return Signed(node, sign, sn)


def node_name(method: str) -> str:
    """`alipay.trade.query` is answered in `alipay_trade_query_response`."""
    return method.replace(".", "_") + "_response"


def parameters_of(body: bytes) -> dict[str, str]:
    """Read a form once, exactly. Raises NotUnderstood, also for a name that comes twice."""
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:  # its text quotes what came, however long
        raise NotUnderstood("not a form") from None
    if len(pairs) != len(dict(pairs)):
        raise NotUnderstood("a parameter comes twice")
    return dict(pairs)


def verify_callback(genuine: Callable[[str, bytes], bool], parameters: Mapping[str, str]) -> None:
    """Raise NotGenuine unless Alipay signed these parameters, known and unknown ones alike."""
    if parameters.get("sign_type") != SIGN_TYPE:
        raise NotGenuine(f"sign_type is not {SIGN_TYPE}")
    sign = parameters.get("sign", "")
    if not any(genuine(sign, content) for content in _signed_contents(parameters)):
        raise NotGenuine("the signature does not fit")


def _signed_contents(parameters: Mapping[str, str]) -> Iterator[bytes]:
    """Say what may have been signed: of two things the official SDKs tell differently.

    Whether empty values are, and the certificate's number; neither usually comes.
    """
    signed = {k: v for k, v in parameters.items() if k not in ("sign", "sign_type")}
    without = {k: v for k, v in signed.items() if k != CERTIFICATE_SN}
    for kept in (without, signed) if CERTIFICATE_SN in signed else (signed,):
        yield content_to_sign(kept)
        if not all(kept.values()):
            yield "&".join(f"{k}={v}" for k, v in sorted(kept.items())).encode()
