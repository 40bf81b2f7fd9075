from __future__ import annotations

import time
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import names
from kit.errors import Fault


@given(st.uuids(), st.uuids())
def test_a_name_that_was_joined_can_be_parsed(member: object, hold: object) -> None:
    name = names.join("members", str(member), "holds", str(hold))
    assert names.parse("members/{member}/holds/{hold}", name) == {"member": member, "hold": hold}


@given(st.text())
def test_any_other_text_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Fault) as caught:
        names.id_of("members", text, field="member")
    assert caught.value.violations[0].field == "member"
    with pytest.raises(Fault):
        names.parse("members/{member}", text)


def test_the_id_of_another_collection_is_refused() -> None:
    with pytest.raises(Fault):
        names.id_of("members", names.join("orders", names.new_id()))


def test_ids_are_of_version_7_and_of_this_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = names.new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_grow_within_a_millisecond_too() -> None:
    ids = [names.new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))


def test_ids_grow_while_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names.new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert before < names.new_id() < names.new_id()
