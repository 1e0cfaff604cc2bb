"""From the settings of one account to the objects that speak for it, each with its own checks."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import httpx

from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from adapters.wechat_official_account.account import OfficialAccount, official_account
from adapters.wechat_official_account.config import Credentials, OfficialAccountConfig
from application.ports import Account, Clock
from application.shared import Shared
from domain.reconciliation import FeeTerms
from entrypoints.account_settings import AlipayAccount, AnyAccount, WeChatAccount
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """What every account needs of the process."""

    transport: httpx.AsyncBaseTransport
    clock: Clock
    shared: Shared


@dataclass(frozen=True, slots=True)
class Made:
    """One account, and what it was made from: its own table, and what all accounts share."""

    settings: AnyAccount
    shared: object
    account: Account
    wechat: OfficialAccount | None  # what it has at WeChat beside payments


def make(name: str, settings: Settings, outside: Outside) -> Made:
    """Load the keys and check everything. Raises SettingsError with the key."""
    account, shared = settings.accounts[name], shared_by_all(settings)
    try:
        if isinstance(account, AlipayAccount):
            alipay = alipay_config(name, account, settings.public_url)
            spoken_for = alipay_account(alipay, outside.transport, outside.clock)
            return Made(account, shared, replace(spoken_for, fees=fees_of(account)), None)
        pay = wechat_config(name, account, settings.public_url)
        pages = pages_config(name, account, settings)
        spoken_for = wechat_pay_account(pay, outside.transport, outside.clock)
        return Made(
            account,
            shared,
            replace(spoken_for, fees=fees_of(account)),
            official_account(pages, outside.transport, outside.shared, outside.clock),
        )
    except ValueError as error:
        raise SettingsError(f"accounts.{name}.{error}") from None


def fees_of(account: AnyAccount) -> FeeTerms | None:
    """What the provider should keep, if anybody has told."""
    if account.fee_rate is None:
        return None
    percent = Fraction(account.fee_rate.removesuffix("%"))
    return FeeTerms(percent / 100, account.fee_tolerance)


def shared_by_all(settings: Settings) -> object:
    """What every account is made from, beside its own table."""
    return settings.public_url, settings.wechat.base_url, settings.wechat.authorize_url


def wechat_config(name: str, account: WeChatAccount, public_url: str) -> WeChatPayConfig:
    """Raises ValueError naming the key."""
    public_keys = {}
    if account.public_key_id and account.public_key:
        public_keys[account.public_key_id] = account.public_key
    return WeChatPayConfig(
        name=name,
        mchid=account.mchid,
        app_ids=AppIds(**account.app_ids),
        serial_no=account.serial_no,
        private_key=account.private_key,
        api_v3_key=account.api_v3_key,
        notify_url=f"{public_url}/callbacks/wechat/{name}",
        platform_certificates=tuple(account.platform_certificates),
        public_keys=public_keys,
        base_url=account.base_url,
        **_given(account, "previous_api_v3_key", "store_id", "store_out_id", "h5_domain"),
    )


def alipay_config(name: str, account: AlipayAccount, public_url: str) -> AlipayConfig:
    """Raises ValueError naming the key."""
    return AlipayConfig(
        name=name,
        app_id=account.app_id,
        seller_id=account.seller_id,
        private_key=account.private_key,
        gateway_url=account.base_url,
        notify_url=f"{public_url}/callbacks/alipay/{name}",
        **_given(
            account,
            "alipay_public_key",
            "previous_alipay_public_key",
            "app_certificate",
            "alipay_certificate",
            "alipay_root_certificate",
            "previous_alipay_certificate",
            "qr_product_code",
            "code_product_code",
            "jsapi_app_id",
            "link_seconds",
        ),
    )


def pages_config(name: str, account: WeChatAccount, settings: Settings) -> OfficialAccountConfig:
    """Raises ValueError naming the key."""
    pages, mini = account.official_account, account.mini_program
    ids = account.app_ids
    return OfficialAccountConfig(
        official_account=Credentials(ids["official_account"], pages.app_secret) if pages else None,
        mini_program=Credentials(ids["mini_program"], mini.app_secret) if mini else None,
        domains=tuple(pages.domains) if pages else (),
        back_url=f"{settings.public_url}/wechat/oauth/{name}/back",
        base_url=settings.wechat.base_url,
        authorize_url=settings.wechat.authorize_url,
    )


def _given(account: AnyAccount, *keys: str) -> dict[str, Any]:
    """What was left out keeps the default that the adapter gives it."""
    values = {key: getattr(account, key) for key in keys}
    return {key: value for key, value in values.items() if value is not None}
