"""The list of platform certificates, encrypted for the merchant (REFERENCE.md §2.6)."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.wechat_time import wechat_time


def list_certificates(keys: PlatformKeys, algorithm_type: str) -> Mapping[str, Any]:
    """Show every usable certificate of an algorithm; this platform has one, for RSA."""
    if algorithm_type not in ("RSA", "ALL"):
        raise Refused("RESOURCE_NOT_EXISTS", "无可用的平台证书")
    certificate = x509.load_pem_x509_certificate(keys.platform_certificate.encode())
    sealed = keys.encrypt(keys.platform_certificate.encode(), "certificate")
    shown = {
        "serial_no": keys.platform_serial_no,
        "effective_time": wechat_time(certificate.not_valid_before_utc),
        "expire_time": wechat_time(certificate.not_valid_after_utc),
        "encrypt_certificate": sealed,
    }
    return {"data": [shown]}
