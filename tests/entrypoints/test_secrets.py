"""No secret shows: not in what objects say of themselves, not in logs, not in what is refused."""

import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.http.app import create_http
from application.official_account_ports import AppKind
from application.records import Caller
from entrypoints.bootstrap import running
from entrypoints.doctor import run_doctor
from entrypoints.errors import SettingsError
from entrypoints.keys import add_key
from entrypoints.secret_files import SECRETS, inline_secrets, secret_files
from entrypoints.settings import load
from entrypoints.storage import upgrade_schema
from tests.entrypoints.deployment import Deployment

OURS = ("domain", "application", "adapters", "entrypoints")

#: Faults under which an adapter may want to quote what it sent or got.
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "bad_signature"},
    {"kind": "missing_signature"},
    {"kind": "unknown_serial", "provider": "wechat"},
    {"kind": "status", "status": 502},
    {"kind": "error", "provider": "wechat", "operation": "prepay", "code": "SIGN_ERROR"},
    {"kind": "error", "provider": "wechat", "operation": "official_account", "code": "40125"},
    {"kind": "cut_after_effect"},
)


@pytest.fixture
def kept(deployment: Deployment) -> Deployment:
    """A deployment in which every secret there is has been set."""
    account = deployment.account("wechat-main")
    credentials = httpx.get(f"{account['base_url']}/sandbox/credentials").json()
    secret = deployment.secret("app-secret", credentials["wechat"]["app_secret"])
    account["official_account"] = {"app_secret_file": secret, "domains": ["shop.example.com"]}
    account["mini_program"] = {"app_secret_file": secret}
    old_key = deployment.secret("old-api-v3-key", "the-api-v3-key-of-the-last-year!")
    account["previous_api_v3_key_file"] = old_key
    deployment.raw["wechat"] = {"base_url": account["base_url"]}
    word = deployment.secret("database-password", "the-word-that-opens-the-database")
    deployment.raw["database"]["password_file"] = word
    keys = {"seal_key": b"k" * 32, "previous_seal_key": b"o" * 32}
    deployment.raw["webhooks"] = {
        f"{name}_file": deployment.secret(name, b64encode(key).decode())
        for name, key in keys.items()
    }
    deployment.write()
    upgrade_schema(deployment.load())
    return deployment


def markers(kept: Deployment) -> set[str]:
    """Every secret that the deployment names, keys line by line."""
    files = {kept.directory / name for name in secret_files(kept.raw)}
    lines = [line for file in files for line in file.read_text().splitlines()]
    return {line for line in lines if len(line) >= 16 and not line.startswith("-----")}


def shown(marks: Iterable[str], text: str) -> list[str]:
    return [mark[:6] + "…" for mark in marks if mark in text]


def ours_within(*roots: Any) -> Iterator[Any]:
    """Every object of our own packages that can be reached from these."""
    waiting, seen = list(roots), set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif type(each).__module__.partition(".")[0] in OURS:
            yield each
            slots = (getattr(kind, "__slots__", ()) for kind in type(each).__mro__)
            names = {*getattr(each, "__dict__", ()), *(name for some in slots for name in some)}
            waiting += (getattr(each, name, None) for name in names)


def test_every_secret_there_is_was_set(kept):
    assert {name.removesuffix("_file") for name in _keys(kept.raw)} >= set(SECRETS)
    assert len(markers(kept)) > 2 * 20  # two keys of some 25 lines, and four short secrets


def test_what_objects_say_of_themselves_tells_no_secret(run, kept):
    marks, settings = markers(kept), kept.load()

    async def telling() -> list[str]:
        async with running(settings) as basepay:
            return [repr(each) for each in ours_within(settings, basepay)]

    told = run(telling())

    assert len(told) > 50  # it did go through settings, accounts, keys, clients and use cases
    assert shown(marks, "\n".join(told)) == []


def test_logs_and_answers_tell_no_secret_whatever_goes_wrong(run, kept, sandbox_url, caplog):
    marks = markers(kept)

    async def unlucky_day() -> tuple[str, list[str]]:
        async with running(kept.load()) as basepay:
            now = datetime.now(UTC)
            key = await add_key(basepay.store.directory, Caller("shop"), now)
            http: Any = create_http(basepay.app)  # httpx and Litestar spell ASGI differently
            answers = []
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(http), base_url="http://basepay"
            ) as shop:
                for number, fault in enumerate(FAULTS):
                    await _arm(sandbox_url, fault)
                    answers += [await _order(shop, key, f"{number}-{m}", m) for m in METHODS]
                    answers += [await _forged(shop, account) for account in ACCOUNTS]
                    answers.append(await _openid(basepay))
                await _arm(sandbox_url, None)
            return key, answers

    with caplog.at_level(logging.DEBUG):
        key, answers = run(unlucky_day())

    ours = [each for each in caplog.records if each.name != SIMULATORS_OWN]
    logged = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "DEBUG" in {record.levelname for record in caplog.records}
    assert "refused" in logged
    assert shown({*marks, key}, logged) == []
    assert shown({*marks, key}, "\n".join(answers)) == []


