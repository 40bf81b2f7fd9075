"""What automations act on."""

from __future__ import annotations

import uuid

import pytest

from kit.errors import Fault
from services.campaigns.domain.automation import Automation, State, due
from services.campaigns.domain.events import EntryCause, SegmentEntered
from tests.support.builders.campaigns import DAY, NOW, automation

SEGMENT, MEMBER = uuid.uuid4(), uuid.uuid4()
ACTIVE = automation(segment=SEGMENT)


def entry(cause: EntryCause = EntryCause.PURCHASE, segment: uuid.UUID = SEGMENT) -> SegmentEntered:
    return SegmentEntered(segment, MEMBER, NOW, rule_version=1, version=1, cause=cause)


def test_an_automation_acts_on_entries_into_its_segment() -> None:
    assert due([ACTIVE], [entry(), entry(segment=uuid.uuid4())], set()) == [(ACTIVE, entry())]


def test_several_automations_act_on_one_entry() -> None:
    other = automation(segment=SEGMENT)
    assert [each for each, _ in due([ACTIVE, other], [entry()], set())] == [ACTIVE, other]


@pytest.mark.parametrize("cause", [EntryCause.IMPORT, EntryCause.RULE])
def test_an_automation_does_not_act_on_history_or_new_rules(cause: EntryCause) -> None:
    assert due([ACTIVE], [entry(cause)], set()) == []


def test_a_paused_automation_does_not_act() -> None:
    assert due([automation(segment=SEGMENT, state=State.PAUSED)], [entry()], set()) == []


def test_a_member_gets_one_coupon_of_an_automation_ever() -> None:
    assert due([ACTIVE], [entry()], {(ACTIVE.id, MEMBER)}) == []


def test_turning_shows_in_version_and_time_but_only_once() -> None:
    paused = ACTIVE.turned(State.PAUSED, NOW + DAY)
    assert (paused.state, paused.version, paused.update_time) == (State.PAUSED, 2, NOW + DAY)
    assert paused.turned(State.PAUSED, NOW + 2 * DAY) is paused


def test_an_automation_has_a_name() -> None:
    assert isinstance(ACTIVE.checked(), Automation)
    with pytest.raises(Fault, match="display_name"):
        automation(display_name="").checked()
