"""Check who calls: the Authorization header over the exact bytes (REFERENCE.md §1.2, §2.2)."""

import binascii
import re
import time
from base64 import b64decode
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.sandbox.provider import Call
from adapters.providers.wechat_pay.sandbox.refused import Refused

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
_FIELD = re.compile(r'([a-z_]+)="([^"]*)"')
#: How much of the signed message a refusal shows.
_SHOWN = 200


class Merchant:
    """The one merchant this platform knows, and how it checks its calls."""

    def __init__(
        self, mchid: str, valid: Callable[[], Mapping[str, RSAPublicKey]], tolerance_seconds: int
    ) -> None:
        """`valid`: the keys of its certificates that are valid now, by serial."""
        self._mchid = mchid
        self._valid = valid
        self._tolerance_seconds = tolerance_seconds

    def check(self, call: Call) -> None:
        """Let the call pass or raise `Refused`."""
        _check_headers(call)
        fields = _read_authorization(call.headers.get("authorization", ""))
        key = self._valid().get(fields["serial_no"].upper())
        if fields["mchid"] != self._mchid or key is None:
            raise Refused("SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        self._check_timestamp(fields["timestamp"])
        message = f"{call.method}\n{call.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n"
        signed = message.encode("latin-1") + call.body + b"\n"
        if not _signed(key, signed, fields["signature"]):
            raise _wrong_signature(call, signed)

    def _check_timestamp(self, timestamp: str) -> None:
        # Ten digits: milliseconds are a mistake the platform refuses.
        if not re.fullmatch(r"[0-9]{10}", timestamp):
            raise Refused("SIGN_ERROR", "Http头Authorization值中的timestamp格式错误")
        if abs(time.time() - int(timestamp)) > self._tolerance_seconds:
            raise Refused(
                "SIGN_ERROR", "Http头Authorization值中的timestamp与发起请求的时间不得超过5分钟"
            )


def _signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _check_headers(call: Call) -> None:
    accept = call.headers.get("accept", "")
    if not accept or not call.headers.get("user-agent", "").strip():
        raise Refused("PARAM_ERROR", "Http头缺少Accept或User-Agent")
    if "application/json" not in accept and "*/*" not in accept:
        raise Refused("PARAM_ERROR", "Http头Accept值不正确")


def _read_authorization(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        raise Refused("SIGN_ERROR", "Http头Authorization认证类型不正确")
    parts = [_FIELD.fullmatch(part) for part in rest.split(",")]
    fields = {part[1]: part[2] for part in parts if part}
    if None in parts or len(parts) != len(FIELDS) or fields.keys() != FIELDS:
        raise Refused(
            "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
        )
    return fields


def _wrong_signature(call: Call, signed: bytes) -> Refused:
    shown = signed[:_SHOWN].decode("utf-8", "replace")
    return Refused(
        "SIGN_ERROR",
        detail={
            "detail": {"issue": "sign not match"},
            "field": "signature",
            "location": "authorization",
            "sign_information": {
                "method": call.method,
                "url": call.target,
                "truncated_sign_message": shown,
                "sign_message_length": len(signed),
            },
        },
    )
