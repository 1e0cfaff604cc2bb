"""Read `basepay.toml` and the environment into values that are complete and plausible."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from domain.method import Provider
from entrypoints.account_settings import AlipayAccount, AnyAccount, WeChatAccount
from entrypoints.errors import SettingsError
from entrypoints.platform_settings import Nats, Redis
from entrypoints.reconciliation_settings import Reconciliation
from entrypoints.secret_files import inline_secrets, read_files, secret_files, told_passwords
from entrypoints.variables import lay_over, tables, variable_of
from entrypoints.webhook_settings import Webhooks, check_webhooks

NAME = r"^[a-z0-9][a-z0-9-]{0,31}$"
Name = Annotated[str, Meta(pattern=NAME)]
Address = Annotated[str, Meta(pattern=r"^https?://[^/?#]+$")]  # scheme and host, no path

Environment = Literal["dev", "test", "production"]


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the books are kept: a file of one process, or a server of many."""

    url: Annotated[str, Meta(pattern=r"^(sqlite:///|postgres(ql)?://).+")] = "sqlite:///basepay.db"
    password: str | None = None  # instead of one in the URL

    @property
    def shown(self) -> str:
        """The URL without what may be secret: whatever stands before the host, or is asked for."""
        scheme, _, place = self.url.partition("://")
        if scheme == "sqlite":
            return self.url
        return f"{scheme}://{place.rpartition('@')[2].partition('?')[0]}"

    def __repr__(self) -> str:
        return f"Database({self.shown!r})"


