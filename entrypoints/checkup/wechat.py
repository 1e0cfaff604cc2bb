"""One WeChat Pay account: keys, certificates, whether our word is taken, app ids."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import httpx

from adapters.clock import SystemClock
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.keys import read_certificate
from adapters.providers.wechat_pay.probe import (
    AppIdKind,
    Knock,
    Line,
    binding,
    compare_keys,
    knock,
    open_line,
)
from domain.outcome import Unknown
from entrypoints.checkup.finding import Check, Finding, Once, bad, good, look
from entrypoints.checkup.times import clock_finding, expiry_finding
from entrypoints.checkup.visiting import provider_finding

SECURITY = "pay.weixin.qq.com, 账户中心, API安全"
BINDINGS = "pay.weixin.qq.com, 产品中心, AppID账号管理"

#: What refusals ask of a person, by their code without its underscores.
MENDS = {
    "SIGNERROR": "private_key and serial_no must be of the API certificate of this mchid, "
    f"see {SECURITY}; and the clock must be right",
    "MCHNOTEXISTS": "check mchid",
    "NOAUTH": f"the merchant may not do this: see {SECURITY} and 产品中心",
}

SKIPPED = look("not asked: WeChat Pay does not take our signature", "see the lines above")


def wechat_checks(
    name: str,
    config: WeChatPayConfig,
    transport: httpx.AsyncBaseTransport,
    *,
    certificate: str | None,
) -> Iterator[Check]:
    """Everything that can be found out about the account. `certificate`: our own, if given."""
    line = open_line(config, transport, SystemClock())
    knocked = Once(lambda: knock(line))

    yield Check(name, "keys", _keys(config, certificate))
    if certificate:
        yield Check(name, "API certificate", _own_certificate(certificate))
    if config.platform_certificates:
        yield Check(name, "platform certificates", _platform_certificates(config))
    yield Check(name, "gateway", knocked.judged(partial(_reached, config)))
    yield Check(name, "signature", knocked.judged(_acceptance))
    yield Check(name, "WeChat Pay's key", knocked.judged(partial(_proof, line)))
    yield Check(name, "clock", knocked.judged(lambda asked: clock_finding(asked.clock_skew)))
    yield Check(name, "APIv3 key", _seal(line, knocked))
    for kind in ("official_account", "mini_program", "app"):
        if getattr(config.app_ids, kind) is not None:
            yield Check(name, f"app id, {kind}", _binding(line, kind, knocked))


def _keys(config: WeChatPayConfig, certificate: str | None) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        if certificate is None:
            return good("they load (with certificate_file they would be compared, too)")
        match = compare_keys(config.private_key, certificate, config.serial_no)
        if not match.key_fits:
            return bad(
                "private_key is not the certificate's",
                "give apiclient_key.pem and apiclient_cert.pem of the same download",
            )
        if not match.serial_fits:
            return bad("serial_no is not the certificate's", f"copy the serial shown at {SECURITY}")
        return good("private key, certificate and serial belong together")

    return run


def _own_certificate(text: str) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        ends_at = read_certificate(text).expires_at
        return expiry_finding(ends_at, now=datetime.now(UTC), renew=f"renew it at {SECURITY}")

    return run


def _platform_certificates(config: WeChatPayConfig) -> Callable[[], Awaitable[Finding]]:
    """Those of the file. Newer ones are fetched while basepay runs, so one that lives is enough."""

    async def run() -> Finding:
        ends_at = max(read_certificate(text).expires_at for text in config.platform_certificates)
        renew = f"download them again, or the public key, at {SECURITY}"
        return expiry_finding(ends_at, now=datetime.now(UTC), renew=renew)

    return run


def _reached(config: WeChatPayConfig, asked: Knock) -> Finding:
    return provider_finding(config.base_url, answers=asked.answered, said=asked.said)


def _acceptance(asked: Knock) -> Finding:
    if asked.accepted:
        return good("WeChat Pay takes it: mchid, key and serial fit")
    if not asked.answered:
        return look("not asked: WeChat Pay does not answer", "see the line above")
    for code, mend in MENDS.items():
        if code in asked.said:
            return bad(f"WeChat Pay refuses: {asked.said}", mend)
    return bad(f"WeChat Pay answers {asked.said}", "ask its support with this request id")


def _proof(line: Line, asked: Knock) -> Finding:
    """Whether what it answers is signed by a key we believe."""
    if not asked.answered:
        return look("not asked: WeChat Pay does not answer", "see the lines above")
    if asked.genuine:
        return good(f"its answers are proven by {line.keys.preferred}")
    if not line.keys.preferred:
        return bad(
            "there is no key of WeChat Pay's to check its answers with",
            f"give public_key_file and public_key_id from {SECURITY}",
        )
    return bad(
        f"its answers are not proven: {asked.said}",
        f"compare public_key, public_key_id and platform certificates with {SECURITY}",
    )


def _seal(line: Line, knocked: Once[Knock]) -> Callable[[], Awaitable[Finding]]:
    """The list of certificates is sealed with the APIv3 key, as callbacks are."""

    async def run() -> Finding:
        if not (await knocked()).accepted:
            return SKIPPED
        answer = await line.client.call("GET", "/v3/certificates")
        if isinstance(answer, Unknown):
            return look(f"not tried: {answer.reason}", "ask again later")
        if answer.status == 404:
            return look(
                "can't be tried: this merchant has no platform certificates",
                f"compare it with {SECURITY}, or pay 1 fen and see it succeed by callback",
            )
        if await line.certificates.fetch():
            return good("it opens what WeChat Pay seals")
        return bad("it does not open what WeChat Pay seals", f"set it anew at {SECURITY}, and here")

    return run


def _binding(line: Line, kind: AppIdKind, knocked: Once[Knock]) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        if not (await knocked()).accepted:
            return SKIPPED
        found = await binding(line, kind)
        if found.bound:
            return good(f"{found.app_id} is bound to {line.config.mchid}")
        if found.bound is False:
            return bad(
                f"{found.app_id} is not bound to {line.config.mchid}",
                f"bind it at {BINDINGS}, and confirm on the app id's side",
            )
        return look(f"{found.app_id}: WeChat Pay answers {found.said}", f"see {BINDINGS}")

    return run