#: The simulators' server in this test writes down every address that it is asked for.
SIMULATORS_OWN = "uvicorn.access"

METHODS = ("wechat_native", "alipay_qr", "alipay_page", "wechat_app")
ACCOUNTS = ("wechat/wechat-main", "alipay/alipay-main")


async def _arm(sandbox_url: str, fault: dict[str, Any] | None) -> None:
    async with httpx.AsyncClient(base_url=sandbox_url) as tester:
        await tester.delete("/sandbox/faults")
        if fault is not None:
            armed = await tester.post("/sandbox/faults", json={"times": None, **fault})
            armed.raise_for_status()


async def _order(shop: httpx.AsyncClient, key: str, number: str, method: str) -> str:
    head = {"Authorization": f"Bearer {key}", "Idempotency-Key": number}
    body = {"order_no": f"SO-{number}", "amount": 1999, "subject": "Tea", "method": method}
    return (await shop.post("/v1/payments", json=body, headers=head)).text


async def _forged(shop: httpx.AsyncClient, account: str) -> str:
    return (await shop.post(f"/callbacks/{account}", content=b'{"id":"x"}')).text


async def _openid(basepay: Any) -> str:
    try:
        return str(
            await basepay.app.payer_logins.openid(
                Caller("shop"), account=None, app=AppKind.OFFICIAL_ACCOUNT, code="a-code"
            )
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked through
        return f"{error!r} {error}"


@pytest.mark.parametrize("spoil", ["cut", "doubled", "reversed"])
def test_a_spoiled_secret_is_refused_without_being_quoted(run, kept, spoil, caplog):
    marks, refused = markers(kept), []
    for name in set(secret_files(kept.raw)):
        whole = (kept.directory / name).read_text()
        spoiled = {"cut": whole[: len(whole) // 2], "doubled": whole * 2, "reversed": whole[::-1]}
        kept.secret(name, spoiled[spoil])

        async def start() -> None:
            async with running(kept.load()):
                pass

        try:
            run(start())
        except SettingsError as error:
            refused.append(f"{error} {error!r} {error.__context__}")
        kept.secret(name, whole)

    told = "\n".join(refused) + caplog.text
    assert len(refused) >= 2  # the private keys at least
    assert "accounts.wechat-main.private_key" in told
    assert shown({*marks, *(mark[::-1] for mark in marks)}, told) == []


def test_a_secret_in_the_wrong_place_is_refused_without_being_quoted(kept):
    mark = "a-secret-that-stands-in-a-wrong-place"
    for variable in ("NUMBER_PREFIX", "HTTP__PORT", "DATABASE__URL", "PUBLIC_URL"):
        with pytest.raises(SettingsError) as refused:
            load(kept.path, {f"BASEPAY_{variable}": mark})

        assert shown([mark], f"{refused.value} {refused.value!r}") == []


def test_the_doctor_quotes_no_secret(run, kept, capsys, arm_all):
    marks = markers(kept)

    for as_json in (False, True):
        run(run_doctor(kept.path, as_json=as_json))

    assert shown(marks, capsys.readouterr().out) == []


@pytest.fixture(params=[*FAULTS, None], ids=lambda fault: fault["kind"] if fault else "sound")
def arm_all(request, run, sandbox_url):
    """Arm one fault for every call, until the test ends."""
    run(_arm(sandbox_url, request.param))
    yield
    run(_arm(sandbox_url, None))


def test_an_inline_secret_is_found_wherever_it_stands():
    raw = {"a": {"private_key": "x", "b": {"app_secret": "y", "app_secret_file": "z"}}}

    assert list(inline_secrets(raw)) == [("a", "private_key"), ("a", "b", "app_secret")]


def _keys(raw: dict[str, Any]) -> Iterator[str]:
    for key, value in raw.items():
        yield key
        if isinstance(value, dict):
            yield from _keys(value)
