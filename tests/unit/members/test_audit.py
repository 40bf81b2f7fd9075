"""The audit trail as a chain: what it says, and that no change of it stays hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.proof import GENESIS, canonical
from services.members.domain.audit import Act, AuditEntry, Author, chained, faults
from tests.support.builders.members import NOW
from tests.support.builders.proof import act


def trail(number: int = 3) -> list[AuditEntry]:
    return chained([act(f"members/{n}") for n in range(number)], None, NOW)


def test_entries_are_numbered_and_each_names_the_hash_of_the_one_before() -> None:
    entries = trail()
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]


def test_the_trail_goes_on_after_its_last_entry() -> None:
    first = trail(2)
    more = chained([act()], first[-1], NOW + timedelta(seconds=1))
    assert (more[0].sequence, more[0].previous) == (3, first[-1].hash)
    assert faults([*first, *more]) == []


def test_the_hash_is_a_golden_value_that_others_can_compute() -> None:
    deed = Act(Author("li", "m/X"), "members/1", "误", {"b": 1, "a": True}, {})
    entry = chained([deed], None, NOW)[0]
    assert entry.before == '{"a":true,"b":1}'
    assert entry.hash == "00de798a8548235697f2535b47f20247b28c5328dc627f828cb9e3af7840ab2d"


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody else"},
        {"method": "another"},
        {"subject": "members/9"},
        {"reason": "another"},
        {"before": "{}"},
        {"after": '{"available":11}'},
        {"time": NOW + timedelta(microseconds=1)},
        {"hash": GENESIS},
    ],
)
def test_a_changed_entry_is_found(change: dict[str, object]) -> None:
    first, second, third = trail()
    assert faults([first, replace(second, **change), third]) != []  # type: ignore[arg-type]


def test_a_changed_entry_with_a_fresh_hash_is_found_by_the_next() -> None:
    first, second, third = trail()
    forged = replace(second, reason="another").sealed()
    assert faults([first, forged, third]) == ["auditEntries/3 does not follow the entry before it"]


def test_a_missing_entry_is_found() -> None:
    first, second, third = trail()
    assert faults([first, third]) == ["auditEntries/3 does not follow the entry before it"]
    assert faults([second, third]) == ["auditEntries/2 does not follow the entry before it"]


def test_canonical_json_has_one_form() -> None:
    assert canonical({"b": [1, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,null]}'
