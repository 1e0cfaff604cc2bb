"""Random histories of the whole system: apps, payers, merchants, faults, clock and deaths."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from adapters.persistence.memory.store import MemoryStore
from adapters.providers.alipay.sandbox import trade_calls
from adapters.providers.alipay.sandbox.biz_content import TradeReference
from adapters.providers.alipay.sandbox.refused import Refused as AlipayRefused
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import BEFORE_THE_TRADE
from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import PayerAction, PayerRefused
from adapters.providers.sandbox.records import Callback, Order
from adapters.providers.wechat_pay.sandbox.refused import Refused as WeChatRefused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from application.records import Caller
from domain.errors import IdempotencyKeyReused
from domain.method import Method
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus, RefundStatus
from tests.asking import BEGINNINGS, NEEDS
from tests.histories.basepay import CALLBACKS, OLGA, Basepay, HistoryLoop, Store, open_sqlite
from tests.histories.books import ALL, Books, Ours
from tests.histories.simulators import Simulators
from tests.simulation.asking import Asked
from tests.simulation.invariants import hold
from tests.simulation.process import Verdict
from tests.simulation.world import Broken

T = TypeVar("T")

#: Everything ends within this, once nothing is wrong any more.
SETTLED_WITHIN, SETTLED_IN_ROUNDS = timedelta(days=9), 2_000

WALLETS = ["00", "00", "01", "01", "02", "03", "04"]

#: Which states Alipay tells of, beside refunds.
NOTIFIED = [
    [TradeStatus.TRADE_SUCCESS],
    [TradeStatus.TRADE_SUCCESS, TradeStatus.TRADE_CLOSED],
    [each for each in TradeStatus if each not in BEFORE_THE_TRADE],
]

WORKERS = ["courier", "callbacks", "sweeper", "relay", "keys", "all"]

which = st.integers(0, 7)

#: Troubles of one exchange, by the simulators' words; `effect`: after the call was carried out.
TROUBLES: Sequence[dict[str, Any]] = [
    {"kind": "cut_before_effect"},
    {"kind": "cut_after_effect"},
    {"kind": "status", "status": 429, "seconds": 7},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "effect": True},
    {"kind": "error"},
    {"kind": "error", "effect": True},
    {"kind": "bad_signature"},
    {"kind": "missing_signature"},
    {"kind": "unknown_serial"},
    {"kind": "signtest", "provider": "wechat"},
    {"kind": "stale_timestamp", "provider": "wechat"},
    {"kind": "error", "provider": "wechat", "code": "BANK_ERROR", "effect": True},
    {"kind": "error", "provider": "wechat", "code": "FREQUENCY_LIMITED"},
    {"kind": "error", "provider": "alipay", "code": "20000", "effect": True},
    {"kind": "error", "provider": "alipay", "code": "40005"},
    {"kind": "duplicate_root", "provider": "alipay"},
]
OPERATIONS = [None, "prepay", "charge", "query", "close", "reverse", "refund", "refund_query"]

#: Troubles that only make sense at one place.
SPECIAL: Sequence[dict[str, Any]] = [
    {"kind": "error", "provider": "wechat", "operation": "prepay", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "charge", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "refund", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "refund", "code": "NOT_ENOUGH"},
    {"kind": "error", "provider": "alipay", "operation": "prepay", "code": "ACQ.ACCESS_FORBIDDEN"},
    {"kind": "error", "provider": "alipay", "operation": "charge", "code": "ACQ.ACCESS_FORBIDDEN"},
    {"kind": "error", "provider": "alipay", "operation": "refund",
     "code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"},
    {"kind": "error", "provider": "alipay", "operation": "refund",
     "code": "ACQ.TRADE_NOT_ALLOW_REFUND"},
    {"kind": "retry_flag", "provider": "alipay", "operation": "reverse"},
    {"kind": "retry_flag", "provider": "alipay", "operation": "reverse", "effect": True},
    {"kind": "no_fund_change", "provider": "alipay", "operation": "refund"},
    {"kind": "no_fund_change", "provider": "alipay", "operation": "refund", "effect": True},
    {"kind": "refund_abnormal", "provider": "wechat"},
    {"kind": "refund_abnormal", "provider": "wechat"},
    {"kind": "refund_closed", "provider": "wechat"},
    {"kind": "status", "operation": "certificates", "status": 500},
]  # fmt: skip
ON_REFUNDS = [each for each in SPECIAL if "refund" in (each.get("operation"), each["kind"][:6])]
ON_CALLBACKS: Sequence[dict[str, Any]] = [
    {"kind": "callback_dropped"},
    {"kind": "callback_dropped", "times": 4},
    {"kind": "callback_late", "seconds": 600},
    {"kind": "callback_late", "seconds": 90_000},
    {"kind": "callback_twice"},
    {"kind": "callback_reordered"},
    {"kind": "callback_forged"},
    {"kind": "bad_signature", "operation": "callback"},
    {"kind": "missing_signature", "operation": "callback"},
    {"kind": "unknown_serial", "operation": "callback"},
]

#: "Not found" of what is there: the provider's parts don't all know yet. Not for long.
NOT_YET: Sequence[dict[str, Any]] = [
    {"kind": "error", "provider": "wechat", "operation": "query", "code": "ORDER_NOT_EXIST"},
    {"kind": "error", "provider": "alipay", "operation": "query", "code": "ACQ.TRADE_NOT_EXIST"},
    {"kind": "error", "provider": "wechat", "operation": "refund_query",
     "code": "RESOURCE_NOT_EXISTS"},
]  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """An order of an app."""

    app: str
    order: int
    amount: int
    method: Method
    wallet: str
    lives: int | None  # seconds
    patient: bool  # the app repeats until it has an answer
    pays: bool  # and its payer pays at once


def _orders() -> st.SearchStrategy[Wanted]:
    return st.builds(
        Wanted,
        app=st.sampled_from(["shop", "canteen"]),
        order=st.integers(1, 3),
        amount=st.sampled_from([8888, 5000, 150_000]),
        method=st.sampled_from([*Method, Method.WECHAT_CODE, Method.ALIPAY_CODE]),
        wallet=st.sampled_from(WALLETS),
        lives=st.sampled_from([None, None, 300, 7_200]),
        patient=st.booleans(),
        pays=st.booleans(),
    )


@st.composite
def _settings(draw: st.DrawFn) -> "Settings":
    flag = st.booleans()
    wechat: dict[str, Any] = {
        "new_spelling": draw(flag),
        "closes_at_expiry": draw(flag),
        "close_again_is_fine": draw(flag),
        "failed_charge_state": draw(st.sampled_from(["PAYERROR", "NOTPAY"])),
        "unanswered_charge_state": draw(st.sampled_from(["NOTPAY", "PAYERROR"])),
        "reversed_unpaid_state": draw(st.sampled_from(["REVOKED", "CLOSED"])),
        "charge_again_shows_payment": draw(flag),
        "changed_repeat_code": draw(st.sampled_from(["OUT_TRADE_NO_USED", "INVALID_REQUEST"])),
        "unpaid_shows_amount": draw(flag),
        "callback_associated_data": draw(flag),
        "answer_probe_share": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "callback_probe_share": draw(st.sampled_from([0.0, 0.0, 0.1])),
        # Else nothing would tell of some refunds made on the site.
        "refund_notify_url": f"{CALLBACKS}/wechat/wechat-main",
    }
    alipay = {
        "repeats_the_code": draw(flag),
        "declined_leaves_trade": draw(flag),
        "repeated_charge_in_process": draw(flag),
        "notifies_charge": draw(flag),
        "cancel_kills_code": draw(flag),
        "links_to_the_original": draw(flag),
        "notified": frozenset(draw(st.sampled_from(NOTIFIED))),
        "refund_shows_after": timedelta(seconds=draw(st.sampled_from([0, 10]))),
    }
    return Settings(
        wechat,
        alipay,
        sqlite=draw(st.integers(0, 7)) == 7,
        certificates=draw(flag),
        public_key=draw(flag),
        slow=draw(st.sampled_from([0.0, 0.0, 0.02, 0.2])),
        seed=draw(st.integers(0, 2**16)),
    )


@dataclass(frozen=True)
class Settings:
    """What one history takes place in."""

    wechat: dict[str, Any]
    alipay: dict[str, Any]
    sqlite: bool
    certificates: bool  # Alipay's account goes by certificates
    public_key: bool  # WeChat Pay's account knows the public key too
    slow: float
    seed: int


class History(RuleBasedStateMachine):
    """One history: what people, providers and time do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = HistoryLoop()
        self.loop.set_exception_handler(lambda *_: None)  # what died is not missed
        self.broken = self.working = False
        self.together, self.waiting = 1, list[Callable[[], Awaitable[object]]]()
        self.folder: Path | None = None
        self.asked: list[Asked] = []
        self.steps = 0

    @initialize(settings=_settings(), orders=st.lists(_orders(), min_size=1, max_size=4))
    def begin(self, settings: Settings, orders: list[Wanted]) -> None:
        random = Random(settings.seed)
        self.sim = Simulators(
            self.loop,
            random,
            WeChatPaySandboxSettings(**settings.wechat),
            AlipayRules(**settings.alipay),
        )
        self.sim.slow = settings.slow
        store: Store = MemoryStore(self.sim.clock)
        if settings.sqlite:
            store, self.folder = self.run(open_sqlite(self.sim.clock))
        self.settings = settings
        self.basepay = Basepay(
            self.sim, store, certificates=settings.certificates, public_key=settings.public_key
        )
        for wanted in orders:
            self.an_app_asks_for_a_payment(wanted)

    # What apps do.

    @rule(wanted=_orders())
    def an_app_asks_for_a_payment(self, wanted: "Wanted") -> None:
        self.act(lambda: self._order_payment(wanted))

    @rule(wanted=_orders())
    def an_app_asks_for_another(self, wanted: "Wanted") -> None:
        self.act(lambda: self._order_payment(wanted))

    @rule(
        n=which,
        number=st.integers(1, 3),
        amount=st.sampled_from([1, 1000, 4444, 0, 200_000]),
        patient=st.booleans(),
    )
    def an_app_asks_for_a_refund(self, n: int, number: int, amount: int, *, patient: bool) -> None:
        """0: of all that was paid."""

        async def ask() -> None:
            if payment := pick(await self._payments(PaymentStatus.SUCCEEDED), n):
                await self._send(
                    "refunds",
                    {
                        "app": payment.app,
                        "payment_id": payment.id,
                        "refund_no": f"RF-{payment.id}-{number}",
                        "amount": amount or payment.amount.fen,
                        "reason": "cold tea",
                    },
                    patient=patient,
                )

        self.act(ask)

    @rule(n=which, number=st.integers(1, 3), amount=st.sampled_from([1000, 4444, 0]))
    def an_app_gives_back(self, n: int, number: int, amount: int) -> None:
        self.an_app_asks_for_a_refund(n, number, amount, patient=True)

    @rule(n=which)
    def an_app_retries_a_refund(self, n: int) -> None:
        async def retry() -> None:
            failed = [r for r in await self._refunds() if r.status is RefundStatus.FAILED]
            failed = [r for r in failed if not r.refund_no.startswith(("dup-", "ext-"))]
            if refund := pick(failed, n):
                facts = {
                    "app": refund.app,
                    "payment_id": refund.payment_id,
                    "refund_no": refund.refund_no,
                    "amount": refund.amount.fen,
                    "reason": refund.reason,
                }
                await self._send("refunds", facts, patient=False)

        self.act(retry)

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 30), changed=st.integers(0, 3))
    def an_app_repeats_itself(self, n: int, changed: int) -> None:
        """3: with other content under the same key."""
        asked = self.asked[n % len(self.asked)]
        self.act(lambda: self._reuse(asked) if changed == 3 else self.basepay.ask(asked))

    @rule(n=which, wants=st.sampled_from(["close", "payment", "refund"]))
    def an_app_closes_or_looks(self, n: int, wants: str) -> None:
        async def ask() -> None:
            app = self.basepay.app
            if wants == "refund" and (refund := pick(await self._refunds(), n)):
                await app.get_refund(Caller(refund.app), refund.id, refresh=True)
            elif payment := pick(await self._payments(), n):
                caller = Caller(payment.app)
                if wants == "close":
                    await app.close_payment(caller, payment.id)
                else:
                    await app.get_payment(caller, payment.id, refresh=True)

        self.act(ask)

    @rule(on=st.booleans())
    def an_operator_turns_the_switch(self, *, on: bool) -> None:
        self.act(lambda: self.basepay.app.one_fen.turn(OLGA, on=on))

    # What payers do, and people on the providers' own sites.

    @rule(
        n=which,
        action=st.sampled_from([*PayerAction, *[PayerAction.PAY] * 4]),
    )
    def a_payer_acts(self, n: int, action: PayerAction) -> None:
        """Who has got a link opens it first; who shows a code has the phone in the hand."""
        self.act(lambda: self._payer_acts(n, action))

    @rule(n=st.integers(0, 2))
    def a_payer_pays(self, n: int) -> None:
        self.act(lambda: self._payer_acts(n, PayerAction.PAY))

    @rule(n=which, what=st.sampled_from(["all", "a part", "reversal", "arrives", "is closed"]))
    def something_happens_on_the_site(self, n: int, what: str) -> None:
        """A refund, a reversal by another till, or the end of an abnormal refund."""

        async def happens() -> None:
            self.sim.pass_time()
            orders, refunds = self.sim.book.orders(), self.sim.book.refunds()
            if what == "reversal":
                if order := pick([each for each in orders if each.product == "code"], n):
                    self._reverse(order)
            elif what in ("all", "a part"):
                if order := pick([each for each in orders if each.paid_at], n):
                    self._refund_on_site(order, wholly=what == "all")
            elif refund := pick([each for each in refunds if each.state == "ABNORMAL"], n):
                self.sim.wechat.merchant_mends(refund, arrives=what == "arrives")

        self.act(happens)

    @rule(
        method=st.sampled_from([Method.WECHAT_CODE, Method.ALIPAY_CODE]),
        order=st.integers(1, 3),
        seconds=st.sampled_from([16, 20, 40, 46]),
        delay=st.floats(0, 0.3),
        closes=st.booleans(),
    )
    def a_payer_races_the_end(
        self, method: Method, order: int, seconds: int, delay: float, *, closes: bool
    ) -> None:
        """The password is typed while the charge is being taken back."""
        self.flush()
        self._at_a_till(method, order)
        self.time_passes(seconds)
        payments = self.run(self._payments())
        self.together = 2

        async def pays() -> None:
            await asyncio.sleep(delay)
            await self._payer_acts(0, PayerAction.PASSWORD)
            await self._payer_acts(0, PayerAction.PAY)

        async def ends() -> None:
            if closes and payments:
                await self.basepay.app.close_payment(Caller(payments[-1].app), payments[-1].id)
            else:
                await self.basepay.app.sweep()

        self.act(pays)
        self.act(ends)

    # What goes wrong at providers and on the way, and what changes there.

    @rule(
        trouble=st.sampled_from(TROUBLES),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(OPERATIONS),
        times=st.sampled_from([1, 1, 2, 5, None]),
    )
    def trouble_at_a_provider(
        self, trouble: dict[str, Any], provider: str, operation: str | None, times: int | None
    ) -> None:
        facts = {"provider": provider, "operation": operation, "times": times}
        self.sim.faults.arm(Fault(**facts | trouble))

    @rule(
        trouble=st.sampled_from([*SPECIAL, *ON_CALLBACKS, *NOT_YET]),
        provider=st.sampled_from(["wechat", "alipay"]),
    )
    def trouble_at_one_place(self, trouble: dict[str, Any], provider: str) -> None:
        self.sim.faults.arm(Fault(**{"provider": provider} | trouble))

    @rule(
        trouble=st.sampled_from(TROUBLES),
        operation=st.sampled_from([None, "prepay", "charge", "query"]),
        times=st.sampled_from([1, 2, 5]),
        wanted=_orders(),
    )
    def an_order_meets_trouble(
        self, trouble: dict[str, Any], operation: str | None, times: int, wanted: Wanted
    ) -> None:
        self.trouble_at_a_provider(trouble, wanted.method.partition("_")[0], operation, times)
        self.an_app_asks_for_a_payment(wanted)

    @rule(
        trouble=st.sampled_from([*TROUBLES, *ON_REFUNDS]),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(["refund", "refund_query"]),
        times=st.sampled_from([1, 2, 5]),
        n=which,
        amount=st.sampled_from([1000, 4444, 0]),
    )
    def a_refund_meets_trouble(
        self,
        trouble: dict[str, Any],
        provider: str,
        operation: str,
        times: int,
        n: int,
        amount: int,
    ) -> None:
        self.trouble_at_a_provider(trouble, provider, operation, times)
        self.an_app_asks_for_a_refund(n, 1, amount, patient=False)

    @rule(
        trouble=st.sampled_from(TROUBLES),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(["close", "reverse", "query"]),
        seconds=st.sampled_from([1, 20, 300]),
        n=which,
    )
    def a_close_meets_trouble(
        self, trouble: dict[str, Any], provider: str, operation: str, seconds: int, n: int
    ) -> None:
        self.trouble_at_a_provider(trouble, provider, operation, 1)
        self.time_passes(seconds)
        self.an_app_closes_or_looks(n, "close")

    @rule(trouble=st.sampled_from(ON_CALLBACKS), wanted=_orders(), n=which)
    def callbacks_meet_trouble(self, trouble: dict[str, Any], wanted: Wanted, n: int) -> None:
        """Of a payment, and of a refund of another one."""
        self.trouble_at_one_place(trouble, wanted.method.partition("_")[0])
        self.an_app_asks_for_a_payment(replace(wanted, pays=True))
        self.an_app_asks_for_a_refund(n, 3, 1000, patient=True)
        self.time_passes(3)
        self.workers_come(["courier", "callbacks"])

    @rule()
    def providers_behave_again(self) -> None:
        self.sim.faults.clear()

    @rule(n=which, provider=st.sampled_from(["wechat", "alipay"]))
    def keys_are_turned(self, n: int, provider: str) -> None:
        """Only as far as this account's settings go."""
        steps = list(self.sim.providers[provider].key_steps)
        if provider == "wechat" and not self.settings.public_key:
            steps = [step for step in steps if "public_key" not in step]
        if provider == "alipay" and not self.settings.certificates:
            steps = ["reissue_certificate"]
        step = steps[n % len(steps)]

        async def turn() -> None:
            self.sim.providers[provider].turn_keys(step)

        self.act(turn)
        self.workers_come(["courier", "sweeper", "keys"])

    @precondition(lambda self: self.sim.courier.sent or self.sim.book.pending_callbacks())
    @rule(n=st.integers(0, 30), forged=st.booleans())
    def a_callback_comes_out_of_turn(self, n: int, *, forged: bool) -> None:
        """An old one once more, or one that a stranger wrote."""
        courier = self.sim.courier
        if not forged and courier.sent:
            name, message = courier.sent[n % len(courier.sent)]
            self.act(lambda: courier.post(name, message))
        elif forged and (callback := pick(self.sim.book.pending_callbacks(), n)):
            self.act(lambda: self._forge(callback))

    # What time and basepay do.

    @rule(seconds=st.sampled_from([1, 3, 6, 16, 50, 62, 62, 300, 2_000, 7_300, 90_000, 700_000]))
    def time_passes(self, seconds: int) -> None:
        async def passes() -> None:
            self._now_all_know()
            pauses = (seconds / 20, seconds / 4, seconds * 0.7)
            for pause in pauses if self.working else [seconds]:
                await asyncio.sleep(pause)
                self.sim.pass_time()
                if self.working:
                    await self.basepay.try_to(self.basepay.work)

        self.act(passes)

    @rule(seconds=st.sampled_from([2, 7, 20, 62, 130]))
    def a_little_time_passes(self, seconds: int) -> None:
        self.time_passes(seconds)

    @rule(on=st.booleans())
    def workers_run(self, *, on: bool) -> None:
        self.working = on

    @rule(who=st.sampled_from(WORKERS))
    def a_worker_comes(self, who: str) -> None:
        self.act(lambda: self._come(who))

    @rule(whos=st.lists(st.sampled_from(WORKERS), min_size=2, max_size=4))
    def workers_come(self, whos: list[str]) -> None:
        async def come() -> None:
            for who in whos:
                await self._come(who)

        self.act(come)

    @rule(k=st.integers(2, 4))
    def much_happens_at_once(self, k: int) -> None:
        """The next things happen at the same time."""
        self.flush()
        self.together = k

    @rule(moments=st.integers(0, 40), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]))
    def basepay_will_be_struck(self, moments: int, verdict: Verdict) -> None:
        """It dies, or a commit, a queue or a line fails, before or after its effect; 0: now."""
        if moments:
            self.basepay.doom.set(verdict, moments)
        else:
            self.flush()
            self.basepay.process.dead = True
            self.basepay.mourn()

    @rule(moments=st.integers(1, 30), wanted=_orders())
    def it_dies_over_an_order(self, moments: int, wanted: Wanted) -> None:
        self.basepay_will_be_struck(moments, Verdict.DIE)
        self.an_app_asks_for_a_payment(wanted)

    @rule(moments=st.integers(1, 30), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]), n=which)
    def it_is_struck_over_a_refund(self, moments: int, verdict: Verdict, n: int) -> None:
        self.basepay_will_be_struck(moments, verdict)
        self.an_app_asks_for_a_refund(n, 2, 1000, patient=True)

    @rule(moments=st.integers(1, 60), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]))
    def it_is_struck_at_work(self, moments: int, verdict: Verdict) -> None:
        self.basepay_will_be_struck(moments, verdict)
        self.time_passes(20)
        self.workers_come(["all", "all"])

    # How a history is lived.

    def act(self, what: Callable[[], Awaitable[object]]) -> None:
        """Do it now, or together with what comes next."""
        self.waiting.append(what)
        if len(self.waiting) >= self.together:
            self.flush()

    def flush(self) -> None:
        """Do what waits, all at once; then every promise must hold."""
        todo, self.waiting, self.together = self.waiting, [], 1
        if todo:
            self.run(self._at_once(todo))

    async def _at_once(self, todo: Sequence[Callable[[], Awaitable[object]]]) -> None:
        results = await asyncio.gather(*map(self._guarded, todo), return_exceptions=True)
        self.steps += len(todo)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self.basepay.mourn()
        (await self._books()).check_always()

    async def _guarded(self, what: Callable[[], Awaitable[object]]) -> None:
        with suppress(PayerRefused):
            await self.basepay.try_to(what)

    def run(self, story: Awaitable[T]) -> T:
        """Let the loop run until it is over."""

        async def told() -> T:
            return await story

        try:
            return self.loop.run_until_complete(told())
        except BaseException:
            self.broken = True
            raise

    def teardown(self) -> None:
        """Let everything come to its end and compare the books."""
        try:
            if not self.broken and hasattr(self, "basepay"):
                self.flush()
                self.run(self._end())
        finally:
            self._leave()

    def _leave(self) -> None:
        self.loop.run_until_complete(self._stop())
        self.loop.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _stop(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if hasattr(self, "basepay"):
            await self.basepay.store.close()

    async def _end(self) -> None:
        self.sim.faults.clear()
        self.sim.slow = 0.0
        self.basepay.doom.lift()
        await asyncio.sleep(30)  # what is under way arrives
        await self._settle()
        await self._hear_of_the_bill()
        await self._settle()
        (await self._books()).check_settled()
        await self._check_stream()
        for asked, _ in list(self.basepay.answers.values()):
            await self.basepay.ask(asked)

    async def _settle(self) -> None:
        """Let providers and workers go on until nothing is owed."""
        ends_at = self.sim.clock.now() + SETTLED_WITHIN
        for _ in range(SETTLED_IN_ROUNDS):
            self.sim.pass_time()
            await self.basepay.work()
            while await self.basepay.app.apply_callbacks() + await self.basepay.announce():
                pass
            soonest = await self._soonest()
            if soonest is None:
                return
            if self.sim.clock.now() > ends_at:
                break
            await asyncio.sleep(max(soonest, 1.0))
        raise Broken(f"I1: it does not end: {await self._unfinished()}")

    async def _soonest(self) -> float | None:
        """Seconds until something is due; None when nothing is."""
        now = self.sim.clock.now()
        due = [order.next_check_at or now for order in await self._unfinished()]
        due += [each.next_at or now for each in self.sim.book.pending_callbacks()]
        due += [r.settles_at for r in self.sim.book.refunds() if r.settles_at]
        if await self.basepay.store.callbacks.take(1, at=now + timedelta(days=9)):
            due.append(now + timedelta(seconds=10))
        if await self.basepay.store.outbox.waiting(1):
            due.append(now)
        return min((at - now).total_seconds() for at in due) if due else None

    async def _unfinished(self) -> list[Payment | Refund]:
        orders: list[Payment | Refund] = [*await self._payments(), *await self._refunds()]
        return [each for each in orders if each.open]

    async def _hear_of_the_bill(self) -> None:
        """What happened elsewhere and was never heard of is told again, as the bill would do."""
        for payment in await self._payments():
            order = self._order(payment)
            if order is not None and order.state == "REVOKED":
                await asyncio.sleep(3)
                await self.basepay.app.get_payment(OLGA, payment.id, refresh=True)
        for callback in self.sim.courier.missed():
            taken = [await self.sim.courier.tell(callback) for _ in range(5)]  # some are probes
            hold("I1: a callback is refused for ever", any(taken), callback)

    async def _check_stream(self) -> None:
        """Each event reached the stream, in order."""
        taken = {message.id for message in self.basepay.stream.taken}
        ours = await self._ours()
        hold("I5: never published", taken == {message.id for message in ours.messages})
        highest: dict[str, int] = {}
        for message in self.basepay.stream.taken:
            before = highest.get(message.order_id, 1)
            hold("I6: out of order", message.sequence <= before + 1, message)
            highest[message.order_id] = max(before, message.sequence)

    def _now_all_know(self) -> None:
        lies = [fault.code for fault in (Fault(**each) for each in NOT_YET)]
        kept = [fault for fault in self.sim.faults.armed() if fault.code not in lies]
        self.sim.faults.clear()
        for fault in kept:
            self.sim.faults.arm(fault)

    def _at_a_till(self, method: Method, order: int) -> None:
        facts = {"app": "shop", "order": order, "amount": 5000, "lives": None}
        waits = Wanted(**facts, method=method, wallet="01", patient=True, pays=False)
        self.an_app_asks_for_a_payment(waits)

    async def _order_payment(self, wanted: "Wanted") -> None:
        method = wanted.method
        facts: dict[str, Any] = {
            "app": wanted.app,
            "order_no": f"SO-{wanted.order}",
            "amount": wanted.amount,
            "subject": "Two cups of tea",
            "method": method,
            **NEEDS[method],
        }
        if method in BEGINNINGS:
            code = f"{BEGINNINGS[method]}{len(self.asked):014d}{wanted.wallet}"
            facts["payer"] = {"auth_code": code}
        elif wanted.lives is not None:
            facts["expires_in"] = wanted.lives
        await self.basepay.try_to(lambda: self._send("payments", facts, patient=wanted.patient))
        if wanted.pays:
            await self._payer_acts(0, PayerAction.PAY)

    async def _come(self, who: str) -> None:
        basepay = self.basepay
        match who:
            case "courier":
                await self.sim.courier.deliver()
            case "callbacks":
                await basepay.app.apply_callbacks()
            case "sweeper":
                await basepay.app.sweep()
            case "relay":
                await basepay.announce()
            case "keys":
                await basepay.keep_up()
            case _:
                await basepay.work()

    async def _forge(self, callback: Callback) -> None:
        struck = {"callback_forged": Fault(kind="callback_forged")}
        message = self.sim.providers[callback.provider].render(callback, struck)
        status, _ = await self.sim.courier.post(callback.provider, message)
        hold("I10: a forged callback was taken", status != 200, callback)

    async def _reuse(self, asked: Asked) -> None:
        if asked.idempotency_key in self.basepay.answers:
            other = Asked(asked.route, asked.key, asked.facts | {"amount": 77})
            try:
                await self.basepay.ask(other)
            except IdempotencyKeyReused:
                return
            hold("I9: a reused key was taken", False, other)

    async def _payer_acts(self, n: int, action: PayerAction) -> None:
        payments = await self._payments()
        payments = [p for p in payments if p.action or p.terms.charges_at_once]
        if payment := pick(payments, n):
            self.sim.pass_time()
            provider = self.sim.providers[payment.terms.provider]
            order = provider.opens(_link(payment)) or self._order(payment)
            if order is not None:
                provider.payer_acts(order, action)

    async def _send(self, route: str, facts: dict[str, Any], *, patient: bool) -> None:
        asked = Asked(route, f"k{len(self.asked)}", facts)
        self.asked.append(asked)
        if patient:
            await self.basepay.survive(lambda: self.basepay.ask(asked))
        else:
            await self.basepay.ask(asked)

    def _refund_on_site(self, order: Order, *, wholly: bool) -> None:
        returns = self.sim.book.refunds_of(order)
        left = order.amount - sum(r.amount for r in returns if r.state != "CLOSED")
        amount = left if wholly else min(left, 1000)
        if amount:
            number = f"site{len(self.sim.book.refunds())}"
            self.sim.providers[order.provider].merchant_refunds(order, number, amount, "")

    def _reverse(self, order: Order) -> None:
        with suppress(WeChatRefused, AlipayRefused):
            if order.provider == "wechat":
                request = {"appid": order.details["request"]["appid"], "mchid": order.merchant}
                self.sim.wechat._calls.codes.reverse(order, request)
            else:
                reference = TradeReference(out_trade_no=order.provider_order_no)
                trade_calls._cancel(self.sim.alipay._desk, reference)

    def _order(self, payment: Payment) -> Order | None:
        return self.sim.book.order(payment.terms.provider, payment.provider_order_no)

    async def _ours(self) -> Ours:
        store = self.basepay.store
        return await Ours.read(store.library, store.outbox, store.work)

    async def _books(self) -> Books:
        self.sim.pass_time()
        return Books(await self._ours(), self.sim.book, self.sim.clock.now())

    async def _payments(self, status: PaymentStatus | None = None) -> list[Payment]:
        """Oldest first."""
        payments = (await self.basepay.store.library.payments(ALL)).items
        return [p for p in reversed(payments) if status in (None, p.status)]

    async def _refunds(self) -> list[Refund]:
        return list(reversed((await self.basepay.store.library.refunds(ALL)).items))


def pick(items: Sequence[T], n: int) -> T | None:
    """One of them, if there is any; the newest for 0."""
    return items[-1 - n % len(items)] if items else None


def _link(payment: Payment) -> str:
    """What the payer's browser or app opens."""
    details = payment.action.details if payment.action else {}
    return str(details.get("url") or details.get("order_string") or "")
