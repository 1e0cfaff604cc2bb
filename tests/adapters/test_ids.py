"""Identifiers sort as they were made."""

import re

from adapters.ids import new_nonce, new_ulid


def test_a_thousand_ids_of_the_same_moment_sort_as_they_were_made():
    ids = [new_ulid() for _ in range(1000)]

    assert ids == sorted(set(ids))


def test_an_id_is_26_characters_of_crockfords_base_32():
    assert re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", new_ulid())


def test_no_two_nonces_are_equal():
    assert len({new_nonce() for _ in range(1000)}) == 1000
