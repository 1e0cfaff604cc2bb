"""What the switches promise, held against every store."""

from datetime import timedelta

from adapters.persistence.sql.store import SqlStore
from tests.adapters.persistence.making import NOW


def test_one_fen_is_off_until_somebody_turns_it_on(run, store):
    assert run(store.switches.one_fen()) is False


def test_a_switch_stands_as_it_was_turned_last(run, store):
    seen = []
    for minutes, on in enumerate((True, True, False, True)):
        at = NOW + timedelta(minutes=minutes)
        run(store.switches.turn_one_fen(on=on, by="zhang", at=at))
        seen.append(run(store.switches.one_fen()))

    assert seen == [True, True, False, True]


def test_another_process_sees_the_switch_turned_and_by_whom(run, sqlite_store, database):
    async def look_from_elsewhere():
        other = await SqlStore.open(f"sqlite:///{database}")
        try:
            before = await other.switches.one_fen()
            await sqlite_store.switches.turn_one_fen(on=True, by="zhang", at=NOW)
            await sqlite_store.switches.turn_one_fen(on=True, by="li", at=NOW)
            return before, await other.switches.one_fen()
        finally:
            await other.close()

    assert run(look_from_elsewhere()) == (False, True)
    row = sqlite_store._writer._connection.execute("SELECT turned_by FROM switches")
    assert row.fetchall() == [("li",)]
