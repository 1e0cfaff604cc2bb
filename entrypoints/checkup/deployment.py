"""The deployment itself: its configuration, and the files of its secrets."""

import os
from pathlib import Path

from entrypoints.checkup.finding import Check, Finding, bad, good, look
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings, load, secrets_at

#: Nobody but the owner reads a secret.
FOR_OTHERS = 0o077


def configuration_check(path: Path) -> Check:
    """Whether the file can be read and everything it names is there."""

    async def run() -> Finding:
        try:
            settings = load(path)
        except SettingsError as error:
            return bad(str(error), "mend this key, then ask the doctor again")
        if not settings.accounts:
            return look(
                f"{path} names no account", "add an [accounts.<name>] table: nothing can be paid"
            )
        if settings.one_fen:
            return look("every payment charges 1 fen", "remove one_fen before real orders come")
        if plain := _plain_http(settings):
            return look(
                f"{', '.join(plain)}: base_url is not https, in production",
                "leave base_url out: the default is the provider's own address",
            )
        count = len(settings.accounts)
        return good(f"{path}: {settings.environment}, {count} account{'s' * (count > 1)}")

    return Check("configuration", "complete", run)


def secret_files_check(path: Path) -> Check:
    """Whether others on this machine can read the secrets."""

    async def run() -> Finding:
        open_ones = [str(each) for each in secrets_at(path) if _open_to_others(each)]
        if open_ones:
            return look(
                f"others on this machine can read {', '.join(open_ones)}",
                f"chmod 600 {' '.join(open_ones)}",
            )
        return good("only their owner reads them")

    return Check("configuration", "secret files", run)


def _plain_http(settings: Settings) -> list[str]:
    """Accounts whose calls anybody on the way could read and answer."""
    if settings.environment != "production":
        return []
    return [n for n, each in settings.accounts.items() if not each.base_url.startswith("https://")]


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & FOR_OTHERS) and os.name == "posix"
    except OSError:
        return False  # told by the check of the configuration
