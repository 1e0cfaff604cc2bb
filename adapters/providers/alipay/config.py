"""The settings of one Alipay merchant account, checked before anything starts."""

from dataclasses import dataclass, field

from adapters.providers.checked import expect

GATEWAY = "https://openapi.alipay.com/gateway.do"

#: An app that has certificates needs all three files; without them it has one public key.
CERTIFICATES = ("app_certificate", "alipay_certificate", "alipay_root_certificate")

#: Seconds. No page tells how old a link's timestamp may be; v3 takes 10 minutes (unverified).
LINK_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayConfig:
    """One merchant (PID) with one app, in key mode or in certificate mode.

    Raises ValueError naming the key and the shape expected, never a secret.
    """

    name: str
    app_id: str
    seller_id: str  # the PID, 2088…
    private_key: str = field(repr=False)  # of the app; PEM or bare base64
    alipay_public_key: str = ""  # Alipay's, not the app's own; believed beside certificates too
    previous_alipay_public_key: str = ""  # believed as well while Alipay's key is changed
    app_certificate: str = ""  # PEM, like the other two: Alipay's files as they are
    alipay_certificate: str = ""
    alipay_root_certificate: str = ""
    previous_alipay_certificate: str = ""  # the other one of two, while Alipay changes its own
    notify_url: str
    gateway_url: str = GATEWAY
    qr_product_code: str = "FACE_TO_FACE_PAYMENT"  # or QR_CODE_OFFLINE, as the contract says
    code_product_code: str = "FACE_TO_FACE_PAYMENT"  # or OFFLINE_PAYMENT, likewise
    jsapi_app_id: str = ""  # of the mini program that opens the cashier, if not `app_id`
    link_seconds: int = LINK_SECONDS

    def __post_init__(self) -> None:
        expect("app_id", self.app_id, r"[0-9]{1,32}", "1-32 digits")
        expect("jsapi_app_id", self.jsapi_app_id, r"[0-9]{0,32}", "1-32 digits")
        expect("seller_id", self.seller_id, r"2088[0-9]{12}", "16 digits that start with 2088")
        for key in ("qr_product_code", "code_product_code"):
            expect(key, getattr(self, key), r"[A-Z_]{1,64}", "capitals and `_`")
        for key in ("gateway_url", "notify_url"):
            shape = "an address with a path, without a query, at most 256 characters"
            expect(key, getattr(self, key), r"https?://[^/?#]+/[^?#]{1,200}", shape)
        self._check_mode()
        if not 60 <= self.link_seconds <= 86_400:
            raise ValueError(f"link_seconds: expected 60-86400, got {self.link_seconds}")

    @property
    def has_certificates(self) -> bool:
        """Certificate mode: who signed an answer is named by a serial number."""
        return bool(self.alipay_certificate)

    def _check_mode(self) -> None:
        missing = [key for key in CERTIFICATES if not getattr(self, key)]
        if missing and len(missing) < len(CERTIFICATES):
            raise ValueError(f"{missing[0]}: expected too, as other certificates are given")
        if missing and self.previous_alipay_certificate:
            raise ValueError(f"{missing[0]}: expected too, as previous_alipay_certificate is given")
        if missing and not self.alipay_public_key:
            raise ValueError("alipay_public_key: expected this, or the three certificates")
