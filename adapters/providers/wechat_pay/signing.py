"""How WeChat Pay and we prove to each other who is speaking. Source: MAPPING.md §2."""

from collections.abc import Mapping

from adapters.ids import new_nonce
from adapters.providers.checked import NotGenuine
from adapters.providers.signer import Signer, verifies
from adapters.providers.wechat_pay.keys import Known

SCHEME = "WECHATPAY2-SHA256-RSA2048"

#: Deliberately wrong signatures, sent now and then to find merchants who do not look.
PROBE = "WECHATPAY/SIGNTEST/"

#: Seconds. Older or younger messages are replays; the official SDKs refuse at 300 too.
WINDOW_SECONDS = 300


async def authorization(
    signer: Signer, *, mchid: str, serial_no: str, method: str, target: str, body: bytes, at: float
) -> str:
    """Return the Authorization header over exactly this request line and body; `at`: wall time."""
    timestamp, nonce = str(int(at)), new_nonce()
    message = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = await signer.sign(message)
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial_no}"'
    )


async def pay_signature(signer: Signer, *lines: str) -> str:
    """Sign what the payer's device will hand to WeChat: app id, time, nonce and the prepay."""
    return await signer.sign("".join(f"{line}\n" for line in lines).encode())


def verify(keys: Known, headers: Mapping[str, str], body: bytes, *, at: float) -> None:
    """Raise NotGenuine unless the raw body was signed by a key we believe, near `at` (wall time).

    Header names are in lower case, or found regardless of case.
    """
    timestamp, nonce = _header(headers, "timestamp"), _header(headers, "nonce")
    signature, serial = _header(headers, "signature"), _header(headers, "serial")
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise NotGenuine("signed in another scheme")
    if signature.startswith(PROBE):
        raise NotGenuine("a signature probe")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotGenuine("the timestamp is not a number of seconds")
    if abs(at - int(timestamp)) >= WINDOW_SECONDS:
        raise NotGenuine("signed too long ago or in the future")
    key = keys.named(serial)
    if key is None:
        raise NotGenuine(f"signed with an unknown key {serial[:64]!r}")
    message = f"{timestamp}\n{nonce}\n".encode(errors="replace") + body + b"\n"
    if not verifies(key, signature, message):
        raise NotGenuine("the signature does not fit")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"wechatpay-{name}", "")
    if not value:
        raise NotGenuine(f"the {name} header is missing")
    return value
