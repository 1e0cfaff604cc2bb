"""A deployment on disk as `basepay init` would have it filled in: a file, and secrets beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from entrypoints.settings import Settings, load

#: Keys of the simulators' credentials, and the file each is written to.
WECHAT_FILES = ("private_key", "api_v3_key", "certificate", "public_key")
ALIPAY_FILES = ("private_key", "alipay_public_key")


class Deployment:
    """Two accounts at the simulators; `raw` is what the file says, `write` writes it again."""

    def __init__(self, directory: Path, credentials: Mapping[str, Mapping[str, Any]]) -> None:
        self.directory, self.path = directory, directory / "basepay.toml"
        wechat, alipay = credentials["wechat"], credentials["alipay"]
        self.raw: dict[str, Any] = {
            "environment": "test",
            "database": {"url": f"sqlite:///{directory / 'basepay.db'}"},
            "http": {"port": 0},
            "accounts": {
                "wechat-main": {
                    "provider": "wechat",
                    "mchid": wechat["mchid"],
                    "app_ids": wechat["app_ids"],
                    "serial_no": wechat["serial_no"],
                    "public_key_id": wechat["public_key_id"],
                    "platform_certificate_files": [
                        self.secret("wechat-platform.pem", wechat["platform_certificate"])
                    ],
                    "base_url": wechat["base_url"],
                    **self._files("wechat", wechat, WECHAT_FILES),
                },
                "alipay-main": {
                    "provider": "alipay",
                    "app_id": alipay["app_id"],
                    "seller_id": alipay["seller_id"],
                    "base_url": alipay["gateway_url"],
                    **self._files("alipay", alipay, ALIPAY_FILES),
                },
            },
        }
        self.write()

    @classmethod
    def of_simulators(cls, directory: Path, sandbox_url: str) -> "Deployment":
        """With what the simulators at this address hand out."""
        return cls(directory, httpx.get(f"{sandbox_url}/sandbox/credentials").json())

    def account(self, name: str) -> dict[str, Any]:
        """What the file says about an account; change it, then `write`."""
        table: dict[str, Any] = self.raw["accounts"][name]
        return table

    def secret(self, name: str, text: str) -> str:
        """Write a file beside the configuration; its name."""
        (self.directory / name).write_text(text)
        return name

    def write(self) -> None:
        """Write the file as `raw` says."""
        self.path.write_text("\n".join(_toml(self.raw)))

    def load(self) -> Settings:
        """The settings as the file has them now."""
        return load(self.path, {})

    def _files(
        self, provider: str, credentials: Mapping[str, Any], keys: tuple[str, ...]
    ) -> dict[str, str]:
        return {f"{key}_file": self.secret(f"{provider}-{key}", credentials[key]) for key in keys}


def _toml(table: Mapping[str, Any], *way: str) -> list[str]:
    """Plain values first, then the tables."""
    lines = [
        f"{json.dumps(key)} = {json.dumps(value)}"  # what JSON writes here is TOML too
        for key, value in table.items()
        if not isinstance(value, dict)
    ]
    head = [f"[{'.'.join(json.dumps(step) for step in way)}]"] if way else []
    deeper = [_toml(value, *way, key) for key, value in table.items() if isinstance(value, dict)]
    return [*head, *lines, *(line for lines in deeper for line in lines)]
