"""alipay.open.app.alipaycert.download: a certificate by its number. Source: REFERENCE.md §2.6."""

import base64

from adapters.providers.alipay.sandbox.biz_content import CertificateWanted
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.refused import Refused


def download_certificate(desk: Desk, request: Request) -> dict[str, str]:
    """Hand out one of Alipay's certificates with its chain; Refused once it is retired."""
    wanted = desk.read(request, CertificateWanted)
    chain = desk.keys.chain_by_number(wanted.alipay_cert_sn)
    if chain is None:
        raise Refused("40002", "isv.alipay-cert-not-exist", "支付宝公钥证书不存在")
    return {"alipay_cert_content": base64.b64encode(chain.encode()).decode()}
