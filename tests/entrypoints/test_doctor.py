"""The doctor finds a healthy deployment well, and names each way of being ill with its mend."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from litestar import Litestar, Response, get

from adapters.http.app import create_http
from adapters.providers.transport import AiohttpTransport
from entrypoints import cli
from entrypoints.bootstrap import running
from entrypoints.checkup.callbacks import _shape
from entrypoints.checkup.finding import Check, Finding, good
from entrypoints.checkup.pages import _proof
from entrypoints.checkup.times import clock_finding, expiry_finding
from entrypoints.doctor import _asked, run_doctor
from entrypoints.serving import bind, serving
from entrypoints.settings import check
from entrypoints.storage import upgrade_schema
from tests.adapters.providers.conftest import served
from tests.entrypoints.deployment import Deployment
from tests.entrypoints.examining import BAD, GOOD, LOOK, Findings, examine, wrong

PROBLEM = "application/problem+json"
PROOF = "MP_verify_0123456789abcdef.txt"


@pytest.fixture(scope="module")
def strange_key() -> dict[str, str]:
    """A key pair that belongs to nobody here."""
    key = generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"private": private.decode(), "public": public.decode()}


@pytest.fixture
def ill(deployment: Deployment) -> Deployment:
    """A sound deployment with a 公众号, to be made ill; nothing is served at its public_url."""
    upgrade_schema(deployment.load())
    for file in deployment.directory.iterdir():
        file.chmod(0o600)
    with_pages(deployment)
    return deployment


@pytest.fixture
def arm(sandbox_url: str) -> Iterator[Callable[..., None]]:
    """Arm a fault of the simulators until the test ends."""

    def arm(**fault: Any) -> None:
        url = f"{sandbox_url}/sandbox/faults"
        httpx.post(url, json={"times": None, **fault}).raise_for_status()

    yield arm
    httpx.delete(f"{sandbox_url}/sandbox/faults").raise_for_status()


def with_pages(deployment: Deployment) -> None:
    account = deployment.account("wechat-main")
    url = account["base_url"]
    secret = httpx.get(f"{url}/sandbox/credentials").json()["wechat"]["app_secret"]
    account["official_account"] = {"app_secret": secret, "domains": ["127.0.0.1"]}
    account["mini_program"] = {"app_secret": secret}
    deployment.raw["wechat"] = {"base_url": url, "mp_verify": {PROOF: "0123456789abcdef"}}
    deployment.write()


# A healthy one.


def test_a_healthy_deployment_is_well_but_for_what_only_a_person_can_see(run, ill):
    listener = bind(0)
    ill.raw["public_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ill.write()

    async def healthy() -> Findings:
        async with running(ill.load()) as basepay, serving(create_http(basepay.app), listener):
            return await examine(ill)

    findings = run(healthy())

    assert wrong(findings) == set()
    assert wrong(findings, LOOK) == {
        ("public_url", "shape"),  # plain http on a loopback
        ("wechat-main", "proof on 127.0.0.1"),  # port 80 of this machine
        ("wechat-main", "OAuth and JS domain"),
        ("wechat-main", "payment directory"),
    }
    assert len(wrong(findings, GOOD)) > 20


def test_every_finding_that_is_not_good_has_a_mend(run, ill):
    findings = run(examine(ill))

    assert all(finding.mend for finding in findings.values() if finding.state is not GOOD)


# The deployment itself.


def test_a_missing_secret_is_named_and_the_database_still_looked_at(run, ill):
    (ill.directory / "wechat-private_key").unlink()

    findings = run(examine(ill))

    assert wrong(findings) == {("configuration", "complete")}
    assert "wechat-main.private_key_file" in findings["configuration", "complete"].words
    assert findings["database", "schema"].state is GOOD


def test_a_key_that_cant_be_read_does_not_hide_the_other_account(run, ill):
    ill.secret("wechat-private_key", "not a key")

    findings = run(examine(ill))

    assert wrong(findings) == {("wechat-main", "keys")}
    assert "accounts.wechat-main.private_key" in findings["wechat-main", "keys"].words
    assert findings["alipay-main", "signature"].state is GOOD


def test_secrets_that_others_can_read_are_named(run, ill):
    (ill.directory / "wechat-api_v3_key").chmod(0o644)

    finding = run(examine(ill))["configuration", "secret files"]

    assert finding.state is LOOK
    assert "wechat-api_v3_key" in finding.mend
    assert "private_key" not in finding.mend


def test_a_database_without_its_schema_is_named_with_the_command(run, deployment):
    finding = run(examine(deployment))["database", "schema"]

    assert finding.state is BAD
    assert "basepay migrate" in finding.mend


def test_plain_http_to_a_provider_is_told_in_production(run, ill):
    ill.raw["environment"] = "production"
    secret = ill.account("wechat-main")["official_account"].pop("app_secret")
    del ill.account("wechat-main")["mini_program"]
    ill.account("wechat-main")["official_account"]["app_secret_file"] = ill.secret("s", secret)

    finding = run(examine(ill))["configuration", "complete"]

    assert finding.state is LOOK
    assert "wechat-main, alipay-main: base_url is not https" in finding.words


def test_what_each_account_offers_is_told(run, ill):
    ill.account("wechat-main")["app_ids"] = {"app": "wx3333333333333333"}
    del ill.account("wechat-main")["official_account"]
    del ill.account("wechat-main")["mini_program"]

    assert run(examine(ill))["wechat-main", "methods"] == good("it offers wechat_app")


# Callbacks.


@pytest.mark.parametrize(
    ("url", "environment", "state", "said"),
    [
        ("https://pay.example.com", "production", GOOD, "https, a public host"),
        ("https://pay.example.com:8443", "production", LOOK, "port 8443"),
        ("http://pay.example.com", "production", BAD, "not https"),
        ("http://pay.example.com", "test", LOOK, "not https"),
        ("https://localhost", "production", BAD, "not a public host"),
        ("https://pay", "production", BAD, "not a public host"),
        ("https://pay.internal", "production", BAD, "not a public host"),
        ("https://10.1.2.3", "production", BAD, "not a public host"),
        ("https://[::1]", "production", BAD, "not a public host"),
        ("https://8.8.8.8", "production", GOOD, "8.8.8.8"),
    ],
)
def test_the_shape_of_public_url_is_what_providers_take(url, environment, state, said):
    finding = _shape(check({"environment": environment, "public_url": url}))

    assert finding.state is state
    assert said in finding.words


def test_nothing_at_public_url_is_told_apart_from_something_wrong(run, ill, free_port):
    ill.raw["public_url"] = f"http://127.0.0.1:{free_port}"

    findings = run(examine(ill))

    assert findings["public_url", "reachable"].state is LOOK
    assert "can't be reached from here (nothing listens there)" in (
        findings["public_url", "reachable"].words
    )
    assert findings["wechat-main", "callbacks"].state is LOOK


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "something else answers"), (302, "redirects"), (502, "a proxy answers"), (404, "else")],
)
def test_something_else_at_public_url_is_wrong(run, ill, status, said):
    @get("/healthz", status_code=status)
    async def other() -> Response[str]:
        return Response("hello", status_code=status, headers={"Location": "/x"})

    with served(Litestar([other], openapi_config=None, logging_config=None)) as url:
        ill.raw["public_url"] = url
        findings = run(examine(ill))

    assert findings["public_url", "reachable"].state is BAD
    assert said in findings["public_url", "reachable"].words
    assert findings["wechat-main", "callbacks"].state is BAD


def test_an_account_that_the_running_basepay_does_not_know_is_named(run, ill):
    listener = bind(0)
    ill.raw["public_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ill.write()
    started_with = ill.load()
    ill.raw["accounts"]["wechat-new"] = ill.raw["accounts"].pop("wechat-main")

    async def forgetful() -> Findings:
        async with running(started_with) as basepay, serving(create_http(basepay.app), listener):
            return await examine(ill)

    finding = run(forgetful())["wechat-new", "callbacks"]

    assert finding.state is BAD
    assert "not known there" in finding.words


# WeChat Pay.


def test_a_key_of_another_certificate_is_found_here_and_there(run, ill, strange_key):
    ill.secret("wechat-private_key", strange_key["private"])

    findings = run(examine(ill))

    assert wrong(findings) == {("wechat-main", "keys"), ("wechat-main", "signature")}
    assert "not the certificate's" in findings["wechat-main", "keys"].words
    assert "serial_no" in findings["wechat-main", "signature"].mend
    assert findings["wechat-main", "app id, app"].state is LOOK


def test_a_wrong_serial_is_found(run, ill):
    ill.account("wechat-main")["serial_no"] = "AB" * 20

    findings = run(examine(ill))

    assert ("wechat-main", "keys") in wrong(findings)
    assert "serial_no is not" in findings["wechat-main", "keys"].words


def test_a_wrong_apiv3_key_is_found(run, ill):
    ill.secret("wechat-api_v3_key", "x" * 32)

    findings = run(examine(ill))

    assert wrong(findings) == {("wechat-main", "APIv3 key")}


def test_anothers_platform_key_is_found(run, ill, strange_key):
    ill.secret("wechat-public_key", strange_key["public"])

    findings = run(examine(ill))

    assert ("wechat-main", "WeChat Pay's key") in wrong(findings)
    assert "compare public_key" in findings["wechat-main", "WeChat Pay's key"].mend


def test_an_app_id_that_is_not_bound_is_named(run, ill):
    ill.account("wechat-main")["app_ids"]["app"] = "wx9999999999999999"

    findings = run(examine(ill))

    assert wrong(findings) == {("wechat-main", "app id, app")}
    assert "wx9999999999999999 is not bound" in findings["wechat-main", "app id, app"].words


@pytest.mark.parametrize(("account", "path"), [("wechat-main", ""), ("alipay-main", "/gateway.do")])
def test_a_provider_that_cant_be_reached_is_told_once(run, ill, free_port, account, path):
    ill.account(account)["base_url"] = f"http://127.0.0.1:{free_port}{path}"

    findings = run(examine(ill))

    assert wrong(findings) == {(account, "gateway")}
    assert "nothing listens there" in findings[account, "gateway"].words


def test_an_expired_certificate_of_ours_is_told(run, ill):
    key = load_pem_private_key((ill.directory / "wechat-private_key").read_bytes(), None)
    ill.secret("wechat-certificate", certificate_of(key, ends_at=datetime(2020, 1, 1, tzinfo=UTC)))

    finding = run(examine(ill))["wechat-main", "API certificate"]

    assert finding.state is BAD
    assert "expired on 2020-01-01" in finding.words


# Alipay.


def test_a_key_that_alipay_does_not_know_is_found(run, ill, strange_key):
    ill.secret("alipay-private_key", strange_key["private"])

    findings = run(examine(ill))

    assert wrong(findings) == {("alipay-main", "signature")}
    assert "isv.invalid-signature" in findings["alipay-main", "signature"].words


def test_ones_own_public_key_in_place_of_alipays_is_found(run, ill, strange_key):
    ill.secret("alipay-alipay_public_key", strange_key["public"])

    findings = run(examine(ill))

    assert wrong(findings) == {("alipay-main", "signature")}
    assert "支付宝公钥" in findings["alipay-main", "signature"].mend


def test_an_unknown_app_is_found(run, ill):
    ill.account("alipay-main")["app_id"] = "2021000000000099"

    findings = run(examine(ill))

    assert wrong(findings) == {("alipay-main", "signature")}
    assert "check app_id" in findings["alipay-main", "signature"].mend


def test_certificate_mode_is_looked_at_too(run, ill, sandbox_url, strange_key):
    account = ill.account("alipay-main")
    alipay = httpx.get(f"{sandbox_url}/sandbox/credentials").json()["alipay"]
    for key in ("app_certificate", "alipay_certificate", "alipay_root_certificate"):
        account[f"{key}_file"] = ill.secret(f"alipay-{key}", alipay[key])

    sound = run(examine(ill))
    ill.secret("alipay-private_key", strange_key["private"])
    sick = run(examine(ill))

    assert wrong(sound) == set()
    assert sound["alipay-main", "alipay root certificate"].state is GOOD
    assert wrong(sick) == {("alipay-main", "keys")}
    assert "expected the certificate of `private_key`" in sick["alipay-main", "keys"].words


# The 公众号.


def test_a_wrong_app_secret_is_found(run, ill):
    ill.account("wechat-main")["official_account"]["app_secret"] = "f" * 32
    ill.account("wechat-main")["mini_program"]["app_secret"] = "f" * 32

    findings = run(examine(ill))

    assert wrong(findings) >= {
        ("wechat-main", "AppSecret, IP whitelist"),
        ("wechat-main", "mini program AppSecret"),
    }
    assert "AppSecret" in findings["wechat-main", "AppSecret, IP whitelist"].mend


def test_an_address_that_is_not_in_the_whitelist_is_named(run, ill, arm):
    arm(kind="error", operation="official_account", code="40164", provider="wechat")

    finding = run(examine(ill))["wechat-main", "AppSecret, IP whitelist"]

    assert finding.state is BAD
    assert "add 203.0.113.9 to the IP whitelist" in finding.mend


def test_a_wechat_that_does_not_answer_is_not_taken_for_a_wrong_secret(run, ill, free_port):
    ill.raw["wechat"]["base_url"] = f"http://127.0.0.1:{free_port}"

    findings = run(examine(ill))

    assert findings["wechat-main", "AppSecret, IP whitelist"].state is LOOK


def test_an_address_that_wechat_does_not_list_is_named(run, ill, sandbox_url):
    port = httpx.URL(sandbox_url).port
    ill.raw["wechat"]["base_url"] = f"http://127.0.0.2:{port}"

    finding = run(examine(ill))["wechat-main", "WeChat's addresses"]

    assert finding.state is LOOK


def test_a_deployment_without_domains_is_told(run, ill):
    ill.account("wechat-main")["official_account"]["domains"] = []

    finding = run(examine(ill))["wechat-main", "domains"]

    assert finding.state is LOOK
    assert "none is configured" in finding.words


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ((200, "text/plain", b"0123456789abcdef"), GOOD, "served"),
        ((404, PROBLEM, b"{}"), GOOD, "kept by basepay"),
        ((404, "text/html", b"<html>"), BAD, "is not the file (HTTP 404)"),
        ((200, "text/html", b"<html>our shop</html>"), BAD, "is not the file (HTTP 200)"),
        ((301, "text/html", b""), BAD, "is not the file (HTTP 301)"),
        (None, LOOK, "can't be reached from here (no route)"),
    ],
)
def test_each_domain_is_asked_for_its_proof(run, answer, state, said):
    asked = []

    def domain(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if answer is None:
            raise httpx.ConnectError("no route")
        status, media_type, body = answer
        head = {"Content-Type": media_type}
        return httpx.Response(status, headers=head, stream=httpx.ByteStream(body))

    settings = check({"wechat": {"mp_verify": {PROOF: "0123456789abcdef\n"}}})
    finding = run(_proof("shop.example.com", settings, httpx.MockTransport(domain))())

    assert asked == [f"https://shop.example.com/{PROOF}"]
    assert finding.state is state
    assert said in finding.words


def test_without_a_proof_a_person_is_told_when_it_is_needed(run):
    finding = run(_proof("shop.example.com", check({}), AiohttpTransport())())

    assert finding.state is LOOK
    assert "mp_verify_files" in finding.mend


# Times.


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, GOOD), (-3, GOOD), (60, LOOK), (-60, LOOK), (290, BAD), (-3600, BAD)]
)
def test_a_clock_that_is_off_is_told_before_and_when_it_hurts(seconds, state):
    finding = clock_finding(timedelta(seconds=seconds))

    assert finding.state is state
    if state is not GOOD:
        assert f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'}" in finding.words


def test_a_provider_that_tells_no_time_proves_nothing():
    assert clock_finding(None).state is LOOK


@pytest.mark.parametrize(("days", "state"), [(400, GOOD), (29, LOOK), (0, BAD), (-5, BAD)])
def test_a_certificate_is_told_a_month_ahead(days, state):
    now = datetime(2026, 3, 14, tzinfo=UTC)

    finding = expiry_finding(now + timedelta(days=days), now=now, renew="renew it")

    assert finding.state is state


# The command.


def test_the_command_exits_with_1_only_if_something_is_bad(run, ill, capsys):
    assert run(run_doctor(ill.path, as_json=False)) == 0
    ill.account("wechat-main")["app_ids"]["app"] = "wx9999999999999999"
    ill.write()
    capsys.readouterr()

    assert run(run_doctor(ill.path, as_json=False)) == 1

    lines = capsys.readouterr().out.splitlines()
    assert "\n".join(line for line in lines if line.startswith("✗")) == (
        "✗ wechat-main    app id, app: wx9999999999999999 is not bound to 1900000001 → bind it at "
        "pay.weixin.qq.com, 产品中心, AppID账号管理, and confirm on the app id's side"
    )
    assert lines[-1].endswith("1 to mend")


def test_machines_get_one_object(run, ill, capsys):
    ill.account("wechat-main")["app_ids"]["app"] = "wx9999999999999999"
    ill.write()

    assert run(run_doctor(ill.path, as_json=True)) == 1

    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert {
        "about": "wechat-main",
        "title": "app id, app",
        "state": "bad",
        "words": "wx9999999999999999 is not bound to 1900000001",
    }.items() <= next(row for row in told["checks"] if row["state"] == "bad").items()


def test_a_configuration_that_is_not_there_is_a_finding(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.doctor(config=tmp_path / "none.toml")

    assert ended.value.code == 1
    assert "✗ configuration" in capsys.readouterr().out


def test_a_check_that_fails_itself_hides_neither_the_others_nor_a_secret(run):
    async def breaks() -> Finding:
        raise ValueError("a-secret-value")

    async def works() -> Finding:
        return good("fine")

    found = run(_asked([Check("a", "b", breaks), Check("a", "c", works)], tell_each=False))

    assert [each.state for each in found] == [BAD, GOOD]
    assert "a-secret-value" not in found[0].words


def certificate_of(key: Any, *, ends_at: datetime) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(ends_at - timedelta(days=365))
        .not_valid_after(ends_at)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()
