"""The configuration is read again while basepay runs; a bad one changes nothing."""

import asyncio
import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import httpx
import msgspec
import pytest

from adapters.clock import SystemClock
from adapters.providers.in_memory.provider import InMemoryProvider
from application.accounts import Accounts
from application.commands import NewPayment
from application.idempotency import Key
from application.ports import Account
from domain.errors import AccountRequired
from domain.method import Method, Provider
from domain.outcome import NotFound, Outcome
from entrypoints.bootstrap import running
from entrypoints.errors import SettingsError
from entrypoints.reload import NEED_A_RESTART, Reload, reloading
from entrypoints.roles import Role
from entrypoints.settings import Settings, check
from entrypoints.storage import upgrade_schema
from entrypoints.upkeep import upkeep_of
from tests.builders import NOON, a_payment
from tests.dev_process import ROOT
from tests.entrypoints.deployment import Deployment

LOG = "basepay.configuration"


class File:
    """A configuration that is whatever the test says, and who takes it."""

    def __init__(self) -> None:
        self.says: Settings | SettingsError = check({})
        self.taken: list[Settings] = []
        self.took = asyncio.Event()
        self.refuses: SettingsError | None = None

    def load(self) -> Settings:
        if isinstance(self.says, SettingsError):
            raise self.says
        return self.says

    async def follow(self, settings: Settings) -> None:
        if self.refuses:
            raise self.refuses
        self.taken.append(settings)
        self.took.set()

    def reload(self) -> Reload:
        return Reload(self.load(), load=self.load, follow=self.follow)


CHANGED = check({"public_url": "https://pay.example.com"})


def test_what_has_not_changed_is_left_alone(run):
    file = File()
    reload = file.reload()

    run(reload.look())
    run(reload.look(asked=True))

    assert file.taken == []


def test_a_change_is_taken_when_it_was_seen_twice(run):
    file = File()
    reload = file.reload()
    file.says = CHANGED

    run(reload.look())
    assert file.taken == []
    run(reload.look())
    run(reload.look())

    assert file.taken == [CHANGED]


def test_a_change_is_taken_at_once_when_somebody_asks(run):
    file = File()
    reload = file.reload()
    file.says = CHANGED

    run(reload.look(asked=True))

    assert file.taken == [CHANGED]


def test_a_bad_configuration_is_refused_with_its_reason_once(run, caplog):
    file = File()
    reload = file.reload()
    file.says = SettingsError("http.port: expected `int`")

    for _ in range(3):
        run(reload.look())

    assert file.taken == []
    refusals = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert refusals == ["configuration refused, the old one goes on: http.port: expected `int`"]
    run(reload.look(asked=True))
    assert len([record for record in caplog.records if record.name == LOG]) == 2


def test_keys_that_cant_be_read_are_refused_and_not_tried_over_and_over(run, caplog):
    file = File()
    reload = file.reload()
    file.says, file.refuses = CHANGED, SettingsError("accounts.x.private_key: expected …")

    for _ in range(4):
        run(reload.look())
    assert caplog.text.count("accounts.x.private_key") == 1

    file.refuses = None
    run(reload.look())
    assert file.taken == []
    run(reload.look(asked=True))
    assert file.taken == [CHANGED]


def test_a_mended_configuration_is_taken(run):
    file = File()
    reload = file.reload()
    file.says = SettingsError("not TOML")
    run(reload.look())
    file.says = CHANGED

    run(reload.look())
    run(reload.look())

    assert file.taken == [CHANGED]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("environment", "test"),
        ("number_prefix", "d2"),
        ("one_fen", True),
        ("database", {"url": "sqlite:///x"}),
        ("http", {"port": 1}),
    ],
)
def test_what_needs_a_restart_is_told(run, caplog, key, value):
    file = File()
    file.says = check({"environment": "dev"})
    reload = file.reload()
    file.says = check({"environment": "dev", key: value})

    run(reload.look(asked=True))
    run(reload.look(asked=True))

    assert caplog.text.count(f"{key} has changed and needs a restart") == 1


def test_the_list_of_what_needs_a_restart_names_settings():
    assert set(NEED_A_RESTART) <= set(Settings.__struct_fields__)


