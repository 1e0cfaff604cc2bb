"""The settings of one WeChat Pay merchant account, checked before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.providers.checked import expect

API = "https://api.mch.weixin.qq.com"
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"


@dataclass(frozen=True, slots=True)
class AppIds:
    """The app ids bound to the merchant; what has none can't be offered."""

    official_account: str | None = None  # native, H5, code and JSAPI
    mini_program: str | None = None
    app: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatPayConfig:
    """One mchid. Certificates and public keys of WeChat Pay may stand side by side.

    Either may be missing, and both: certificates are also fetched (`certificates.py`), and until
    then nothing is believed.

    Raises ValueError naming the key and the shape expected, never a secret.
    """

    name: str
    mchid: str
    app_ids: AppIds
    serial_no: str  # of the merchant API certificate, hex
    private_key: str = field(repr=False)  # apiclient_key.pem
    api_v3_key: str = field(repr=False)
    notify_url: str
    platform_certificates: tuple[str, ...] = ()  # PEM
    public_keys: Mapping[str, str] = field(default_factory=dict)  # PUB_KEY_ID_… -> PEM
    base_url: str = API
    previous_api_v3_key: str | None = field(default=None, repr=False)  # while it is being changed
    store_id: str | None = None  # at WeChat Pay; code payments need one of the two
    store_out_id: str | None = None  # the merchant's own name of the store
    h5_domain: str | None = None  # the host that WeChat Pay knows as the H5 payment domain

    def __post_init__(self) -> None:
        expect("mchid", self.mchid, r"[0-9]{1,32}", "1-32 digits")
        expect("serial_no", self.serial_no, r"[0-9A-Fa-f]{1,64}", "hexadecimal digits")
        expect("base_url", self.base_url, r"https?://[^/?#]+", "scheme and host, without a path")
        expect(
            "notify_url",
            self.notify_url,
            r"https?://[^/?#]+/[^?#]{1,200}",
            "an address with a path, without a query, at most 255 characters",
        )
        for kind in ("official_account", "mini_program", "app"):
            if (app_id := getattr(self.app_ids, kind)) is not None:
                expect(f"app_ids.{kind}", app_id, r"[0-9A-Za-z_-]{1,32}", "1-32 letters or digits")
        for key in ("api_v3_key", "previous_api_v3_key"):
            if (secret := getattr(self, key)) is not None and len(secret.encode()) != 32:
                raise ValueError(f"{key}: expected exactly 32 bytes")
        for key in ("store_id", "store_out_id"):
            if (store := getattr(self, key)) is not None:
                expect(key, store, r"[0-9A-Za-z_-]{1,32}", "1-32 letters, digits, `_` or `-`")
        if self.h5_domain is not None:
            expect("h5_domain", self.h5_domain, r"[0-9a-z.-]{1,253}", "a host name, lower case")
        for key_id in self.public_keys:
            expect("public_keys", key_id, PUBLIC_KEY_PREFIX + r"\w+", f"{PUBLIC_KEY_PREFIX}…")
