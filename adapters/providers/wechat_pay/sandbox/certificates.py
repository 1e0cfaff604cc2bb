"""The list of platform certificates, encrypted for the merchant (REFERENCE.md §2.6)."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from adapters.providers.wechat_pay.sandbox.merchant_keys import serial_of
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.wechat_time import wechat_time


def list_certificates(keys: PlatformKeys, algorithm_type: str) -> Mapping[str, Any]:
    """Show every usable certificate of an algorithm; this platform has them for RSA."""
    usable = keys.usable_certificates() if algorithm_type in ("RSA", "ALL") else ()
    if not usable:
        raise Refused("RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台申请使用微信支付公钥")
    return {"data": [_show(keys, pem) for pem in usable]}


def _show(keys: PlatformKeys, pem: str) -> Mapping[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "serial_no": serial_of(pem),
        "effective_time": wechat_time(certificate.not_valid_before_utc),
        "expire_time": wechat_time(certificate.not_valid_after_utc),
        "encrypt_certificate": keys.encrypt(pem.encode(), "certificate"),
    }