class Http(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `basepay serve` listens, and whose word about a client's address it takes."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    fd: int | None = None  # a listening socket that our parent process hands over instead
    trusted_proxies: list[str] = []  # addresses or networks


class WeChat(Struct, frozen=True, forbid_unknown_fields=True):
    """WeChat beside payments: where it is, and the files that prove our domains to it."""

    base_url: Address = "https://api.weixin.qq.com"
    authorize_url: str = "https://open.weixin.qq.com/connect/oauth2/authorize"
    proof_for_tencent_only: bool = False  # the files answer only Tencent's own addresses
    mp_verify: dict[Annotated[str, Meta(pattern=r"^MP_verify_[A-Za-z0-9]{16}\.txt$")], str] = {}


class AppTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Which accounts one app may use, and which it uses where it names none."""

    accounts: list[str] | None = None  # absent: all
    default_accounts: dict[Literal["wechat", "alipay"], str] = {}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that differs from one deployment to the next."""

    environment: Environment = "production"
    public_url: Address = "http://127.0.0.1:8000"
    number_prefix: Annotated[str, Meta(pattern=r"^[a-z0-9]{2}$")] = "d1"
    one_fen: bool = False
    clock_file: str | None = None  # the time is what this file says, in all processes that read it
    database: Database = Database()
    redis: Redis = Redis()
    nats: Nats = Nats()
    webhooks: Webhooks = Webhooks()
    reconciliation: Reconciliation = Reconciliation()
    http: Http = Http()
    wechat: WeChat = WeChat()
    accounts: dict[Name, AnyAccount] = {}
    apps: dict[Name, AppTable] = {}


#: What exists in dev and test only, and why production can't start with it.
NOT_IN_PRODUCTION = {
    "one_fen": "payments would charge 1 fen instead of what is owed",
    "clock_file": "whoever writes it could make orders expire",
}

#: What the tables that are named by the file hold.
TABLES = {"accounts": AnyAccount, "apps": AppTable}

PROVIDERS = {WeChatAccount: Provider.WECHAT, AlipayAccount: Provider.ALIPAY}


def load(
    path: Path, environ: Mapping[str, str] = os.environ, *, with_accounts: bool = True
) -> Settings:
    """Read the file, lay the environment over it, check. Raises SettingsError.

    Without accounts their secrets need not be at hand: enough for what concerns the database only.
    """
    written = _read(path)
    raw = lay_over(deepcopy(written), environ, known=Settings.__struct_fields__)
    if raw.get("environment", "production") == "production":
        _refuse_inline_secrets(written)
    if not with_accounts:
        for key in ("accounts", "apps", "wechat", "webhooks"):
            raw.pop(key, None)
    read_files(raw, path.parent)
    return check(raw)


def secrets_at(path: Path, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that hold secrets, as the configuration names them. Raises SettingsError."""
    raw = lay_over(_read(path), environ, known=Settings.__struct_fields__)
    holders = {name: raw.get(name, {}) for name in ("database", "webhooks")}
    holders |= tables(raw, "accounts")
    return [path.parent / name for name in secret_files(holders)]


def check(raw: Mapping[str, Any]) -> Settings:
    """Turn plain values into Settings. Raises SettingsError."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(raw, error)) from None
    if settings.environment == "production":
        _refuse_in_production(settings)
    _check_proxies(settings.http)
    check_webhooks(settings.webhooks, production=settings.environment == "production")
    _refuse_twins(settings)
    for name, account in settings.accounts.items():
        _check_account(name, account)
    for name, app in settings.apps.items():
        _check_app(name, app, settings.accounts)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: not found; `basepay init` writes one") from None
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None


def _refuse_inline_secrets(written: Mapping[str, Any]) -> None:
    kept = inline_secrets({name: written.get(name, {}) for name in ("database", "webhooks")})
    for way in (*kept, *inline_secrets(tables(written, "accounts"), "accounts")):
        raise SettingsError(
            f"{'.'.join(way)}: a secret must not stand in the file in production; "
            f"give {way[-1]}_file, or set {variable_of(*way)}"
        )
    for way in told_passwords(written):
        raise SettingsError(
            f"{'.'.join(way)}: a password must not stand in the file in production; "
            f"set {variable_of(*way)}"
        )


def _refuse_in_production(settings: Settings) -> None:
    for key, reason in NOT_IN_PRODUCTION.items():
        if getattr(settings, key):
            raise SettingsError(
                f"{key}: must be off in production: {reason}; "
                'remove it, or set environment to "test" if this is not for real money'
            )


def _check_proxies(http: Http) -> None:
    for proxy in http.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise SettingsError(
                f"http.trusted_proxies: expected an address or a network, got {proxy!r}"
            ) from None


def _refuse_twins(settings: Settings) -> None:
    seen: dict[str, str] = {}
    for name, account in settings.accounts.items():
        if account.merchant in seen:
            twin = seen[account.merchant]
            raise SettingsError(
                f"accounts.{name}: {account.merchant} is already configured as {twin}"
            )
        seen[account.merchant] = name


def _check_account(name: str, account: AnyAccount) -> None:
    """What is told of an account only together: a key and its id, a secret and its app id."""
    if isinstance(account, AlipayAccount):
        return
    if (account.public_key is None) is not (account.public_key_id is None):
        missing = "public_key_id" if account.public_key else "public_key"
        raise SettingsError(f"accounts.{name}.{missing}: expected too: the key and its id are one")
    for kind in ("official_account", "mini_program"):
        if getattr(account, kind) is not None and kind not in account.app_ids:
            raise SettingsError(f"accounts.{name}.{kind}: needs accounts.{name}.app_ids.{kind}")


def _check_app(name: str, app: AppTable, accounts: Mapping[str, AnyAccount]) -> None:
    for account in app.accounts or ():
        if account not in accounts:
            there = ", ".join(accounts) or "none"
            raise SettingsError(
                f"apps.{name}.accounts: there is no account {account!r}; there are: {there}"
            )
    for provider, account in app.default_accounts.items():
        key = f"apps.{name}.default_accounts.{provider}"
        of_provider = [n for n, each in accounts.items() if PROVIDERS[type(each)] == provider]
        if account not in of_provider:
            there = ", ".join(of_provider) or "none"
            raise SettingsError(f"{key}: expected an account of {provider}: {there}")
        if app.accounts is not None and account not in app.accounts:
            raise SettingsError(f"{key}: {account} is not among apps.{name}.accounts")


def _explain(raw: Mapping[str, Any], error: msgspec.ValidationError) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.http.port`" round: key first."""
    text, place = str(error), ""
    for kind, table_type in TABLES.items():
        if f"`$.{kind}[...]" in text:  # it does not tell in which one
            text, place = _first_wrong(raw[kind], table_type, kind) or (text, "")
    found = re.fullmatch(r"(.*?)(?: - at (`key` in )?`\$\.?(.*)`)?", text, re.DOTALL)
    if found is None:
        return text
    key = ".".join(filter(None, [place, found[3]]))
    parts = [key, "the name of a table" if found[2] else "", found[1]]
    return ": ".join(filter(None, parts))


def _first_wrong(named: Mapping[str, Any], table_type: Any, kind: str) -> tuple[str, str] | None:
    for name, table in named.items():
        try:
            msgspec.convert(table, table_type)
        except msgspec.ValidationError as error:
            return str(error), f"{kind}.{name}"
    return None
