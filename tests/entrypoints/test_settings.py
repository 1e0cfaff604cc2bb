"""Settings are complete and plausible, or the start stops with the key and what was expected."""

from pathlib import Path

import pytest

from entrypoints.settings import AlipayAccount, SettingsError, WeChatAccount, load
from entrypoints.starter import STARTER

SECRET = "a-secret-that-must-never-be-seen"

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
        (WECHAT.replace('mchid = "1900000001"', ""), "mchid"),
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


def test_the_starter_needs_nothing_but_the_secrets(write, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in (
        "apiclient_key.pem",
        "api_v3_key.txt",
        "wechat_pub_key.pem",
        "alipay_app_private_key.pem",
        "alipay_public_key.pem",
    ):
        (secrets / name).write_text("x")

    accounts = load(write(STARTER), {}).accounts

    assert isinstance(accounts["wechat-main"], WeChatAccount)
    assert isinstance(accounts["alipay-main"], AlipayAccount)


def test_the_database_commands_need_no_secrets(write):
    text = WECHAT.replace("key.pem", "missing.pem")

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
