"""One account whose transport is the desk, and a business clock that stands still."""

from datetime import datetime

import pytest

from adapters.providers.wechat_pay.account import wechat_pay_account
from application.ports import Account
from tests.adapters.providers.wechat_pay.desk import NOW, Desk, config


class StandingClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture(scope="session")
def _opened() -> tuple[Desk, Account]:
    """Reading keys takes 50 ms each: once is enough."""
    desk = Desk()
    return desk, wechat_pay_account(config(), desk, StandingClock())


@pytest.fixture
def desk(_opened: tuple[Desk, Account]) -> Desk:
    desk, _ = _opened
    desk.script.clear()
    desk.heard.clear()
    return desk


@pytest.fixture
def account(_opened: tuple[Desk, Account]) -> Account:
    _, account = _opened
    return account
