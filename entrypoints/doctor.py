"""`basepay doctor`: everything that can be wrong before the first payment, one line a check."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

from adapters.clock import SystemClock
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from adapters.providers.transport import AiohttpTransport
from application.shared import Shared
from entrypoints.account_makers import (
    Made,
    Outside,
    alipay_config,
    make,
    pages_config,
    wechat_config,
)
from entrypoints.account_settings import AlipayAccount
from entrypoints.checkup.alipay import alipay_checks
from entrypoints.checkup.callbacks import callback_checks
from entrypoints.checkup.database import database_checks, known_apps
from entrypoints.checkup.deployment import configuration_check, secret_files_check
from entrypoints.checkup.finding import Check, Finding, State, bad, good
from entrypoints.checkup.nats import nats_checks
from entrypoints.checkup.pages import pages_checks
from entrypoints.checkup.redis import redis_checks
from entrypoints.checkup.webhooks import webhook_checks
from entrypoints.checkup.wechat import wechat_checks
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings, load
from entrypoints.telling import tell

SIGNS = {State.GOOD: "✓", State.LOOK: "!", State.BAD: "✗"}


async def run_doctor(path: Path, *, as_json: bool) -> int:
    """Tell each finding as it is made; the exit code is 1 if anything is bad."""
    async with AsyncExitStack() as stack:
        transport = AiohttpTransport()
        stack.push_async_callback(transport.aclose)
        checks = list(checks_of(path, transport))
        findings = await _asked(checks, tell_each=not as_json)
    worst = any(finding.state is State.BAD for finding in findings)
    tell(_as_json(checks, findings) if as_json else _summary(findings))
    return 1 if worst else 0


def checks_of(path: Path, transport: AiohttpTransport) -> Iterator[Check]:
    """What can be asked; without a readable configuration that is little."""
    yield configuration_check(path)
    try:
        settings = load(path)
    except SettingsError:
        rest = _settings_without_accounts(path)
        if rest is not None:
            yield from database_checks(rest, with_accounts=False)
            yield from _platform_checks(rest)
        return
    yield secret_files_check(path)
    yield from database_checks(settings)
    yield from _platform_checks(settings)
    yield from webhook_checks(settings)
    clock = SystemClock()
    shared = Shared(tokens=InProcessTokens(clock), locks=InProcessLocks(), clock=clock)
    outside, made = Outside(transport, clock, shared), dict[str, Made]()
    for name in settings.accounts:
        try:
            made[name] = make(name, settings, outside)
        except SettingsError as error:
            yield _unmade(name, error)
    yield from callback_checks(settings, {n: m.account for n, m in made.items()}, transport)
    for name, each in made.items():
        yield from _account_checks(name, each, settings, transport)


def _platform_checks(settings: Settings) -> Iterator[Check]:
    yield from redis_checks(settings.redis)
    yield from nats_checks(settings.nats, partial(known_apps, settings))


def _account_checks(
    name: str, made: Made, settings: Settings, transport: AiohttpTransport
) -> Iterator[Check]:
    account = made.settings
    yield Check(name, "methods", partial(_methods, made))
    if isinstance(account, AlipayAccount):
        yield from alipay_checks(name, alipay_config(name, account, settings.public_url), transport)
        return
    config = wechat_config(name, account, settings.public_url)
    yield from wechat_checks(name, config, transport, certificate=account.certificate)
    if made.wechat is not None:
        pages = pages_config(name, account, settings)
        yield from pages_checks(name, made.wechat, pages, settings, transport)


async def _methods(made: Made) -> Finding:
    """What its app ids and stores make possible; contracts are the provider's to know."""
    offered = sorted(made.account.methods)
    if not offered:
        return bad("it offers none", "give the app ids under app_ids")
    return good(f"it offers {', '.join(offered)}")


def _settings_without_accounts(path: Path) -> Settings | None:
    try:
        return load(path, with_accounts=False)
    except SettingsError:
        return None


def _unmade(name: str, error: SettingsError) -> Check:
    async def run() -> Finding:
        return bad(str(error), "mend this key, then ask the doctor again")

    return Check(name, "keys", run)


async def _asked(checks: Sequence[Check], *, tell_each: bool) -> list[Finding]:
    """All at once, told in order: a silent provider holds up only its own lines."""
    asked = [asyncio.ensure_future(check()) for check in checks]
    width = max(len(check.about) for check in checks)
    findings = []
    for check, future in zip(checks, asked, strict=True):
        findings.append(await future)
        if tell_each:
            tell(_line(check, findings[-1], width))
    return findings


def _line(check: Check, finding: Finding, width: int) -> str:
    mend = f" → {finding.mend}" if finding.mend else ""
    return f"{SIGNS[finding.state]} {check.about:{width}}  {check.title}: {finding.words}{mend}"


def _summary(findings: Sequence[Finding]) -> str:
    counts = {state: sum(each.state is state for each in findings) for state in State}
    return (
        f"\n{counts[State.GOOD]} well, {counts[State.LOOK]} to look at, {counts[State.BAD]} to mend"
    )


def _as_json(checks: Sequence[Check], findings: Sequence[Finding]) -> str:
    rows = [
        {"about": check.about, "title": check.title, **asdict(finding)}
        for check, finding in zip(checks, findings, strict=True)
    ]
    healthy = all(finding.state is not State.BAD for finding in findings)
    return json.dumps({"healthy": healthy, "checks": rows}, ensure_ascii=False, indent=2)
