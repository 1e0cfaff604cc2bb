"""Somebody who posts callbacks that nobody may believe, while the cluster has other troubles (I10).

To orders of customers: forged, stale, damaged ones, and what belongs to another merchant. To
orders of their own, which nobody has paid: what is signed rightly and untrue.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.providers.sandbox.keys import KeyRing
from domain.method import TERMS, Method
from tests.asking import an_order_by
from tests.books import View
from tests.hostile import alipay_attacks, wechat_attacks
from tests.hostile.hands import AlipayHand, Target, WeChatHand
from tests.hostile.posts import Post
from tests.hostile.storm import storm
from tests.load import Lines

ATTACKS: dict[str, ModuleType] = {"wechat": wechat_attacks, "alipay": alipay_attacks}
METHODS = {"wechat": Method.WECHAT_NATIVE, "alipay": Method.ALIPAY_QR}

#: Here an account has no other one that believes the same keys.
NOT_HERE = "to the other account"

KINDS = [
    (provider, group, name)
    for provider, attacks in ATTACKS.items()
    for group in ("REFUSED", "MISMATCHES", "UNCONFIRMED", "STRAYS")
    for name in getattr(attacks, group)
    if (group, name) != ("STRAYS", NOT_HERE)
]

#: What the numbers of our own orders begin with.
BAIT = "F"

#: Posts of one turn.
AT_ONCE = 3

#: Looks at the incidents, half a second apart: a worker that died holds a message for a minute.
PATIENCE = 300

Order = Callable[..., Awaitable[View | None]]


@dataclass
class Forger:
    """Does each kind once, in any order; and again."""

    chance: random.Random
    hands: dict[str, Any]
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    prey: defaultdict[str, list[View]] = field(default_factory=lambda: defaultdict(list))
    slandered: dict[str, View] = field(default_factory=dict)
    _heard: set[str] = field(default_factory=set)  # slanders that were acknowledged
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._kinds = chain.from_iterable(self._round() for _ in count())

    @classmethod
    async def with_the_keys_of(
        cls, data_dir: Path, lines: Lines, chance: random.Random
    ) -> "Forger":
        """Those of the providers, with which the simulators sign, too."""
        ring = KeyRing(data_dir)
        told = (await lines.sandbox.get("/sandbox/credentials")).raise_for_status().json()
        hands = WeChatHand(ring, told["wechat"]), AlipayHand(ring, told["alipay"])
        return cls(chance, dict(zip(ATTACKS, hands, strict=True)))

    async def post(self, lines: Lines, customers: list[View], order: Order) -> None:
        """A few, to the gateways."""
        for _ in range(AT_ONCE):
            provider, group, name = next(self._kinds)
            while len(self.prey[provider]) < 2:
                if (bait := await self._bait(provider, lines, order)) is None:
                    return
                self.prey[provider].append(bait)
            other, target = self.prey[provider]
            if group == "REFUSED" and self.chance.random() < 0.7:
                target = self._somebody(provider, customers) or target
            if group == "MISMATCHES":
                if (bait := await self._bait(provider, lines, order)) is None:
                    return
                target = self.slandered[bait["id"]] = bait
            attack = getattr(ATTACKS[provider], group)[name]
            hand, sides = self.hands[provider], (_target(target), _target(other))
            await self._send(
                lines, group, f"{provider}/{name}", target, attack(self.chance, hand, *sides)
            )

    async def findings(self, lines: Lines) -> list[str]:
        """What was believed; then the slandered orders are really paid, and that counts."""
        unheard = await self._unheard(lines)
        ours = [*chain.from_iterable(self.prey.values()), *self.slandered.values()]
        events, refunds = [await lines.all_of(kind) for kind in ("events", "refunds")]
        about = {*(each["subject"] for each in events), *(each["payment_id"] for each in refunds)}
        found = [*self.wrong, *(f"nobody looks at {id}, which was slandered" for id in unheard)]
        for bait in ours:
            now = (await lines.api.get(f"/v1/payments/{bait['id']}")).raise_for_status().json()
            if now != bait or bait["id"] in about:
                found.append(f"somebody believed a forger: {bait} is {now}")
        for bait in self.slandered.values():
            assert await lines.payer("pay", bait), bait
        return found

    def _round(self) -> list[tuple[str, str, str]]:
        for hand in self.hands.values():
            hand.written.clear()  # what they write from would be stale some time
        return self.chance.sample(KINDS, len(KINDS))

    async def _bait(self, provider: str, lines: Lines, order: Order) -> View | None:
        """An order that is open and costs what it should; in times of trouble perhaps none."""
        number = f"{BAIT}-{next(self._numbers)}"
        how = an_order_by(METHODS[provider])
        view = await order(lines, number, number, amount=1000, **how)
        whole = view is not None and view["action"] and view["charged_amount"] == 1000
        return view if whole else None

    def _somebody(self, provider: str, customers: list[View]) -> View | None:
        theirs = [
            each
            for each in customers[-30:]
            if TERMS[Method(each["method"])].provider == provider and each["order_no"][0] != BAIT
        ]
        return self.chance.choice(theirs) if theirs else None

    async def _send(self, lines: Lines, group: str, kind: str, target: View, post: Post) -> None:
        url = str(lines.api.base_url).rstrip("/")
        [answer] = await storm(url, [(kind, lambda: post)], at_once=1)
        self.answers[f"{group.lower()} {_said(answer.status)}"] += 1
        if answer.status == 200 and group == "MISMATCHES":
            self._heard.add(target["id"])
        if answer.status == 500 or (200 <= answer.status < 300 and group == "REFUSED"):
            self.wrong.append(f"{kind} was answered {answer.status}, about {target['id']}")
        if 400 <= answer.status < 500 and group != "REFUSED":
            self.wrong.append(f"{kind} is signed rightly and was answered {answer.status}")

    async def _unheard(self, lines: Lines) -> set[str]:
        """Slanders that were acknowledged and show in no incident."""
        unheard, looks = set(self._heard), 0
        while unheard and looks < PATIENCE:
            unheard, looks = self._heard - await _doubted(lines), looks + 1
            await asyncio.sleep(0.5)
        return unheard


async def _doubted(lines: Lines) -> set[str]:
    """The payments of which operators hear that something about them is not true."""
    found, cursor = set[str](), ""
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await lines.operator.get("/v1/incidents", params=query)).raise_for_status().json()
        found |= {each["order_id"] for each in page["items"] if each["kind"] == "payment_mismatch"}
        cursor = page["next_cursor"]
        if not cursor:
            return found


def _target(view: View) -> Target:
    return Target(view["id"], view["provider_order_no"], view["charged_amount"])


def _said(status: int) -> str:
    if 200 <= status < 300:
        return "acknowledged"
    return "refused" if 400 <= status < 500 else "unanswered"
