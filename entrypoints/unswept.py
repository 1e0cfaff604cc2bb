"""Open orders of accounts that are not configured: no sweeper asks about them."""

import logging
from collections.abc import Mapping

from application.ports import Agenda, Unavailable
from entrypoints.settings import Settings

log = logging.getLogger("basepay.configuration")

MEND = (
    "configure it again until they have ended; the accounts of [apps.<app>] keep new payments away"
)


async def unswept(agenda: Agenda, settings: Settings) -> Mapping[str, int]:
    """How many there are, by account. Raises Unavailable."""
    counts = await agenda.open_orders()
    return {name: counts[name] for name in sorted(counts) if name not in settings.accounts}


async def warn_of_unswept(agenda: Agenda, settings: Settings) -> None:
    """A line each. One that vanished while we run is still asked until we end, by us alone."""
    try:
        found = await unswept(agenda, settings)
    except Unavailable:  # it is no reason not to start, and `basepay doctor` tells it too
        return
    for name, count in found.items():
        text = "account %s is not configured: nobody asks about %s that it left behind; %s"
        log.warning(text, name, orders(count), MEND)


def orders(count: int) -> str:
    """As people say it."""
    return f"{count} open order{'s' * (count > 1)}"
