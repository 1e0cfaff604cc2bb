"""The self test: a signed echo, an encrypted one and a callback, without money (§2.8)."""

from collections.abc import Mapping
from typing import Any

from adapters.providers.sandbox.provider import World
from adapters.providers.wechat_pay.sandbox.notifications import notification
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.refused import bad_field


def echo(
    world: World, keys: PlatformKeys, request: Mapping[str, Any], serial_no: str
) -> Mapping[str, Any]:
    """Return what was said, sealed for the merchant what came sealed for the platform."""
    said = {"echo_message": request["echo_message"]}
    heard = dict(said)
    if "encrypted_echo_message" in request:
        sealed = _reseal(keys, request["encrypted_echo_message"], serial_no)
        said["encrypted_echo_message"] = sealed
        heard["encrypt_echo_message"] = sealed  # the callback spells it differently
    told = notification(
        "", "SECURITY_ECHO.SUCCESS", heard, request.get("notify_url"), world.clock.now()
    )
    world.book.keep(*told)
    return said


def _reseal(keys: PlatformKeys, text: str, serial_no: str) -> str:
    try:
        return keys.seal_sensitive(keys.open_sensitive(text, serial_no))
    except ValueError as error:
        raise bad_field(
            "/encrypted_echo_message", "", "解密失败，请检查Wechatpay-Serial"
        ) from error
