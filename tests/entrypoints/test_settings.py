"""Settings are complete and plausible, or the start stops with the key and what was expected."""

import re
from pathlib import Path

import pytest

from entrypoints.account_settings import AlipayAccount, WeChatAccount
from entrypoints.errors import SettingsError
from entrypoints.settings import NOT_IN_PRODUCTION, load
from entrypoints.starter import STARTER

SECRET = "a-secret-that-must-never-be-seen"

KEY = "S2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="  # seals webhooks' secrets

WECHAT = """
[accounts.wechat-main]
provider = "wechat"
mchid = "1900000001"
app_ids = { official_account = "wx1" }
serial_no = "AB"
private_key_file = "key.pem"
api_v3_key_file = "v3.txt"
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "key.pem").write_text(SECRET)
    (tmp_path / "v3.txt").write_text(SECRET)

    def write(text: str) -> Path:
        path = tmp_path / "basepay.toml"
        path.write_text(text)
        return path

    return write


def test_the_environment_is_production_unless_it_is_said(write):
    assert load(write(""), {}).environment == "production"


def test_secrets_come_from_files_beside_the_configuration(write):
    account = load(write(WECHAT), {}).accounts["wechat-main"]

    assert isinstance(account, WeChatAccount)
    assert account.private_key == SECRET


def test_secrets_come_from_the_environment(write):
    text = WECHAT.replace('private_key_file = "key.pem"', "")
    environ = {"BASEPAY_ACCOUNTS__WECHAT_MAIN__PRIVATE_KEY": "from-environment"}

    account = load(write(text), environ).accounts["wechat-main"]

    assert isinstance(account, WeChatAccount)
    assert account.private_key == "from-environment"


def test_every_key_can_be_overridden(write):
    environ = {"BASEPAY_DATABASE__URL": "sqlite:///other.db", "BASEPAY_HTTP__PORT": "9000"}

    settings = load(write(""), environ)

    assert (settings.database.url, settings.http.port) == ("sqlite:///other.db", 9000)


def test_secrets_are_not_shown(write):
    settings = load(write(WECHAT), {})

    assert SECRET not in repr(settings)


def test_an_inline_secret_stops_production_and_is_not_repeated(write):
    text = WECHAT.replace('api_v3_key_file = "v3.txt"', f'api_v3_key = "{SECRET}"')

    with pytest.raises(SettingsError) as stop:
        load(write(text), {})

    assert "accounts.wechat-main.api_v3_key" in str(stop.value)
    assert SECRET not in str(stop.value)
    assert load(write('environment = "test"\n' + text), {}).environment == "test"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('environment = "staging"', "environment"),
        ("colour = 1", "colour"),
        ("[http]\nport = 99999", "http.port"),
        ('[database]\nurl = "mysql://x"', "database.url"),
        ('number_prefix = "toolong"', "number_prefix"),
        ('public_url = "https://pay.example.com/path"', "public_url"),
        (WECHAT.replace('mchid = "1900000001"', ""), r"^accounts\.wechat-main: .*`mchid`"),
        (WECHAT.replace('mchid = "1900000001"', "mchid = 5"), r"^accounts\.wechat-main\.mchid: "),
        (WECHAT.replace("key.pem", "missing.pem"), "private_key_file"),
        (WECHAT.replace("wechat-main", "Wechat_Main"), "accounts"),
        (WECHAT.replace('provider = "wechat"', 'provider = "paypal"'), "provider"),
        (WECHAT + WECHAT.replace("wechat-main", "wechat-two"), "accounts.wechat-two"),
        ("[accounts", "not TOML"),
    ],
)
def test_a_bad_value_stops_the_start_with_its_key(write, text, key):
    with pytest.raises(SettingsError, match=key):
        load(write(text), {})


def test_the_environment_decides_whether_a_written_secret_is_refused(write):
    text = WECHAT.replace('api_v3_key_file = "v3.txt"', f'api_v3_key = "{SECRET}"')

    with pytest.raises(SettingsError, match="api_v3_key"):
        load(write('environment = "test"\n' + text), {"BASEPAY_ENVIRONMENT": "production"})


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("BASEPAY_COLOUR", "there is no setting `colour`"),
        ("BASEPAY_ACCOUNTS__OTHER__MCHID", "the file, which has: wechat-main"),
    ],
)
def test_a_variable_that_names_nothing_stops_the_start(write, variable, said):
    with pytest.raises(SettingsError, match=said):
        load(write(WECHAT), {variable: "x"})


def test_a_missing_file_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(SettingsError, match="basepay init"):
        load(tmp_path / "none.toml", {})


@pytest.fixture
def secrets(tmp_path):
    """Every file that the starter names, those behind a comment included."""
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r'"(secrets/[^"]+)"', STARTER):
        (tmp_path / name).write_text(KEY if "seal_key" in name else "x")


def test_the_starter_needs_nothing_but_the_secrets(write, secrets):
    accounts = load(write(STARTER), {}).accounts

    assert isinstance(accounts["wechat-main"], WeChatAccount)
    assert isinstance(accounts["alipay-main"], AlipayAccount)


def test_what_the_starter_leaves_out_can_be_uncommented(write, secrets):
    text = STARTER.replace("{ official_account =", '{ mini_program = "wx2", official_account =')
    whole = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)

    settings = load(write(whole), {})

    wechat, alipay = settings.accounts["wechat-main"], settings.accounts["alipay-main"]
    assert isinstance(wechat, WeChatAccount)
    assert isinstance(alipay, AlipayAccount)
    assert wechat.official_account is not None
    assert wechat.mini_program is not None
    assert wechat.store_out_id == "SHOP-1"
    assert alipay.alipay_root_certificate == "x"
    assert settings.apps["shop"].default_accounts["alipay"] == "alipay-main"
    assert list(settings.wechat.mp_verify) == ["MP_verify_0123456789abcdef.txt"]
    assert settings.http.trusted_proxies == ["127.0.0.1"]
    assert (settings.webhooks.seal_key, settings.webhooks.ports) == (KEY, [8443])


def test_the_database_commands_need_no_secrets(write):
    text = WECHAT.replace("key.pem", "missing.pem")

    text += '\n[webhooks]\nseal_key_file = "missing.txt"\n'

    assert load(write(text), {}, with_accounts=False).accounts == {}


def test_a_secret_in_the_environment_wins_over_a_file(write):
    environ = {"BASEPAY_ACCOUNTS__WECHAT_MAIN__PRIVATE_KEY": "from-environment"}

    account = load(write(WECHAT), environ).accounts["wechat-main"]

    assert isinstance(account, WeChatAccount)
    assert account.private_key == "from-environment"


def test_a_list_of_files_can_stand_in_the_environment(write, tmp_path):
    (tmp_path / "a.pem").write_text("A")
    (tmp_path / "b.pem").write_text("B")
    environ = {"BASEPAY_ACCOUNTS__WECHAT_MAIN__PLATFORM_CERTIFICATE_FILES": "a.pem, b.pem"}

    account = load(write(WECHAT), environ).accounts["wechat-main"]

    assert isinstance(account, WeChatAccount)
    assert account.platform_certificates == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            WECHAT.replace('"key.pem"', "5"),
            "accounts.wechat-main.private_key_file: expected a path",
        ),
        (WECHAT + "platform_certificate_files = 5", "platform_certificate_files: expected a list"),
        (WECHAT.replace("wechat-main", "Main"), "accounts: the name of a table"),
    ],
)
def test_a_value_of_another_kind_is_told_with_its_key(write, text, key):
    with pytest.raises(SettingsError, match=key):
        load(write(text), {})


ALIPAY = """
[accounts.alipay-main]
provider = "alipay"
app_id = "2021000000000001"
seller_id = "2088000000000001"
private_key_file = "key.pem"
alipay_public_key_file = "v3.txt"
"""
TWO = WECHAT + WECHAT.replace("wechat-main", "wechat-two").replace("1900000001", "1900000002")


def test_an_app_has_its_accounts_and_defaults(write):
    apps = """
