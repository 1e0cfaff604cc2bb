"""The settings of one Alipay merchant account in key mode, checked before anything starts."""

from dataclasses import dataclass, field

from adapters.providers.checked import expect

GATEWAY = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayConfig:
    """One merchant (PID) with one app.

    Raises ValueError naming the key and the shape expected, never a secret.
    """

    name: str
    app_id: str
    seller_id: str  # the PID, 2088…
    private_key: str = field(repr=False)  # of the app; PEM or bare base64
    alipay_public_key: str  # Alipay's, not the app's own
    notify_url: str
    gateway_url: str = GATEWAY
    qr_product_code: str = "FACE_TO_FACE_PAYMENT"  # or QR_CODE_OFFLINE, as the contract says

    def __post_init__(self) -> None:
        expect("app_id", self.app_id, r"[0-9]{1,32}", "1-32 digits")
        expect("seller_id", self.seller_id, r"2088[0-9]{12}", "16 digits that start with 2088")
        expect("qr_product_code", self.qr_product_code, r"[A-Z_]{1,64}", "capitals and `_`")
        for key in ("gateway_url", "notify_url"):
            shape = "an address with a path, without a query, at most 256 characters"
            expect(key, getattr(self, key), r"https?://[^/?#]+/[^?#]{1,200}", shape)
