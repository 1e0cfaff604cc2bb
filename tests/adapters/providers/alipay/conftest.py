"""One account whose transport is the desk, and a business clock that the test sets."""

from datetime import datetime

import pytest

from adapters.providers.alipay.account import alipay_account
from application.ports import Account
from tests.adapters.providers.alipay.desk import NOW, Desk, config


class SetClock:
    """Stands still until somebody moves it."""

    at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="session")
def _opened() -> tuple[Desk, SetClock, Account]:
    """Reading keys takes 50 ms each: once is enough."""
    desk, clock = Desk(), SetClock()
    return desk, clock, alipay_account(config(), desk, clock)


@pytest.fixture
def desk(_opened: tuple[Desk, SetClock, Account]) -> Desk:
    desk, *_ = _opened
    desk.script.clear()
    desk.heard.clear()
    desk.headers.clear()
    return desk


@pytest.fixture
def clock(_opened: tuple[Desk, SetClock, Account]) -> SetClock:
    _, clock, _ = _opened
    clock.at = NOW
    return clock


@pytest.fixture
def account(_opened: tuple[Desk, SetClock, Account], clock: SetClock) -> Account:
    *_, account = _opened
    return account
