"""Environment variables laid over the file: `BASEPAY_DATABASE__URL` overrides `database.url`."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from entrypoints.errors import SettingsError

ENV_PREFIX = "BASEPAY_"

#: Not a setting: where the file lies.
CONFIG_VARIABLE = "BASEPAY_CONFIG"

#: Tables whose tables are named by the file. A variable reaches only what the file names.
NAMED = {"accounts": "account", "apps": "app"}

#: Keys that a variable can't simply write as text.
NUMBERS = ("port", "fd", "link_seconds", "fee_tolerance", "keep_bills_days")
SWITCHES = ("one_fen", "enabled", "proof_for_tencent_only", "any_port", "plain_http")
LISTS = (
    "accounts",
    "domains",
    "mp_verify_files",
    "networks",
    "platform_certificate_files",
    "trusted_proxies",
)


def lay_over(
    raw: dict[str, Any], environ: Mapping[str, str], *, known: Collection[str]
) -> dict[str, Any]:
    """`__` goes one level down; lists are separated by commas. Raises SettingsError."""
    for variable, value in sorted(environ.items()):
        if not variable.startswith(ENV_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        *way, last = _way(variable, raw)
        if (way or [last])[0] not in known:
            raise SettingsError(f"{variable}: there is no setting `{(way or [last])[0]}`")
        place: Any = raw
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{variable}: {step} is not a table")
        place[last] = _typed(last, value)
    return raw


def variable_of(*way: str) -> str:
    """The variable that overrides the key at the end of this way."""
    return ENV_PREFIX + "__".join(way).upper().replace("-", "_")


def tables(raw: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The named tables of one kind: accounts or apps. Raises SettingsError."""
    named = raw.get(kind, {})
    if not isinstance(named, dict):
        raise SettingsError(f"{kind}: expected tables like [{kind}.some-name]")
    return {name: table for name, table in named.items() if isinstance(table, dict)}


def _way(variable: str, raw: Mapping[str, Any]) -> Iterator[str]:
    kind, *steps = variable.removeprefix(ENV_PREFIX).split("__")
    yield kind.lower()
    if kind.lower() in NAMED:
        names = {name.upper().replace("-", "_"): name for name in tables(raw, kind.lower())}
        if len(steps) < 2 or steps[0] not in names:
            there = ", ".join(names.values()) or "none"
            what = NAMED[kind.lower()]
            raise SettingsError(f"{variable}: names no {what} of the file, which has: {there}")
        yield names[steps.pop(0)]
    yield from (step.lower() for step in steps)


def _typed(key: str, value: str) -> object:
    if key in NUMBERS and value.isdecimal():
        return int(value)
    if key in SWITCHES and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if key in LISTS:
        return [each.strip() for each in value.split(",") if each.strip()]
    if key == "ports":
        return [int(each) if each.strip().isdecimal() else each for each in value.split(",")]
    return value
