"""What stands in files of its own: every key may be given as `<key>_file`, secrets above all."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from entrypoints.errors import SettingsError

#: Keys that hold a secret; in production they come from a file or the environment.
SECRETS = (
    "private_key",
    "api_v3_key",
    "previous_api_v3_key",
    "app_secret",
    "password",
    "seal_key",
    "previous_seal_key",
)
FILES = (
    *SECRETS,
    "certificate",
    "public_key",
    "alipay_public_key",
    "previous_alipay_public_key",
    "app_certificate",
    "alipay_certificate",
    "alipay_root_certificate",
    "previous_alipay_certificate",
)


def inline_secrets(raw: Mapping[str, Any], *way: str) -> Iterator[tuple[str, ...]]:
    """Where a secret stands in the configuration itself: the way down to each key."""
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from inline_secrets(value, *way, key)
        elif key in SECRETS:
            yield (*way, key)


def told_passwords(raw: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where an address with a password stands in the configuration itself."""
    for table in ("database", "redis", "nats"):
        url = (raw.get(table) or {}).get("url")
        if isinstance(url, str) and re.search(r"://[^/@]*:[^/@]+@", url):
            yield (table, "url")


def secret_files(raw: Mapping[str, Any]) -> Iterator[str]:
    """The paths under which secrets are given."""
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from secret_files(value)
        elif key.endswith("_file") and key.removesuffix("_file") in SECRETS:
            yield str(value).strip()


def read_files(raw: dict[str, Any], base: Path, prefix: str = "") -> None:
    """Put the contents of files in the place of their paths. Raises SettingsError.

    What is given outright, in the environment above all, wins over a file.
    """
    for key, value in list(raw.items()):
        if isinstance(value, dict):
            read_files(value, base, f"{prefix}{key}.")
        elif key.removesuffix("_file") in FILES and key.endswith("_file"):
            path = raw.pop(key)
            if (name := key.removesuffix("_file")) not in raw:
                raw[name] = text_of(f"{prefix}{key}", base, path).strip()
        elif key == "platform_certificate_files":
            texts = _texts(f"{prefix}{key}", base, raw.pop(key))
            raw.setdefault("platform_certificates", [text.strip() for text in texts.values()])
        elif key == "mp_verify_files":  # byte for byte as they were downloaded
            texts = _texts(f"{prefix}{key}", base, raw.pop(key))
            raw["mp_verify"] = {Path(name).name: text for name, text in texts.items()}


def text_of(key: str, base: Path, name: object) -> str:
    """Read one file, its path relative to `base`. Raises SettingsError."""
    if not isinstance(name, str):
        raise SettingsError(f"{key}: expected a path")
    path = base / name.strip()
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{key}: {path} is not text") from None
    except OSError as error:
        raise SettingsError(f"{key}: {path} can't be read: {error.strerror}") from None


def _texts(key: str, base: Path, paths: object) -> dict[str, str]:
    """Each file's text by its path."""
    if not isinstance(paths, list):
        raise SettingsError(f"{key}: expected a list of paths")
    return {str(path): text_of(key, base, path) for path in paths}
