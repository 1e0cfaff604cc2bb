"""One key, one execution, one answer: the truth is a row, claimed together with the order."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from application.ports import AlreadyExists, Answers, Clock, Locks, LostUpdate, NewWork
from application.records import KeptAnswer, Request
from domain.errors import IdempotencyInProgress, IdempotencyKeyReused

#: How long a running request is left alone; longer than its two provider calls of 9 s can take.
LEASE = timedelta(seconds=20)

#: How long a twin waits for the first answer, in all.
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.25

#: How long a twin trusts the lock alone: who gave it back may have spoken to a Redis that was away.
TURN_SECONDS = 2.0

#: Rounds against other writers of the same rows; each round somebody gets through.
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Key:
    """The caller's idempotency key in its scope, and the SHA-256 of what it asks."""

    app: str
    route: str
    key: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.app}:{self.route}:{self.key}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller hears: now, and byte for byte at every repetition."""

    status: int
    body: bytes
    order_id: str
    replayed: bool = False


Run = Callable[[Key], Awaitable[Answer]]
Resume = Callable[[Request], Awaitable[Answer]]


class Idempotency:
    """Runs a request once per key; twins wait, repetitions hear the first answer."""

    def __init__(
        self, *, work: NewWork, locks: Locks, clock: Clock, answers: Answers | None = None
    ) -> None:
        """`answers` None: they are read from the database only."""
        self._work, self._locks, self._clock = work, locks, clock
        self._answers = answers

    async def once(self, key: Key, *, run: Run, resume: Resume) -> Answer:
        """Run, resume after a crash, or repeat the answer.

        Raises IdempotencyKeyReused, IdempotencyInProgress, and what `run` raises: then the key
        stays free.
        """
        patience = _now() + WAIT_SECONDS
        reading = asyncio.ensure_future(self._kept(key))  # beside the lock: one round trip for both
        token = None
        try:
            while token is None:
                token = await self._locks.acquire(str(key), wait_seconds=TURN_SECONDS)
                if kept := await reading:
                    return _repeated(key, kept)
                if token is None and (answer := await self._look(key)):
                    return answer
                if token is None and _now() >= patience:
                    raise IdempotencyInProgress(key.key)
            return self._keep(key, await self._run(key, run, resume, patience))
        finally:
            reading.cancel()
            if token is not None:
                await self._locks.release(str(key), token)

    def claim(self, key: Key, order_id: str) -> Request:
        """The row to save in the same commit as the order."""
        now = self._clock.now()
        return Request(
            app=key.app,
            route=key.route,
            key=key.key,
            fingerprint=key.fingerprint,
            order_id=order_id,
            created_at=now,
            leased_until=now + LEASE,
        )

    async def _kept(self, key: Key) -> KeptAnswer | None:
        return None if self._answers is None else await self._answers.get(str(key))

    def _keep(self, key: Key, answer: Answer) -> Answer:
        """Put it at hand; it is committed, and never changes."""
        if self._answers is not None:
            kept = KeptAnswer(key.fingerprint, answer.status, answer.body, answer.order_id)
            self._answers.put(str(key), kept)
        return answer

    async def _run(self, key: Key, run: Run, resume: Resume, patience: float) -> Answer:
        for _ in range(ROUNDS):
            try:
                return await self._known(key, resume, patience) or await run(key)
            except (LostUpdate, AlreadyExists):
                continue  # another request changed the same order or took the key: look again
        raise LostUpdate

    async def _known(self, key: Key, resume: Resume, patience: float) -> Answer | None:
        while (request := await self._find(key)) is not None:
            if request.status is not None:
                return answered(request, replayed=True)
            if self._clock.now() >= request.leased_until:
                return await resume(request)  # its owner is gone
            if _now() >= patience:
                raise IdempotencyInProgress(key.key)
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _look(self, key: Key) -> Answer | None:
        request = await self._find(key)
        if request is None or request.status is None:
            return None
        return answered(request, replayed=True)

    async def _find(self, key: Key) -> Request | None:
        async with self._work() as work:
            request = await work.requests.find(key.app, key.route, key.key)
        if request is not None and request.fingerprint != key.fingerprint:
            raise IdempotencyKeyReused(key.key)
        return request


def answered(request: Request, *, replayed: bool = False) -> Answer:
    """The answer that a settled request holds."""
    if request.status is None:
        raise ValueError(f"{request.key} has no answer yet")
    return Answer(request.status, request.body, request.order_id, replayed)


def _repeated(key: Key, kept: KeptAnswer) -> Answer:
    if kept.fingerprint != key.fingerprint:
        raise IdempotencyKeyReused(key.key)
    return Answer(kept.status, kept.body, kept.order_id, replayed=True)


def _now() -> float:
    """Seconds of real time: who waits is a connection, whatever the business clock says."""
    return asyncio.get_running_loop().time()
