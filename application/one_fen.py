"""The 1-fen switch: new payments charge 1 fen, so that real wallets can be used in tests.

It changes what is charged, never what is owed. In production it does not exist.
"""

from application.ports import Clock, Switches
from application.records import Caller
from domain.money import Money

ONE_FEN = Money(1)


class OneFen:
    """The use cases behind `/v1/test-switches/one-fen`."""

    def __init__(self, *, switches: Switches | None, clock: Clock, always: bool) -> None:
        """`always`: the configuration turned it on for the whole deployment."""
        self._switches, self._clock, self._always = switches, clock, always

    async def is_on(self) -> bool:
        """Whether new payments charge 1 fen. Payments and refunds made before stay as they are."""
        if self._switches is None:
            return False
        return self._always or await self._switches.one_fen()

    async def turn(self, caller: Caller, *, on: bool) -> bool:
        """Turn it for every process of this deployment; what it is then."""
        if self._switches is not None:
            await self._switches.turn_one_fen(on=on, by=caller.name, at=self._clock.now())
        return await self.is_on()

    async def charge_for(self, amount: Money) -> Money:
        """What is charged where `amount` is owed."""
        return ONE_FEN if await self.is_on() else amount
