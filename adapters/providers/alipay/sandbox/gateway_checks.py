"""The checks of the gateway in its own order, before any business. Source: REFERENCE.md App. A."""

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from adapters.providers.alipay.sandbox import china_time
from adapters.providers.alipay.sandbox.refused import invalid, missing
from adapters.providers.alipay.sandbox.request import codec_of
from adapters.providers.alipay.sandbox.signature import is_signed_by, text_to_sign


@dataclass(frozen=True, slots=True)
class GatewayChecks:
    """Knows one app and its public key; every check raises Refused."""

    app_id: str
    app_public_key: RSAPublicKey
    methods: Collection[str]
    timestamp_window_seconds: int
    #: A link waits for its payer, so its window is one of its own, or none.
    links: Collection[str] = ()
    link_window_seconds: int | None = None

    def check(self, parameters: Mapping[str, str], *, wall_time: datetime) -> None:
        """Pass silently if the request comes from the app, whole, fresh and signed."""
        self._check_app(parameters)
        self._check_method(parameters)
        _check_layout(parameters)
        self._check_timestamp(parameters, wall_time)
        self._check_signature(parameters)

    def _check_app(self, parameters: Mapping[str, str]) -> None:
        app_id = _given(parameters, "app_id")
        if app_id is None:
            raise missing("app-id", signed=False)
        if app_id != self.app_id:
            raise invalid("app-id", "无效的AppID参数", signed=False)

    def _check_method(self, parameters: Mapping[str, str]) -> None:
        method = _given(parameters, "method")
        if method is None:
            raise missing("method")
        if method not in self.methods:
            raise invalid("method", "不存在的方法名")

    def _check_timestamp(self, parameters: Mapping[str, str], wall_time: datetime) -> None:
        text = _given(parameters, "timestamp")
        if text is None:
            raise missing("timestamp")
        try:
            skew = wall_time - china_time.from_text(text)
        except ValueError:
            raise invalid("timestamp", "非法的时间戳参数") from None
        is_link = parameters.get("method") in self.links
        window = self.link_window_seconds if is_link else self.timestamp_window_seconds
        if window is not None and abs(skew.total_seconds()) > window:
            raise invalid("timestamp", "非法的时间戳参数")

    def _check_signature(self, parameters: Mapping[str, str]) -> None:
        signature, kind = _given(parameters, "sign"), _given(parameters, "sign_type")
        if signature is None:
            raise missing("signature")
        if kind is None:
            raise missing("signature-type")
        if kind != "RSA2":
            raise invalid("signature-type")
        text = text_to_sign(parameters, without={"sign"})
        content = text.encode(codec_of(parameters) or "utf-8")
        if not is_signed_by(self.app_public_key, content, signature):
            raise invalid("signature", _what_was_verified(text))


def _check_layout(parameters: Mapping[str, str]) -> None:
    match _given(parameters, "version"):
        case None:
            raise missing("version")
        case "1.0":
            pass
        case _:
            raise invalid("parameter", "version")
    if parameters.get("format", "JSON").upper() not in {"JSON", ""}:
        raise invalid("format")
    if codec_of(parameters) is None:
        raise invalid("charset")


def _what_was_verified(text: str) -> str:
    """The built string, HTML-escaped, so that the caller can compare (REFERENCE.md §2.2)."""
    return f"验签出错，网关生成的验签字符串为：{html.escape(text)}"


def _given(parameters: Mapping[str, str], name: str) -> str | None:
    return parameters.get(name, "").strip() or None
