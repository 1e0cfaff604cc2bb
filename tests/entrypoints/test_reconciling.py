"""Reconciliation as it is configured: what is told wrongly stops the start with its key."""

from datetime import time, timedelta
from fractions import Fraction

import pytest

from adapters.scratch import NewDiskScratch
from domain.method import Provider
from domain.reconciliation import FeeTerms
from entrypoints.account_makers import fees_of
from entrypoints.account_settings import AlipayAccount
from entrypoints.errors import SettingsError
from entrypoints.no_store import NoStore
from entrypoints.reconciling import reconciliation_of
from entrypoints.settings import check, load
from entrypoints.starter import STARTER

ALIPAY = {"provider": "alipay", "app_id": "1", "seller_id": "2", "private_key": "k"}


def test_by_itself_it_begins_at_the_providers_hours_and_keeps_bills_for_a_year():
    plan = check({}).reconciliation.plan

    assert plan.scheduled
    assert plan.hours == {Provider.WECHAT: time(10), Provider.ALIPAY: time(12)}
    assert plan.keep_bills == timedelta(days=400)


def test_one_providers_hour_can_be_told_alone():
    plan = check({"reconciliation": {"start_at": {"wechat": "09:30"}}}).reconciliation.plan

    assert plan.hours == {Provider.WECHAT: time(9, 30), Provider.ALIPAY: time(12)}


def test_the_environment_tells_it_too(tmp_path):
    file = tmp_path / "basepay.toml"
    file.write_text("")
    environ = {
        "BASEPAY_RECONCILIATION__ENABLED": "false",
        "BASEPAY_RECONCILIATION__KEEP_BILLS_DAYS": "30",
        "BASEPAY_RECONCILIATION__START_AT__ALIPAY": "13:00",
    }

    plan = load(file, environ).reconciliation.plan

    assert (plan.scheduled, plan.keep_bills) == (False, timedelta(days=30))
    assert plan.hours[Provider.ALIPAY] == time(13)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"enabled": "yes"}, "reconciliation.enabled"),
        ({"start_at": {"wechat": "25:00"}}, "reconciliation.start_at"),
        ({"start_at": {"unionpay": "10:00"}}, "reconciliation.start_at"),
        ({"keep_bills_days": 0}, "reconciliation.keep_bills_days"),
        ({"keep": 1}, "reconciliation"),
    ],
)
def test_a_wrong_value_stops_the_start_with_its_key(table, key):
    with pytest.raises(SettingsError, match=key):
        check({"reconciliation": table})


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (None, None),
        ("0.60%", FeeTerms(Fraction(6, 1000), 1)),
        ("1%", FeeTerms(Fraction(1, 100), 1)),
        ("0%", FeeTerms(Fraction(0), 1)),
    ],
)
def test_a_rate_is_what_the_contract_says(rate, expected):
    account = {**ALIPAY, **({} if rate is None else {"fee_rate": rate})}
    settings = check({"environment": "test", "accounts": {"alipay-main": account}})
    made = settings.accounts["alipay-main"]

    assert isinstance(made, AlipayAccount)
    assert fees_of(made) == expected


@pytest.mark.parametrize("change", [{"fee_rate": "0.006"}, {"fee_tolerance": -1}])
def test_a_wrong_rate_stops_the_start_with_its_key(change):
    [name] = change
    with pytest.raises(SettingsError, match=rf"accounts\.alipay-main\.{name}"):
        check({"environment": "test", "accounts": {"alipay-main": {**ALIPAY, **change}}})


def test_the_file_that_init_writes_tells_of_all_of_it():
    for key in ("enabled", "start_at", "keep_bills_days", "scratch_dir", "fee_rate"):
        assert f"# {key} = " in STARTER


def test_a_folder_that_is_not_ours_stops_the_start(tmp_path):
    NewDiskScratch(tmp_path).root.symlink_to(tmp_path)
    settings = check({"reconciliation": {"scratch_dir": str(tmp_path)}})

    with pytest.raises(SettingsError, match=r"reconciliation\.scratch_dir"):
        reconciliation_of(settings.reconciliation, NoStore())