[apps.shop]
accounts = ["wechat-two", "alipay-main"]
default_accounts = { wechat = "wechat-two" }
"""

    shop = load(write(TWO + ALIPAY + apps), {}).apps["shop"]

    assert shop.accounts == ["wechat-two", "alipay-main"]
    assert shop.default_accounts == {"wechat": "wechat-two"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('accounts = ["wechat-three"]', r"apps\.shop\.accounts: .*wechat-three.*wechat-main"),
        (
            'default_accounts = { wechat = "alipay-main" }',
            r"apps\.shop\.default_accounts\.wechat: expected an account of wechat: wechat-main",
        ),
        (
            'accounts = ["alipay-main"]\ndefault_accounts = { wechat = "wechat-main" }',
            r"default_accounts\.wechat: wechat-main is not among apps\.shop\.accounts",
        ),
        ('default_accounts = { unionpay = "x" }', r"apps\.shop\.default_accounts"),
    ],
)
def test_an_app_that_names_another_account_stops_the_start(write, table, said):
    with pytest.raises(SettingsError, match=said):
        load(write(WECHAT + ALIPAY + f"[apps.shop]\n{table}"), {})


def test_the_tables_of_apps_can_be_overridden(write):
    environ = {
        "BASEPAY_APPS__SHOP__ACCOUNTS": "wechat-main, alipay-main",
        "BASEPAY_APPS__SHOP__DEFAULT_ACCOUNTS__WECHAT": "wechat-main",
    }

    shop = load(write(TWO + ALIPAY + "[apps.shop]"), environ).apps["shop"]

    assert shop.accounts == ["wechat-main", "alipay-main"]
    assert shop.default_accounts == {"wechat": "wechat-main"}
    with pytest.raises(SettingsError, match="names no app of the file, which has: shop"):
        load(write("[apps.shop]"), {"BASEPAY_APPS__BAR__ACCOUNTS": ""})


@pytest.mark.parametrize("environment", ["dev", "test"])
def test_one_fen_can_be_configured_where_no_real_money_is(write, environment):
    assert load(write(f'environment = "{environment}"\none_fen = true'), {}).one_fen
    assert load(write(f'environment = "{environment}"'), {"BASEPAY_ONE_FEN": "true"}).one_fen
    assert not load(write(f'environment = "{environment}"'), {}).one_fen


@pytest.mark.parametrize("key", NOT_IN_PRODUCTION)
def test_production_does_not_start_with_what_is_for_tests(write, key):
    value = {"clock_file": '"clock"'}.get(key, "true")
    with pytest.raises(SettingsError, match=rf"^{key}: must be off in production: .*remove it"):
        load(write(f"{key} = {value}"), {})


def test_the_official_account_has_a_secret_and_domains(write, tmp_path):
    (tmp_path / "app.txt").write_text(SECRET + "\n")
    pages = """
