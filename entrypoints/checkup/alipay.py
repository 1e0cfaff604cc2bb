"""One Alipay account: its keys, its certificates, and whether the gateway takes our word."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import httpx

from adapters.providers.alipay.config import CERTIFICATES, AlipayConfig
from adapters.providers.alipay.probe import (
    Question,
    ask_gateway,
    certificate_facts,
)
from entrypoints.checkup.finding import Check, Finding, Once, bad, good, look
from entrypoints.checkup.times import clock_finding, expiry_finding
from entrypoints.checkup.visiting import provider_finding

CONSOLE = "open.alipay.com, 开发设置, 接口加签方式"

#: What the probe says of an answer that the configured keys do not prove.
UNSIGNED = "not signed with the known keys"

#: What the gateway's refusals ask of a person, by the end of their sub_code.
MENDS = {
    "invalid-signature": f"private_key must be the other half of the key entered at {CONSOLE}",
    "missing-signature-config": f"enter the app's public key at {CONSOLE}",
    "invalid-app-id": "check app_id; with Alipay's own sandbox, base_url must be the sandbox's too",
    "invalid-app-state": "the app is not online: 提交审核 / 上线 at open.alipay.com",
    "not-online-app": "the app is not online: 提交审核 / 上线 at open.alipay.com",
    "invalid-timestamp": "set this machine's clock by NTP",
    "app-cert-expired": f"renew the app certificate at {CONSOLE}, and give it as app_certificate",
    "missing-app-cert-sn": "the app is in certificate mode: give app_certificate and the others",
    "invalid-alipay-root-cert-sn": "download alipay_root_certificate again",
    "insufficient-isv-permissions": "sign the product's contract (签约) for this app",
}


def alipay_checks(
    name: str, config: AlipayConfig, transport: httpx.AsyncBaseTransport
) -> Iterator[Check]:
    """Everything that can be found out about the account."""
    question = Once(lambda: ask_gateway(config, transport))

    yield Check(name, "keys", _loaded)
    if config.has_certificates:
        for setting in CERTIFICATES:
            yield Check(name, setting.replace("_", " "), _certificate(config, setting))
    yield Check(name, "gateway", question.judged(partial(_reached, config)))
    yield Check(name, "signature", question.judged(_acceptance))
    yield Check(name, "clock", question.judged(lambda asked: clock_finding(asked.skew)))


async def _loaded() -> Finding:
    """An account whose keys do not fit its certificates was refused before it came here."""
    return good("they load, and fit the certificates where there are any")


def _reached(config: AlipayConfig, asked: Question) -> Finding:
    return provider_finding(config.gateway_url, answers=asked.reached, said=asked.words)


def _acceptance(asked: Question) -> Finding:
    if asked.accepted:
        return good("Alipay takes our signature, and its own fits the configured key")
    if not asked.reached:
        return look("not asked: the gateway does not answer", "see the line above")
    told = " ".join(filter(None, [asked.code, asked.words]))
    for end, mend in MENDS.items():
        if asked.code.endswith(end):
            return bad(f"Alipay refuses: {asked.code}", mend)
    if asked.words == UNSIGNED:
        return bad(
            f"the answer ({asked.code}) is not signed with the configured key",
            f"give Alipay's public key (支付宝公钥), not the app's own, as shown at {CONSOLE}",
        )
    return bad(f"Alipay answers {told}", "look the code up at open.alipay.com, 公共错误码")


def _certificate(config: AlipayConfig, setting: str) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        now = datetime.now(UTC)
        facts = {each.setting: each for each in certificate_facts(config, at=now)}[setting]
        renew = f"download it again at {CONSOLE}"
        if not facts.fits and facts.ends_at > now:
            return bad(f"{setting} does not fit the others", renew)
        return expiry_finding(facts.ends_at, now=now, renew=renew)

    return run