def test_a_hangup_signal_asks_for_it(run):
    file = File()

    async def hang_up() -> None:
        async with reloading(file.reload(), every=3600):
            file.says = CHANGED
            os.kill(os.getpid(), signal.SIGHUP)
            await file.took.wait()

    run(asyncio.wait_for(hang_up(), 60))

    assert file.taken == [CHANGED]


def test_a_broken_reader_does_not_end_the_watch(run, caplog):
    file, mistakes = File(), iter([ZeroDivisionError()])

    def load() -> Settings:
        if mistake := next(mistakes, None):
            raise mistake
        return CHANGED

    async def look_on() -> None:
        async with reloading(Reload(check({}), load=load, follow=file.follow), every=0.001):
            await file.took.wait()

    run(asyncio.wait_for(look_on(), 60))

    assert "can't be read again; the old one goes on" in caplog.text


# What follows when accounts change.


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a changed account to get ready."""
    monkeypatch.setattr("entrypoints.upkeep.GET_READY_SECONDS", 0.0)


def test_a_changed_account_gets_ready_before_it_is_used(run, deployment, sandbox_url, monkeypatch):
    """With no key of WeChat Pay in the files, the first answers could not be verified."""
    account = deployment.account("wechat-main")
    for key in ("public_key_id", "public_key_file", "platform_certificate_files"):
        del account[key]
    deployment.write()
    upgrade_schema(deployment.load())
    slow = {"kind": "latency", "seconds": 0.3, "operation": "certificates", "times": 2}
    httpx.post(f"{sandbox_url}/sandbox/faults", json=slow).raise_for_status()
    monkeypatch.setattr("entrypoints.upkeep.GET_READY_SECONDS", 4.0)

    async def rotate() -> set[type[Outcome]]:
        async with running(deployment.load()) as basepay:
            accounts, payment = basepay.configured.accounts, a_payment(payee=None)

            async def ask() -> type[Outcome]:
                await asyncio.sleep(0.02)
                return type(await accounts["wechat-main"].payments.query(payment))

            while await ask() is not NotFound:  # it has fetched them since the start
                pass
            account["app_ids"].pop("app")
            deployment.write()
            before = accounts["wechat-main"]
            change = asyncio.create_task(basepay.follow(deployment.load()))
            answers = {await ask() for _ in iter(change.done, True)}
            assert accounts["wechat-main"] is not before
            return answers | {await ask()}

    assert run(rotate()) == {NotFound}


def test_only_the_account_that_changed_is_made_anew(run, deployment):
    upgrade_schema(deployment.load())

    async def change_one() -> tuple[Account, Account, Accounts]:
        async with running(deployment.load()) as basepay:
            accounts = basepay.configured.accounts
            before = accounts["wechat-main"], accounts["alipay-main"]
            deployment.account("wechat-main")["serial_no"] = "AB12"
            deployment.write()
            await basepay.follow(deployment.load())
            return *before, accounts

    wechat, alipay, accounts = run(change_one())

    assert accounts["wechat-main"] is not wechat
    assert accounts["alipay-main"] is alipay


def test_a_secret_file_that_changed_makes_its_account_anew(run, deployment):
    upgrade_schema(deployment.load())

    async def change_a_secret() -> bool:
        async with running(deployment.load()) as basepay:
            before = basepay.configured.accounts["wechat-main"]
            deployment.secret("wechat-api_v3_key", "x" * 32)
            await basepay.follow(deployment.load())
            return basepay.configured.accounts["wechat-main"] is not before

    assert run(change_a_secret())


def test_one_bad_key_leaves_all_accounts_as_they_were(run, deployment):
    upgrade_schema(deployment.load())

    async def spoil_one() -> None:
        async with running(deployment.load()) as basepay:
            before = dict(basepay.configured.accounts)
            deployment.account("wechat-main")["serial_no"] = "AB12"
            deployment.secret("alipay-private_key", "not a key")
            deployment.write()
            with pytest.raises(SettingsError, match=r"accounts\.alipay-main\.private_key"):
                await basepay.follow(deployment.load())
            assert dict(basepay.configured.accounts) == before

    run(spoil_one())


def test_an_account_that_vanished_takes_no_new_payments(run, deployment, caplog):
    upgrade_schema(deployment.load())

    async def remove_one() -> None:
        async with running(deployment.load()) as basepay:
            accounts = basepay.configured.accounts
            before = accounts["alipay-main"]
            del deployment.raw["accounts"]["alipay-main"]
            deployment.write()
            await basepay.follow(deployment.load())
            assert accounts["alipay-main"] is before
            with pytest.raises(AccountRequired):
                accounts.for_payment("shop", Method.ALIPAY_QR)

    run(remove_one())

    assert "alipay-main is not configured any more" in caplog.text


def test_open_orders_of_an_account_that_is_not_configured_are_told(run, deployment, caplog):
    upgrade_schema(deployment.load())

    async def start_and_remove_one(*roles: Role) -> list[str]:
        caplog.clear()
        async with running(deployment.load(), roles=roles) as basepay:
            async with basepay.store.work() as work:
                for number, account in enumerate(("alipay-old", "alipay-main", "alipay-main")):
                    id = f"pay_{len(caplog.records)}{number}{roles[0]}"
                    work.payments.save(a_payment(id=id, account=account, next_check_at=NOON))
                await work.commit()
            at_start = told()
            caplog.clear()
            without_one = msgspec.structs.replace(deployment.load(), accounts={})
            await basepay.follow(without_one)
        return at_start + told()

    def told() -> list[str]:
        found = re.compile(r"account (\S+) is not .* about (\d+) open orders? .*configure it again")
        return [" ".join(m.groups()) for m in map(found.match, caplog.messages) if m]

    assert run(start_and_remove_one("worker")) == ["alipay-main 2", "alipay-old 1"]
    assert run(start_and_remove_one("api")) == []
    assert run(start_and_remove_one("worker", "api")) == [
        "alipay-old 2",
        "alipay-main 6",
        "alipay-old 3",
    ]


def test_another_merchant_cant_take_over_a_name(run, deployment):
    upgrade_schema(deployment.load())

    async def rename() -> None:
        async with running(deployment.load()) as basepay:
            deployment.account("wechat-main")["mchid"] = "1900000099"
            deployment.write()
            await basepay.follow(deployment.load())

    with pytest.raises(SettingsError, match="can't become 1900000099 while"):
        run(rename())


def test_an_account_that_comes_back_calls_back_to_the_present_address(run, deployment):
    upgrade_schema(deployment.load())
    tables = deployment.raw["accounts"]

    async def go_and_come() -> tuple[Account, Account, Account]:
        async with running(deployment.load()) as basepay:
            accounts = basepay.configured.accounts
            first, away = accounts["alipay-main"], tables.pop("alipay-main")
            deployment.write()
            await basepay.follow(deployment.load())
            tables["alipay-main"] = away
            deployment.write()
            await basepay.follow(deployment.load())
            unchanged = accounts["alipay-main"]
            del tables["alipay-main"]
            deployment.raw["public_url"] = "https://pay.example.com"
            deployment.write()
            await basepay.follow(deployment.load())
            tables["alipay-main"] = away
            deployment.write()
            await basepay.follow(deployment.load())
            return first, unchanged, accounts["alipay-main"]

    first, unchanged, moved = run(go_and_come())

    assert unchanged is first
    assert moved is not first


def test_policies_proofs_and_pages_follow(run, deployment):
    upgrade_schema(deployment.load())

    async def change() -> None:
        async with running(deployment.load()) as basepay:
            configured = basepay.configured
            apps, proofs = configured.wechat_apps, configured.mp_verify
            name = "MP_verify_0123456789abcdef.txt"
            deployment.raw["apps"] = {"shop": {"accounts": ["alipay-main"]}}
            deployment.raw["wechat"] = {"mp_verify": {name: "0123456789abcdef"}}
            deployment.account("wechat-main")["official_account"] = {
                "app_secret": "s",
                "domains": ["shop.example.com"],
            }
            deployment.write()
            await basepay.follow(deployment.load())
            assert proofs == {name: "0123456789abcdef"}
            assert apps["wechat-main"].domains == {"shop.example.com"}
            with pytest.raises(AccountRequired):
                configured.accounts.for_payment("shop", Method.WECHAT_NATIVE)

    run(change())


# The accounts' upkeep.


class Kept:
    """Counts how often its upkeep was started and cancelled."""

    def __init__(self) -> None:
        self.started = self.ended = 0

    async def __call__(self) -> None:
        self.started += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1


def kept_up(upkeep: Callable[[], Awaitable[None]] | None) -> Account:
    account = InMemoryProvider("wechat-main", Provider.WECHAT, SystemClock()).account()
    return dataclasses.replace(account, upkeep=upkeep)


def test_upkeep_runs_once_for_each_account_until_the_end(run):
    kept = Kept()
    accounts = [kept_up(kept), kept_up(None)]

    async def keep() -> None:
        async with upkeep_of(accounts) as upkeep:
            upkeep.follow(accounts)
            await asyncio.sleep(0)
            assert (kept.started, kept.ended) == (1, 0)

    run(keep())

    assert (kept.started, kept.ended) == (1, 1)


def test_upkeep_starts_anew_for_a_changed_account_and_ends_for_one_that_is_gone(run):
    old, new, gone = Kept(), Kept(), Kept()
    before = [kept_up(old), kept_up(gone)]

    async def keep() -> None:
        async with upkeep_of(before) as upkeep:
            await asyncio.sleep(0)
            upkeep.follow([kept_up(new)])
            while not new.started or not old.ended or not gone.ended:  # noqa: ASYNC110 -- few steps
                await asyncio.sleep(0)
            assert (old.started, old.ended, new.started, gone.ended) == (1, 1, 1, 1)

    run(asyncio.wait_for(keep(), 60))

    assert new.ended == 1


def test_upkeep_that_fails_starts_again(run, monkeypatch, caplog):
    monkeypatch.setattr("entrypoints.upkeep.REST", 0.0)
    tries, again = iter([RuntimeError("a mistake")]), asyncio.Event()

    async def fails_once() -> None:
        if error := next(tries, None):
            raise error
        again.set()
        await asyncio.Event().wait()

    async def keep() -> None:
        async with upkeep_of([kept_up(fails_once)]):
            await again.wait()

    run(asyncio.wait_for(keep(), 60))

    assert "a mistake" in caplog.text


# A running process.


def test_serve_takes_a_change_on_a_hangup_and_refuses_a_bad_one(deployment, free_port):
    deployment.raw["http"]["port"] = free_port
    deployment.write()
    upgrade_schema(deployment.load())
    command = [sys.executable, "-m", "entrypoints", "serve", "--config", str(deployment.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as serve:
        try:
            heard(serve, "listening on")
            deployment.raw["accounts"]["alipay-main"]["app_id"] = "not digits"
            hang_up(serve, deployment)
            heard(serve, "configuration refused, the old one goes on: accounts.alipay-main.app_id")
            del deployment.raw["accounts"]["alipay-main"]
            hang_up(serve, deployment)
            heard(serve, "account alipay-main is not configured any more")
            heard(serve, "the accounts are: wechat-main")
        finally:
            serve.terminate()
        assert serve.wait(60) == 0


def hang_up(serve: subprocess.Popen[str], deployment: Deployment) -> None:
    deployment.write()
    serve.send_signal(signal.SIGHUP)


def heard(serve: subprocess.Popen[str], words: str) -> None:
    """Read its log until these words come; the suite's time-out ends a vain wait."""
    assert serve.stderr is not None
    lines = []
    for line in serve.stderr:
        lines.append(line)
        if words in line:
            return
    pytest.fail(f"{words!r} was not heard:\n{''.join(lines)}")


def test_a_call_in_flight_ends_on_the_account_it_began_with(run, deployment, sandbox_url):
    upgrade_schema(deployment.load())
    fault = {"kind": "latency", "seconds": 2, "operation": "prepay", "provider": "wechat"}
    httpx.post(f"{sandbox_url}/sandbox/faults", json=fault).raise_for_status()

    async def change_during_a_call() -> int:
        async with running(deployment.load()) as basepay:
            key = Key("shop", "payments", "k1", "f")
            order = NewPayment(
                app="shop",
                order_no="SO-reload",
                amount=1999,
                subject="Tea",
                method=Method.WECHAT_NATIVE,
            )
            call = asyncio.create_task(basepay.app.create_payment(order, key))
            async with httpx.AsyncClient(base_url=sandbox_url, timeout=60) as sandbox:
                while (await sandbox.get("/sandbox/faults")).json():
                    pass  # it is used up once the call is at the provider
            assert not call.done()
            deployment.secret("wechat-api_v3_key", "x" * 32)
            await basepay.follow(deployment.load())
            return (await call).status

    assert run(change_during_a_call()) == 201
