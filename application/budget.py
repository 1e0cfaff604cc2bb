"""How often each account is asked: the sweeper waits for its turn, apps never do."""

import asyncio

from application.ports import Account
from domain.outcome import Outcome, RefundOutcome, Unknown


class Budget:
    """One account's pace: evenly spaced asks, and silence where the provider wants it."""

    def __init__(self, asks_per_second: float) -> None:
        self._gap = 1 / asks_per_second
        self._next = self._quiet_until = 0.0

    @property
    def quiet(self) -> bool:
        """The provider said when to come back, and that is not yet."""
        return _now() < self._quiet_until

    async def turn(self) -> bool:
        """Wait for a place; False if the provider wanted silence meanwhile."""
        at = max(self._next, _now())
        self._next = at + self._gap
        if (wait := at - _now()) > 0:
            await asyncio.sleep(wait)
        return not self.quiet

    def heard(self, outcome: Outcome | RefundOutcome) -> None:
        """Note an answer, whoever asked."""
        if isinstance(outcome, Unknown) and outcome.retry_after is not None:
            until = _now() + outcome.retry_after.total_seconds()
            self._quiet_until = max(self._quiet_until, until)


class Budgets:
    """The budget of each account, made when it is first asked for."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    def of(self, account: Account) -> Budget:
        """The account's, by its name: a new configuration does not forget a wish for silence."""
        if account.name not in self._budgets:
            self._budgets[account.name] = Budget(account.asks_per_second)
        return self._budgets[account.name]


def _now() -> float:
    """Seconds of real time: a provider's patience does not follow the business clock."""
    return asyncio.get_running_loop().time()
