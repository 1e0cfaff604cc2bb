"""The checks of the gateway in its own order, before any business. Source: REFERENCE.md App. A."""

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.providers.alipay.sandbox import china_time
from adapters.providers.alipay.sandbox.keys import AlipayKeys
from adapters.providers.alipay.sandbox.refused import Refused, invalid, missing
from adapters.providers.alipay.sandbox.request import codec_of
from adapters.providers.alipay.sandbox.signature import is_signed_by, text_to_sign

CERTIFICATE_NUMBERS = ("app_cert_sn", "alipay_root_cert_sn")


@dataclass(frozen=True, slots=True)
class GatewayChecks:
    """Knows one app and its keys; every check raises Refused."""

    app_id: str
    keys: AlipayKeys
    methods: Collection[str]
    timestamp_window_seconds: int
    #: A link waits for its payer, so its window is one of its own, or none.
    links: Collection[str] = ()
    link_window_seconds: int | None = None
    demands_certificates: bool = False

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
        self._check_certificates(parameters)
        text = text_to_sign(parameters, without={"sign"})
        content = text.encode(codec_of(parameters) or "utf-8")
        if not is_signed_by(self.keys.app.public_key(), content, signature):
            raise invalid("signature", _what_was_verified(text))

    def _check_certificates(self, parameters: Mapping[str, str]) -> None:
        """In certificate mode both numbers come, and both are right (REFERENCE.md §2.6)."""
        if not (self.demands_certificates or in_certificate_mode(parameters)):
            return
        app, root = (_given(parameters, name) for name in CERTIFICATE_NUMBERS)
        if app is None:
            raise missing("app-cert-sn")
        if root is None:
            raise missing("alipay-root-cert-sn")
        if app != self.keys.app_number:
            raise Refused("40002", "isv.app-cert-not-exist", "应用公钥证书不存在")
        if root != self.keys.root_number:
            raise invalid("alipay-root-cert-sn", "支付宝根证书序列号错误")


def in_certificate_mode(parameters: Mapping[str, str]) -> bool:
    """Whether the caller works with certificates: it names at least one."""
    return any(_given(parameters, name) for name in CERTIFICATE_NUMBERS)


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
