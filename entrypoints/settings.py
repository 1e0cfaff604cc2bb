"""Read `basepay.toml` and the environment, once, into values that are complete and plausible."""

import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from entrypoints.errors import Trouble

NAME = r"^[a-z0-9][a-z0-9-]{0,31}$"
ENV_PREFIX = "BASEPAY_"

#: Keys that hold a secret; each may instead be given as `<key>_file`, a path to read.
SECRETS = ("private_key", "api_v3_key")
FILES = (*SECRETS, "public_key", "alipay_public_key")

Environment = Literal["dev", "test", "production"]
AppIdKind = Literal["official_account", "mini_program", "app"]


class SettingsError(Trouble):
    """A value is missing or wrong; the text names its key and what was expected, never a secret."""


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the books are kept."""

    url: Annotated[str, Meta(pattern=r"^sqlite:///.+")] = "sqlite:///basepay.db"


class Http(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `basepay serve` listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000


class WeChatAccount(
    Struct, frozen=True, tag_field="provider", tag="wechat", forbid_unknown_fields=True
):
    """One mchid with its app ids and keys."""

    mchid: str
    app_ids: dict[AppIdKind, str]
    serial_no: str
    private_key: str
    api_v3_key: str
    platform_certificates: list[str] = []  # PEM texts
    public_key_id: str | None = None
    public_key: str | None = None
    base_url: str = "https://api.mch.weixin.qq.com"

    def __repr__(self) -> str:
        return f"WeChatAccount(mchid={self.mchid!r}, base_url={self.base_url!r})"


class AlipayAccount(
    Struct, frozen=True, tag_field="provider", tag="alipay", forbid_unknown_fields=True
):
    """One PID (seller_id) with its app id and keys."""

    app_id: str
    seller_id: str
    private_key: str
    alipay_public_key: str
    base_url: str = "https://openapi.alipay.com/gateway.do"

    def __repr__(self) -> str:
        return f"AlipayAccount(app_id={self.app_id!r}, base_url={self.base_url!r})"


AccountName = Annotated[str, Meta(pattern=NAME)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that differs from one deployment to the next."""

    environment: Environment = "production"
    public_url: Annotated[str, Meta(pattern=r"^https?://[^/?#]+$")] = "http://127.0.0.1:8000"
    number_prefix: Annotated[str, Meta(pattern=r"^[a-z0-9]{2}$")] = "d1"
    database: Database = Database()
    http: Http = Http()
    accounts: dict[AccountName, WeChatAccount | AlipayAccount] = {}


def load(
    path: Path, environ: Mapping[str, str] = os.environ, *, with_accounts: bool = True
) -> Settings:
    """Read the file, lay the environment over it, check. Raises SettingsError.

    Without accounts their secrets need not be at hand: enough for what concerns the database only.
    """
    written = _read(path)
    raw = _with_environment(deepcopy(written), environ)
    if raw.get("environment", "production") == "production":
        _refuse_inline_secrets(written)
    if not with_accounts:
        raw.pop("accounts", None)
    for name, account in _accounts(raw).items():
        _read_files(f"accounts.{name}", account, path.parent)
    return check(raw)


def check(raw: Mapping[str, Any]) -> Settings:
    """Turn plain values into Settings. Raises SettingsError."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error))) from None
    _refuse_twins(settings)
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


def _refuse_inline_secrets(raw: Mapping[str, Any]) -> None:
    for name, account in _accounts(raw).items():
        for key in SECRETS:
            if key in account:
                raise SettingsError(
                    f"accounts.{name}.{key}: a secret must not stand in the file in production; "
                    f"give {key}_file, or set {_variable('accounts', name, key)}"
                )


def _with_environment(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """`BASEPAY_DATABASE__URL` overrides `database.url`; `__` goes one level down."""
    names = {name.upper().replace("-", "_"): name for name in _accounts(raw)}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(ENV_PREFIX) or variable == f"{ENV_PREFIX}CONFIG":
            continue
        steps = variable.removeprefix(ENV_PREFIX).split("__")
        *way, last = [names.get(step, step.lower()) for step in steps]
        _refuse_unknown(variable, [*way, last], known=names.values())
        place: Any = raw
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{variable}: {step} is not a table")
        place[last] = int(value) if last == "port" and value.isdecimal() else value
    return raw


def _refuse_unknown(variable: str, steps: Sequence[str], *, known: Collection[str]) -> None:
    if steps[0] not in Settings.__struct_fields__:
        raise SettingsError(f"{variable}: there is no setting `{steps[0]}`")
    if steps[0] == "accounts" and (len(steps) < 3 or steps[1] not in known):
        names = ", ".join(known) or "none"
        raise SettingsError(f"{variable}: names no account of the file, which has: {names}")


def _read_files(prefix: str, account: dict[str, Any], base: Path) -> None:
    """What is given outright, in the environment above all, wins over a file."""
    for key in FILES:
        path = account.pop(f"{key}_file", None)
        if path is not None and key not in account:
            account[key] = _text(f"{prefix}.{key}_file", base, path)
    paths = account.pop("platform_certificate_files", None)
    if paths is not None and "platform_certificates" not in account:
        key = f"{prefix}.platform_certificate_files"
        listed = paths.split(",") if isinstance(paths, str) else paths  # a variable has no lists
        if not isinstance(listed, list):
            raise SettingsError(f"{key}: expected a list of paths")
        account["platform_certificates"] = [_text(key, base, path) for path in listed]


def _text(key: str, base: Path, name: object) -> str:
    if not isinstance(name, str):
        raise SettingsError(f"{key}: expected a path")
    path = base / name.strip()
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{key}: {path} is not text") from None
    except OSError as error:
        raise SettingsError(f"{key}: {path} can't be read: {error.strerror}") from None


def _accounts(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    accounts = raw.get("accounts", {})
    if not isinstance(accounts, dict):
        raise SettingsError("accounts: expected tables like [accounts.wechat-main]")
    return {name: table for name, table in accounts.items() if isinstance(table, dict)}


def _refuse_twins(settings: Settings) -> None:
    seen: dict[str, str] = {}
    for name, account in settings.accounts.items():
        who = account.mchid if isinstance(account, WeChatAccount) else account.seller_id
        if who in seen:
            raise SettingsError(f"accounts.{name}: {who} is already configured as {seen[who]}")
        seen[who] = name


def _explain(text: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.http.port`" round: key first."""
    found = re.fullmatch(r"(.*) - at (`key` in )?`\$\.?(.*)`", text, re.DOTALL)
    if not found:
        return text
    return f"{found[3]}: {'the name of a table: ' if found[2] else ''}{found[1]}"


def _variable(*way: str) -> str:
    return ENV_PREFIX + "__".join(way).upper().replace("-", "_")
