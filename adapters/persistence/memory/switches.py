"""What operators turn on and off at run time, in memory."""

from datetime import datetime

from adapters.persistence.memory.tables import Switch, Tables

ONE_FEN = "one_fen"


class MemorySwitches:
    """Each with who turned it last."""

    def __init__(self, tables: Tables) -> None:
        self._switches = tables.switches

    async def one_fen(self) -> bool:
        """Whether new payments charge 1 fen; off until somebody turns it on."""
        switch = self._switches.get(ONE_FEN)
        return switch is not None and switch.on

    async def turn_one_fen(self, *, on: bool, by: str, at: datetime) -> None:
        """Turn it; `by`: the operator."""
        self._switches[ONE_FEN] = Switch(on, by, at)
