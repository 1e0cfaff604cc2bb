"""NATS: whether it answers, holds what we declare, and writes before it acknowledges."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from entrypoints.checkup.finding import Check, Finding, Once, bad, good, look
from entrypoints.platform_settings import Nats

if TYPE_CHECKING:  # what need not be loaded without NATS
    from adapters.nats.probe import Seen

Apps = Callable[[], Awaitable[Sequence[str]]]

NOT_ASKED = look("not asked: JetStream does not answer", "see the lines above")


def nats_checks(nats: Nats, apps: Apps) -> Iterator[Check]:
    """Nothing where none is configured. `apps`: whose consumers there should be."""
    if nats.url is None:
        return
    url = nats.url

    async def ask() -> "Seen":
        from adapters.nats.probe import look_at

        return await look_at(url, replicas=nats.replicas, apps=await apps())

    seen = Once(ask)
    yield Check("nats", "answers", seen.judged(_answers))
    yield Check("nats", "streams", seen.judged(partial(_streams, nats.replicas)))
    yield Check("nats", "consumers", seen.judged(_consumers))
    yield Check("nats", "power cuts", _power_cuts(nats))


def _answers(seen: "Seen") -> Finding:
    silent = ", ".join(seen.silent)
    if not seen.version:
        return bad(
            f"no answer from {silent}",
            "let this machine connect to it, and give its user and password in nats.url",
        )
    if seen.trouble:
        return bad(
            f"NATS {seen.version} answers, its JetStream does not ({seen.trouble})",
            "switch jetstream on, and give basepay the user that `basepay apps add` prints",
        )
    if silent:
        return look(f"no answer from {silent}; another one does", "see what became of it")
    return good(f"NATS {seen.version} with JetStream")


def _streams(replicas: int, seen: "Seen") -> Finding:
    if not seen.version or seen.trouble:
        return NOT_ASKED
    if seen.differences:
        return bad(
            "; ".join(seen.differences), "mend it with `nats stream edit`: basepay does not start"
        )
    if replicas > seen.servers:
        return look(
            f"nats.replicas is {replicas}, and only {seen.servers} known to the server",
            "a cluster of so many servers is needed, or streams can't be declared",
        )
    if seen.servers > replicas == 1:
        return look(
            f"one copy of each stream, and {seen.servers} servers",
            "set nats.replicas to 3, so that losing one server loses nothing",
        )
    if seen.missing:
        return look(
            f"not declared yet: {', '.join(seen.missing)}",
            "start `basepay serve worker` or `gateway`: it declares them",
        )
    return good(f"as declared, {replicas} {'copies' if replicas > 1 else 'copy'} of each")


def _consumers(seen: "Seen") -> Finding:
    if not seen.version or seen.trouble:
        return NOT_ASKED
    if seen.missing:
        return look("not asked: their streams are not declared", "see the line above")
    if seen.consumer_differences:
        return bad(
            "; ".join(seen.consumer_differences),
            "remove it with `nats consumer rm`, then start a worker, or `basepay apps add` the app",
        )
    if seen.missing_consumers:
        return look(
            f"not there: {', '.join(seen.missing_consumers)}",
            "a worker makes its own; `basepay apps add` makes an app's, if it shall read NATS",
        )
    return good(f"as declared: {', '.join(seen.consumers)}")


def _power_cuts(nats: Nats) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        from adapters.nats.syncing import loses_power_cuts

        if words := await loses_power_cuts(nats.monitor_url):
            return look(
                words,
                "let nats.monitor_url name a server with sync_interval: always; without it the "
                "database publishes again what is lost",
            )
        return good("it writes before it acknowledges")

    return run
