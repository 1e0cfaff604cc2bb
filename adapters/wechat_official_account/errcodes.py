"""What WeChat's error numbers mean to us. Source: «全局返回码», MAPPING.md §2."""

import logging
import re

from application.official_account_ports import (
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)

log = logging.getLogger("basepay.wechat")

#: The access token is not taken any more: fetch another, repeat once.
STALE_TOKEN = frozenset({40001, 40014, 42001})

#: The login must be started again.
CODE = frozenset({40029, 40163, 42002, 42003})

#: It is this payer whom WeChat keeps out.
PAYER = frozenset({40003, 40226, 50002})

#: What passes by itself, and when to come back: seconds.
LATER: dict[int, int] = {-1: 1, 45009: 3600, 45011: 60}

#: What operators have to set right. 40001 comes here only where no token was sent.
MENDS: dict[int, str] = {
    40001: "the AppSecret is wrong or was reset; configure the present one",
    40013: "there is no such app id; check the app id",
    40125: "the AppSecret is wrong or was reset; configure the present one",
    40164: "add {address} to the IP whitelist of the app id (基本配置, IP白名单)",
    40243: "the AppSecret is frozen; unfreeze it (基本配置, AppSecret)",
    48001: "the account has no right to this call; it must be a verified service account (服务号)",
    50001: "the account has no right to this call; it must be a verified service account (服务号)",
    89501: "an administrator of the app id must confirm calls from {address}",
    89503: "an administrator of the app id must confirm calls from {address}",
    89506: "an administrator of the app id refused calls from {address}; ask them to allow it",
    89507: "an administrator of the app id refused calls from {address}; ask them to allow it",
}

IP = re.compile(r"invalid ip ([0-9a-fA-F.:]+)")
RID = re.compile(r"rid: ?([0-9a-zA-Z-]{1,64})")


class Refused(Exception):
    """An error number. WeChat's own text stays out: it may quote what was sent."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        self.errcode = errcode
        address, request_id = IP.search(errmsg), RID.search(errmsg)
        self.address = address[1] if address else "the public address of this machine"
        self.request_id = request_id[1] if request_id else "-"
        super().__init__(f"errcode {errcode}, rid {self.request_id}")


class AskedWrongly(Exception):
    """WeChat says that our request is malformed: that is a bug here."""


def meaning(refused: Refused, app_id: str) -> Exception:
    """Say in our words what WeChat refused to this app id."""
    errcode = refused.errcode
    if errcode in CODE:
        return WeChatCodeInvalid(app_id)
    if errcode in PAYER:
        return WeChatPayerRefused(f"WeChat does not let this payer use {app_id} ({errcode}).")
    log.error("WeChat refuses %s: %s", app_id, refused)
    if errcode in MENDS:
        mend = MENDS[errcode].format(address=refused.address)
        return WeChatMisconfigured(app_id, mend, errcode=errcode)
    if errcode in LATER:
        return WeChatUnavailable(
            f"WeChat asks us to wait ({errcode})", retry_after_seconds=LATER[errcode]
        )
    if 40000 <= errcode < 44000:
        return AskedWrongly(str(refused))
    return WeChatUnavailable(f"WeChat answers errcode {errcode}")
