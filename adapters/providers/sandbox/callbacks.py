"""Post what the book owes to merchants, again and again by each provider's schedule."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import aiohttp
import yarl
from msgspec.structs import replace

from adapters.providers.sandbox.faults import Faults, Struck
from adapters.providers.sandbox.provider import Message, SandboxProvider, World
from adapters.providers.sandbox.records import Callback

log = logging.getLogger(__name__)

#: Both providers give a merchant this long (WeChat says 5 s, Alipay nothing).
ANSWER_WITHIN_SECONDS = 5.0
#: At most so many callbacks are on their way at once.
AT_ONCE = 32
#: How often to look whether someone moved the shared clock.
LOOK_EVERY_SECONDS = 0.05
#: More of a merchant's answer is not read.
LONGEST_ANSWER_BYTES = 4096


class CallbackSender:
    """The provider's clockwork: lets time pass and delivers callbacks when they are due."""

    def __init__(
        self, world: World, providers: Mapping[str, SandboxProvider], faults: Faults
    ) -> None:
        self._world = world
        self._providers = providers
        self._faults = faults
        self._under_way: set[asyncio.Task[None]] = set()
        self._overtaken: set[str] = set()  # keys of callbacks that let the next one go first
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver; what an earlier process left undelivered goes on."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; attempts under way are dropped and repeated by the next process."""
        tasks = [*self._under_way, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            try:
                for provider in self._providers.values():
                    provider.pass_time()
                self._send_what_is_due()
                await self._world.book.durable()
            except Exception:
                # One broken record must not end all delivery for good.
                log.exception("the callback sender stumbled")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _send_what_is_due(self) -> None:
        room = AT_ONCE - len(self._under_way)
        for callback in self._world.book.take_due_callbacks(self._world.clock.now(), room):
            task = asyncio.create_task(self._attempt(callback))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _attempt(self, callback: Callback) -> None:
        provider = self._providers[callback.provider]
        struck = self._faults.strike(callback.provider, "callback")
        now = self._world.clock.now()
        if not callback.postponed and (wait := _seconds_to_wait(provider, struck)) is not None:
            if "callback_reordered" in struck:
                self._overtaken.add(callback.key)
            later = now + timedelta(seconds=wait)
            self._world.book.keep(replace(callback, next_at=later, postponed=True))
            return
        if latency := struck.get("latency"):
            await asyncio.sleep(latency.seconds)
        await self._world.book.durable()  # the merchant must never know more
        answer, done = await self._deliver(provider, callback, struck)
        self._world.book.keep(_after_attempt(callback, provider, answer, done, now))
        self._let_the_overtaken_go(callback)
        await self._world.book.durable()

    def _let_the_overtaken_go(self, by: Callback) -> None:
        self._overtaken.discard(by.key)
        now = self._world.clock.now()
        for each in self._world.book.pending_callbacks() if self._overtaken else ():
            if each.key in self._overtaken and each.provider == by.provider:
                self._overtaken.discard(each.key)
                self._world.book.keep(replace(each, next_at=now))

    async def _deliver(
        self, provider: SandboxProvider, callback: Callback, struck: Struck
    ) -> tuple[str, bool]:
        if "callback_dropped" in struck:
            return "dropped", False
        genuine = {kind: fault for kind, fault in struck.items() if kind != "callback_forged"}
        if forged := struck.get("callback_forged"):
            await self._post(provider, callback, provider.render(callback, {forged.kind: forged}))
        message = provider.render(callback, genuine)
        copies = 2 if "callback_twice" in struck else 1
        answers = await asyncio.gather(
            *(self._post(provider, callback, message) for _ in range(copies))
        )
        return answers[0]

    async def _post(
        self, provider: SandboxProvider, callback: Callback, message: Message
    ) -> tuple[str, bool]:
        with suppress(aiohttp.ClientError, TimeoutError, ValueError):
            async with self._session.post(
                yarl.URL(callback.url, encoded=True),
                data=message.body,
                headers=message.headers,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(LONGEST_ANSWER_BYTES)
                return str(response.status), provider.acknowledged(response.status, body)
        return "no answer", False


def _seconds_to_wait(provider: SandboxProvider, struck: Struck) -> float | None:
    """How long a first attempt is put off; one that nothing overtakes, until its usual retry."""
    if late := struck.get("callback_late"):
        return late.seconds
    return provider.retry_delays_seconds[0] if "callback_reordered" in struck else None


def _after_attempt(
    callback: Callback, provider: SandboxProvider, answer: str, done: bool, now: datetime
) -> Callback:
    """Book one attempt: delivered, due again, or given up after the last."""
    delays = provider.retry_delays_seconds
    again = not done and callback.attempts < len(delays)
    return replace(
        callback,
        attempts=callback.attempts + 1,
        delivered_at=now if done else None,
        next_at=now + timedelta(seconds=delays[callback.attempts]) if again else None,
        last_answer=answer,
    )
