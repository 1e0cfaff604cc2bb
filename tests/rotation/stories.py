"""How keys are changed: what the provider does, what the operator does, and trade in between."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.rotation.shops import Shops
from tests.rotation.stack import (
    Stack,
    Table,
    by_certificates,
    by_files,
    by_key,
    by_public_key,
)

#: Callbacks that must come between two steps; more make the proof longer.
BETWEEN = int(os.environ.get("PROOF_ROTATION_CALLBACKS", "6"))


async def wechat_pays_certificate(stack: Stack, shops: Shops) -> None:
    """Listed a day before it signs, and asked for hourly: nobody has to do anything."""
    await shops.trade("wechat", BETWEEN)
    await stack.turn("wechat", "announce_certificate")
    await shops.night(hours=1, minutes=1)
    await stack.hears("platform certificates learned")
    for step in ("sign_with_new_certificate", "retire_old_certificate"):
        await stack.turn("wechat", step)
        await shops.trade("wechat", BETWEEN)
    # The file still holds the old one, and an account that is made anew starts from the file.
    await stack.reconfigure("wechat", store_out_id="another-store")
    await shops.trade("wechat", BETWEEN)


async def wechat_pays_public_key(stack: Stack, shops: Shops) -> None:
    """The operator enters the public key first, then starts the move on the merchant platform."""
    told = await stack.credentials("wechat")
    await stack.reconfigure(
        "wechat", public_key_id=told["public_key_id"], public_key=told["public_key"]
    )
    await shops.trade("wechat", BETWEEN)
    await stack.turn("wechat", "start_public_key")
    for _ in range(3):  # a growing share of callbacks, all of them after a week
        await shops.trade("wechat", BETWEEN)
        await shops.night(days=3)
    await stack.turn("wechat", "finish_public_key")
    await shops.trade("wechat", BETWEEN)
    await shops.night(hours=2)  # asks for certificates, and hears that there are none
    await stack.reconfigure("wechat", platform_certificates=None)
    await shops.trade("wechat", BETWEEN)


async def alipays_key(stack: Stack, shops: Shops) -> None:
    """Both keys are entered before Alipay changes over, in either order; the old one goes later."""
    for new, old in (
        ("alipay_public_key", "previous_alipay_public_key"),
        ("previous_alipay_public_key", "alipay_public_key"),
    ):
        await stack.turn("alipay", "announce_certificate")
        told = await stack.credentials("alipay")
        both = {new: told["next_alipay_public_key"], old: told["alipay_public_key"]}
        await stack.reconfigure("alipay", **both)
        await _alipay_changes_over(stack, shops)
        await stack.reconfigure(
            "alipay",
            alipay_public_key=told["next_alipay_public_key"],
            previous_alipay_public_key=None,
        )
        await shops.trade("alipay", BETWEEN)


async def alipays_certificate(stack: Stack, shops: Shops) -> None:
    """A certificate for a new key is entered beside the old one before Alipay changes over.

    As the second, which is harder: entered as the first, it makes the client ask for the old one.
    """
    await stack.turn("alipay", "announce_certificate")
    told = await stack.credentials("alipay")
    new = told["next_alipay_certificate"]
    await stack.reconfigure("alipay", previous_alipay_certificate=new)
    await _alipay_changes_over(stack, shops)
    await stack.reconfigure("alipay", alipay_certificate=new, previous_alipay_certificate=None)
    await shops.trade("alipay", BETWEEN)


async def alipays_certificate_issued_again(stack: Stack, shops: Shops) -> None:
    """The usual case, every five years: the key stays, and nobody has to do anything."""
    await shops.trade("alipay", BETWEEN)
    await stack.turn("alipay", "reissue_certificate")
    await shops.trade("alipay", BETWEEN)
    await stack.turn("alipay", "retire_old_certificate")
    await shops.trade("alipay", BETWEEN)


async def from_keys_to_certificates(stack: Stack, shops: Shops) -> None:
    """An app that goes by Alipay's public key changes to the three files."""
    told = await stack.credentials("alipay")
    files = ("app_certificate", "alipay_certificate", "alipay_root_certificate")
    await shops.trade("alipay", BETWEEN)
    await stack.reconfigure("alipay", **{key: told[key] for key in files})
    await shops.trade("alipay", BETWEEN)
    await stack.reconfigure("alipay", alipay_public_key=None)
    await shops.trade("alipay", BETWEEN)


async def alipays_certificate_unannounced(stack: Stack, shops: Shops) -> None:
    """Nobody entered the certificate of the new key: answers bring it along."""
    await stack.turn("alipay", "announce_certificate")
    await _alipay_changes_over(stack, shops)


async def alipays_key_unannounced(stack: Stack, shops: Shops) -> None:
    """Nobody entered the new key, and Alipay signs with it: the operator is late."""
    await stack.turn("alipay", "announce_certificate")
    told = await stack.credentials("alipay")
    await _alipay_changes_over(stack, shops)
    await stack.reconfigure("alipay", alipay_public_key=told["next_alipay_public_key"])
    await shops.trade("alipay", BETWEEN)


async def our_certificate_at_wechat_pay(stack: Stack, shops: Shops) -> None:
    """WeChat Pay takes both for a while, so the new one is entered, then the old one revoked."""
    await shops.trade("wechat", BETWEEN)
    await stack.turn_own("wechat", "issue_certificate")
    told = await stack.credentials("wechat")
    own = ("serial_no", "private_key")
    await stack.reconfigure("wechat", **{key: told[f"next_{key}"] for key in own})
    await shops.trade("wechat", BETWEEN)
    await stack.turn_own("wechat", "revoke_old_certificate")
    await shops.trade("wechat", BETWEEN)


async def our_api_v3_key(stack: Stack, shops: Shops) -> None:
    """Both are entered before the change on the merchant platform; the old one goes later."""
    told = await stack.credentials("wechat")
    await stack.reconfigure(
        "wechat", api_v3_key=told["next_api_v3_key"], previous_api_v3_key=told["api_v3_key"]
    )
    await shops.trade("wechat", BETWEEN)
    await stack.turn_own("wechat", "change_api_v3_key")
    await shops.trade("wechat", BETWEEN)
    await stack.reconfigure("wechat", previous_api_v3_key=None)
    await shops.trade("wechat", BETWEEN)


async def _alipay_changes_over(stack: Stack, shops: Shops) -> None:
    for step in ("sign_with_new_certificate", "retire_old_certificate"):
        await shops.trade("alipay", BETWEEN)
        await stack.turn("alipay", step)
    await shops.trade("alipay", BETWEEN)


@dataclass(frozen=True)
class Story:
    """What happens, and to which accounts."""

    tell: Callable[[Stack, Shops], Awaitable[None]]
    wechat: Table = by_public_key
    alipay: Table = by_key


#: Nothing genuine may be refused in these, and no call may fail.
SEAMLESS = {
    "wechat_certificate": Story(wechat_pays_certificate, wechat=by_certificates),
    "wechat_public_key": Story(wechat_pays_public_key, wechat=by_certificates),
    "our_wechat_certificate": Story(our_certificate_at_wechat_pay),
    "our_api_v3_key": Story(our_api_v3_key, wechat=by_certificates),
    "alipay_key": Story(alipays_key),
    "alipay_certificate": Story(alipays_certificate, alipay=by_files),
    "alipay_reissued": Story(alipays_certificate_issued_again, alipay=by_files),
    "alipay_to_files": Story(from_keys_to_certificates),
}
