"""What one merchant account is told: who it is, its keys, and what WeChat's pages need of it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

AppIdKind = Literal["official_account", "mini_program", "app"]

#: What the contract with the provider says it keeps of a charge, e.g. `0.60%`.
Percentage = Annotated[str, Meta(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?%$")]

#: Fen by which a fee may be off: providers round in ways of their own.
Tolerance = Annotated[int, Meta(ge=0, le=1_000)]

#: A host as it stands in the browser's address line, without scheme, port and path.
Host = Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")]


class OfficialAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """A 公众号 whose pages ask for openids and signed JS configuration."""

    app_secret: str
    domains: list[Host] = []  # entered at mp.weixin.qq.com as JS and as OAuth domains

    def __repr__(self) -> str:
        return f"OfficialAccount(domains={self.domains!r})"


class MiniProgram(Struct, frozen=True, forbid_unknown_fields=True):
    """A mini program whose login codes are exchanged here."""

    app_secret: str

    def __repr__(self) -> str:
        return "MiniProgram()"


class WeChatAccount(
    Struct, frozen=True, tag_field="provider", tag="wechat", forbid_unknown_fields=True
):
    """One mchid with its app ids and keys."""

    mchid: str
    app_ids: dict[AppIdKind, str]
    serial_no: str
    private_key: str
    api_v3_key: str
    previous_api_v3_key: str | None = None  # while a change of the key is under way
    certificate: str | None = None  # our own; only `doctor` looks at it
    platform_certificates: list[str] = []  # PEM texts
    public_key_id: str | None = None
    public_key: str | None = None
    base_url: str = "https://api.mch.weixin.qq.com"
    store_id: str | None = None
    store_out_id: str | None = None
    h5_domain: str | None = None
    official_account: OfficialAccount | None = None
    mini_program: MiniProgram | None = None
    fee_rate: Percentage | None = None  # absent: fees are not checked
    fee_tolerance: Tolerance = 1

    @property
    def merchant(self) -> str:
        """Who takes the money: what makes two accounts the same one."""
        return self.mchid

    def __repr__(self) -> str:
        return f"WeChatAccount(mchid={self.mchid!r}, base_url={self.base_url!r})"


class AlipayAccount(
    Struct, frozen=True, tag_field="provider", tag="alipay", forbid_unknown_fields=True
):
    """One PID (seller_id) with its app id and keys: Alipay's public key, or three certificates."""

    app_id: str
    seller_id: str
    private_key: str
    alipay_public_key: str | None = None
    previous_alipay_public_key: str | None = None  # while Alipay changes its own
    app_certificate: str | None = None
    alipay_certificate: str | None = None
    alipay_root_certificate: str | None = None
    previous_alipay_certificate: str | None = None  # likewise
    base_url: str = "https://openapi.alipay.com/gateway.do"
    qr_product_code: str | None = None  # what the contract with Alipay names
    code_product_code: str | None = None
    jsapi_app_id: str | None = None  # of the mini program that opens the cashier, if another
    link_seconds: int | None = None  # how long a payer may take to open a link
    fee_rate: Percentage | None = None  # absent: fees are not checked
    fee_tolerance: Tolerance = 1

    @property
    def merchant(self) -> str:
        """Who takes the money: what makes two accounts the same one."""
        return self.seller_id

    def __repr__(self) -> str:
        return f"AlipayAccount(app_id={self.app_id!r}, base_url={self.base_url!r})"


AnyAccount = WeChatAccount | AlipayAccount