[accounts.wechat-main.official_account]
app_secret_file = "app.txt"
domains = ["shop.example.com"]
"""
    environ = {"BASEPAY_ACCOUNTS__WECHAT_MAIN__OFFICIAL_ACCOUNT__DOMAINS": "a.cn,b.cn"}

    account = load(write(WECHAT + pages), {}).accounts["wechat-main"]
    overridden = load(write(WECHAT + pages), environ).accounts["wechat-main"]

    assert isinstance(account, WeChatAccount)
    assert account.official_account is not None
    assert account.official_account.app_secret == SECRET
    assert SECRET not in repr(account.official_account)
    assert isinstance(overridden, WeChatAccount)
    assert overridden.official_account is not None
    assert overridden.official_account.domains == ["a.cn", "b.cn"]


def test_a_public_key_needs_its_id(write):
    with pytest.raises(SettingsError, match=r"accounts\.wechat-main\.public_key_id: expected too"):
        load(write(WECHAT + 'public_key_file = "key.pem"'), {})
    with pytest.raises(SettingsError, match=r"accounts\.wechat-main\.public_key: expected too"):
        load(write(WECHAT + 'public_key_id = "PUB_KEY_ID_1"'), {})


def test_an_app_secret_needs_its_app_id(write):
    text = WECHAT + '[accounts.wechat-main.mini_program]\napp_secret_file = "v3.txt"'

    with pytest.raises(SettingsError, match=r"needs accounts\.wechat-main\.app_ids\.mini_program"):
        load(write(text), {})


def test_a_nested_secret_must_not_stand_in_the_file_either(write):
    text = WECHAT + f'[accounts.wechat-main.official_account]\napp_secret = "{SECRET}"'

    with pytest.raises(SettingsError, match="WECHAT_MAIN__OFFICIAL_ACCOUNT__APP_SECRET") as stop:
        load(write(text), {})

    assert SECRET not in str(stop.value)


def test_the_proofs_of_a_domain_are_kept_byte_for_byte(write, tmp_path):
    (tmp_path / "proofs").mkdir()
    (tmp_path / "proofs" / "MP_verify_0123456789abcdef.txt").write_text("0123456789abcdef\n")
    text = '[wechat]\nmp_verify_files = ["proofs/MP_verify_0123456789abcdef.txt"]'

    proofs = load(write(text), {}).wechat.mp_verify

    assert proofs == {"MP_verify_0123456789abcdef.txt": "0123456789abcdef\n"}
    with pytest.raises(SettingsError, match=r"wechat\.mp_verify: the name of a table"):
        load(write('[wechat.mp_verify]\n"index.html" = "x"'), {})


def test_proxies_are_addresses_or_networks(write):
    text = '[http]\ntrusted_proxies = ["10.0.0.0/8", "::1"]'

    assert load(write(text), {}).http.trusted_proxies == ["10.0.0.0/8", "::1"]
    with pytest.raises(SettingsError, match=r"http\.trusted_proxies: .*'proxy\.example\.com'"):
        load(write('[http]\ntrusted_proxies = ["proxy.example.com"]'), {})


def test_the_database_commands_need_no_apps_or_proofs_either(write):
    text = TWO + '[apps.shop]\naccounts = ["wechat-main"]\n[wechat]\nmp_verify_files = ["none.txt"]'

    assert load(write(text), {}, with_accounts=False).apps == {}


def test_without_servers_of_their_own_they_are_replaced_in_process(write):
    settings = load(write(""), {})

    assert (settings.redis.url, settings.nats.url) == (None, None)


@pytest.mark.parametrize(
    ("table", "url"),
    [("redis", "rediss://:{}@redis.example.com/0"), ("nats", "nats://basepay:{}@nats.example.com")],
)
def test_a_password_in_an_address_comes_from_the_environment_and_is_not_shown(write, table, url):
    path = write(f'[{table}]\nurl = "{url.format(SECRET)}"')
    with pytest.raises(SettingsError, match=f"{table}.url.*BASEPAY_{table.upper()}__URL") as told:
        load(path, {})
    assert SECRET not in str(told.value)

    settings = load(write(""), {f"BASEPAY_{table.upper()}__URL": url.format(SECRET)})

    assert getattr(settings, table).url == url.format(SECRET)
    assert SECRET not in repr(settings)


WEBHOOKS = f'environment = "test"\n[webhooks]\nseal_key = "{KEY}"\n'


def test_webhooks_are_configured_in_one_table(write):
    text = WEBHOOKS + 'networks = ["10.1.0.0/16"]\nports = [8443]\nplain_http = true\n'

    webhooks = load(write(text), {}).webhooks

    assert (webhooks.networks, webhooks.ports, webhooks.plain_http) == (
        ["10.1.0.0/16"],
        [8443],
        True,
    )
    assert KEY not in repr(webhooks)
    assert load(write(""), {}).webhooks.seal_key is None


def test_webhooks_are_configured_by_variables_too(write):
    environ = {
        "BASEPAY_WEBHOOKS__SEAL_KEY": KEY,
        "BASEPAY_WEBHOOKS__NETWORKS": "10.1.0.0/16, fd00::/8",
        "BASEPAY_WEBHOOKS__PORTS": "8443,9443",
    }

    webhooks = load(write(""), environ).webhooks

    assert (webhooks.networks, webhooks.ports) == (["10.1.0.0/16", "fd00::/8"], [8443, 9443])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('seal_key = "c2hvcnQ="', r"webhooks\.seal_key: expected 32 bytes in base 64, got 5"),
        ('previous_seal_key = "?"', r"webhooks\.previous_seal_key: expected base 64"),
        ('networks = ["10.1.0.0/33"]', r"webhooks\.networks: expected a network .*10\.1\.0\.0/33"),
        ("ports = [0]", r"webhooks\.ports"),
    ],
)
def test_a_wrong_webhook_setting_is_named(write, text, expected):
    with pytest.raises(SettingsError, match=expected):
        load(write(f'environment = "test"\n[webhooks]\n{text}\n'), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any_port = true", r"webhooks\.any_port: must be off in production"),
        ("plain_http = true", r"webhooks\.plain_http: must be off in production"),
        (f'seal_key = "{KEY}"', r"webhooks\.seal_key: a secret must not stand in the file"),
        ('networks = ["127.0.0.1/32"]', r"webhooks\.networks: .* contains 127\.0\.0\.0/8"),
        ('networks = ["0.0.0.0/0"]', r"webhooks\.networks: .* the machine itself or its cloud"),
    ],
)
def test_what_would_open_the_inside_is_refused_in_production(write, text, expected):
    with pytest.raises(SettingsError, match=expected):
        load(write(f"[webhooks]\n{text}\n"), {})
