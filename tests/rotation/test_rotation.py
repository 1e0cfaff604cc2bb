"""Keys are changed under load: no genuine callback is refused, no call fails, nothing is lost.

`PROOF_ROTATION_CALLBACKS` sets how many callbacks come between two steps (`stories.BETWEEN`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.providers.wechat_pay import certificates
from tests.rotation.shops import busy
from tests.rotation.stack import Stack, by_files, stack
from tests.rotation.stories import (
    SEAMLESS,
    Story,
    alipays_certificate_unannounced,
    alipays_key_unannounced,
)

#: Who says that something genuine was not believed.
DISTRUST = ("basepay.gateway", "basepay.wechat_pay", "basepay.alipay", "basepay.configuration")


@dataclass(frozen=True)
class Told:
    """How a story ended."""

    refused: Sequence[str]  # callbacks, by the simulators' own record
    failed: Sequence[str]  # calls of the shops
    doubted: Sequence[str]  # callbacks and answers, by our log
    disagreements: Sequence[str]  # between the books, at the end


@pytest.fixture
def tell(run, tmp_path: Path, caplog):
    """Tells a story from the first sale until everything has come to rest."""
    caplog.set_level(logging.INFO, logger="basepay")

    async def whole(story: Story) -> Told:
        async with stack(tmp_path, caplog, wechat=story.wechat, alipay=story.alipay) as here:
            return await in_the_town(story, here)

    async def in_the_town(story: Story, here: Stack) -> Told:
        async with busy(here) as shops:
            await story.tell(here, shops)
            await shops.close()
            differing = await shops.settle()
            return Told(here.refused_callbacks(), shops.failed, doubts(), differing)

    def doubts() -> list[str]:
        troubles = [each for each in caplog.records if each.levelno >= logging.WARNING]
        return [each.getMessage() for each in troubles if each.name in DISTRUST]

    return lambda story: run(whole(story))


@pytest.mark.parametrize("name", list(SEAMLESS))
def test_keys_change_and_nothing_genuine_is_refused(tell, name):
    told = tell(SEAMLESS[name])

    assert told == Told([], [], [], [])


def test_nothing_is_lost_when_nobody_entered_alipays_certificate(tell):
    told = tell(Story(alipays_certificate_unannounced, alipay=by_files))

    assert (told.failed, told.disagreements) == ([], [])


def test_nothing_is_lost_when_somebody_entered_alipays_key_too_late(tell):
    told = tell(Story(alipays_key_unannounced))

    assert told.failed
    assert told.disagreements == []


def test_who_does_not_ask_for_certificates_believes_nobody(tell, monkeypatch):
    """The measure measures: without the hourly question the same story ends badly."""
    monkeypatch.setattr(certificates, "USUAL", timedelta(days=400))
    monkeypatch.setattr(certificates, "SOON", timedelta(days=400))

    told = tell(SEAMLESS["wechat_certificate"])

    assert told.failed
    assert told.doubted
    assert told.disagreements == []
