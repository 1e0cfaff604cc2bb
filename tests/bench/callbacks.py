"""How fast callbacks are taken and refused: a real process, real sockets, a SQLite file.

    python -m tests.bench.callbacks [count]

Prints for each kind of callback how many a second, what each costs the server, and how long the
sender waits.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import perf_counter

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from tests.adapters.providers.conftest import served
from tests.hostile import alipay_attacks, wechat_attacks
from tests.hostile.hands import AlipayHand, Target, WeChatHand, form
from tests.hostile.posts import Post
from tests.hostile.storm import Answered, storm
from tests.hostile.victim import Victim, attacked

#: So many genuine letters are written beforehand and then sent by turns.
LETTERS = 200


def bench(victim: Victim, count: int) -> None:
    rng = Random(1)
    wechat = WeChatHand(victim.ring, victim.credentials["wechat"])
    alipay = AlipayHand(victim.ring, victim.credentials["alipay"])
    at_wechat, at_alipay = (
        [victim.order(provider, number) for number in range(LETTERS)]
        for provider in ("wechat", "alipay")
    )

    def forged(attacks: dict[str, Callable[..., Post]], kind: str, hand: object) -> list[Post]:
        targets = at_wechat if hand is wechat else at_alipay
        return [attacks[kind](rng, hand, each, targets[0]) for each in targets[1:]]

    def genuine(write: Callable[[Target], Post], targets: list[Target]) -> list[Post]:
        return [write(each) for each in targets]

    kinds = {
        "wechat genuine": genuine(lambda it: wechat_attacks.post(wechat.paid(it)), at_wechat),
        "alipay genuine": genuine(
            lambda it: Post(alipay_attacks.URL, form(alipay.paid(it))), at_alipay
        ),
        "wechat stranger's key": forged(wechat_attacks.REFUSED, "stranger's key", wechat),
        "wechat probe": forged(wechat_attacks.REFUSED, "probe", wechat),
        "wechat 1 MB": forged(wechat_attacks.REFUSED, "long", wechat),
        "alipay stranger's key": forged(alipay_attacks.REFUSED, "stranger's key", alipay),
        "alipay no form": forged(alipay_attacks.REFUSED, "no form", alipay),
        "alipay 1 MB": forged(alipay_attacks.REFUSED, "long", alipay),
    }
    tell(f"{'':24}{'per second':>12}{'CPU-ms':>9}{'p50 ms':>9}{'p99 ms':>9}")
    for kind, posts in kinds.items():
        measure(victim, kind, posts, count if "1 MB" not in kind else count // 10)


def measure(victim: Victim, kind: str, posts: list[Post], count: int) -> None:
    def writer(number: int) -> tuple[str, Callable[[], Post]]:
        return kind, lambda: posts[number % len(posts)]

    cpu, began = victim.cpu_seconds(), perf_counter()
    answers = asyncio.run(storm(victim.url, map(writer, range(count))))
    took, cpu = perf_counter() - began, victim.cpu_seconds() - cpu
    wrong = [each for each in answers if _is_wrong(each)]
    assert not wrong, wrong[:3]
    waits = sorted(answer.seconds * 1000 for answer in answers)
    tell(
        f"{kind:24}{count / took:12.0f}{cpu / count * 1000:9.2f}"
        f"{waits[count // 2]:9.1f}{waits[count * 99 // 100]:9.1f}"
    )


def _is_wrong(answer: Answered) -> bool:
    return answer.status != 200 if "genuine" in answer.kind else not answer.refused


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    ring, providers = KeyRing(), [WeChatPaySandbox, AlipaySandbox]
    app = create_sandbox(environment="test", clock=MovableClock(), providers=providers, keys=ring)
    with (
        tempfile.TemporaryDirectory() as directory,
        served(app) as url,
        attacked(url, ring, Path(directory)) as victim,
    ):
        bench(victim, count)


if __name__ == "__main__":
    main()
