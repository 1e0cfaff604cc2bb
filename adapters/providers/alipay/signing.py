"""How Alipay and we prove to each other who is speaking. Source: MAPPING.md §2.

Requests sign every parameter; answers are signed over the raw text of one node; callbacks over
every parameter but `sign` and `sign_type`.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from adapters.providers.checked import NotGenuine, NotUnderstood
from adapters.providers.signer import verifies

SIGN_TYPE = "RSA2"

#: Names under which an answer's node may come if the gateway could not tell the method.
OTHER_NODES = ("error_response", "null_response")

MAX_PARAMETERS = 200

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


def content_to_sign(parameters: Mapping[str, str]) -> bytes:
    """Join the non-empty parameters, sorted by name and not encoded."""
    return "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if v).encode()


def signed_node(body: bytes, method: str) -> tuple[bytes, str]:
    """Cut the answer's node out byte for byte, with its signature ("" if there is none).

    Only these bytes may be read afterwards. Raises NotUnderstood; a repeated node is tampering.
    """
    try:
        members = _members.decode(body)
        name = next(n for n in (node_name(method), *OTHER_NODES) if n in members)
        node = bytes(members[name])
        sign = _text.decode(members["sign"]) if "sign" in members else ""
    except StopIteration:
        raise NotUnderstood("the answer holds no node of this method") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(str(error)) from None
    quoted = f'"{name}"'.encode()
    if body.count(quoted) != 1 + node.count(quoted):  # inside the node the name is legal
        raise NotUnderstood("the answer holds its node twice")
    return node, sign


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


def verify_callback(key: RSAPublicKey, parameters: Mapping[str, str]) -> None:
    """Raise NotGenuine unless Alipay signed these parameters, known and unknown ones alike."""
    if parameters.get("sign_type") != SIGN_TYPE:
        raise NotGenuine(f"sign_type is not {SIGN_TYPE}")
    signed = {k: v for k, v in parameters.items() if k not in ("sign", "sign_type")}
    sign = parameters.get("sign", "")
    # Whether empty values are signed is told differently by the official SDKs; none usually come.
    candidates = [content_to_sign(signed)]
    if not all(signed.values()):
        candidates.append("&".join(f"{k}={v}" for k, v in sorted(signed.items())).encode())
    if not any(verifies(key, sign, content) for content in candidates):
        raise NotGenuine("the signature does not fit")
