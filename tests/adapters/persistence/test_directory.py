"""What the directory of callers promises, held against every store."""

import pytest

from application.ports import AlreadyExists
from application.records import Caller
from tests.adapters.persistence.making import NOW

SHOP, BOSS = Caller("shop"), Caller("shop", operator=True)


def test_who_holds_a_key_is_known_by_it(run, store):
    run(store.directory.add_key(SHOP, "a" * 64, NOW))
    run(store.directory.add_key(BOSS, "b" * 64, NOW))

    assert run(store.directory.authenticate("a" * 64)) == SHOP
    assert run(store.directory.authenticate("b" * 64)) == BOSS
    assert run(store.directory.authenticate("c" * 64)) is None


def test_one_key_belongs_to_one_caller(run, store):
    run(store.directory.add_key(SHOP, "a", NOW))

    with pytest.raises(AlreadyExists):
        run(store.directory.add_key(BOSS, "a", NOW))


def test_after_rotation_the_old_key_lives_until_its_end_and_the_new_one_goes_on(run, store, clock):
    for key in ("old", "new"):
        run(store.directory.add_key(SHOP, key, NOW))
    run(store.directory.add_key(BOSS, "boss", NOW))
    clock.passes(hours=1)
    end = clock.now()
    clock.passes(minutes=-1)
    run(store.directory.retire_keys(SHOP, keep="new", after=end))
    assert run(store.directory.authenticate("old")) == SHOP

    clock.passes(minutes=1)

    assert run(store.directory.authenticate("old")) is None
    assert run(store.directory.authenticate("new")) == SHOP
    assert run(store.directory.authenticate("boss")) == BOSS


def test_a_later_rotation_does_not_wake_a_retired_key(run, store, clock):
    for key in ("first", "second", "third"):
        run(store.directory.add_key(SHOP, key, NOW))
    run(store.directory.retire_keys(SHOP, keep="third", after=NOW))
    clock.passes(hours=1)

    run(store.directory.retire_keys(SHOP, keep="third", after=clock.now()))
    clock.passes(minutes=-1)

    assert run(store.directory.authenticate("first")) is None


def test_callers_are_listed_with_the_number_of_their_live_keys(run, store):
    for caller, key in ((SHOP, "1"), (SHOP, "2"), (BOSS, "3"), (Caller("atelier"), "4")):
        run(store.directory.add_key(caller, key, NOW))
    run(store.directory.retire_keys(SHOP, keep="2", after=NOW))
    run(store.directory.retire_keys(BOSS, keep="none", after=NOW))

    assert run(store.directory.callers()) == [(Caller("atelier"), 1), (SHOP, 1), (BOSS, 0)]
