"""Rights cards: how long they last, and in which period a use counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kit.errors import Fault
from services.members.domain.benefit_period import Period, span
from services.members.domain.rights_card import MOST_TERMS, RightsCard, State
from tests.support.builders.members import NOW
from tests.support.builders.rights_card import benefit, card, product

DAY = timedelta(days=1)


def refused(card: RightsCard, now: datetime) -> str:
    with pytest.raises(Fault) as caught:
        card.need_usable(now)
    return caught.value.metadata["state"]


def renewed(known: RightsCard, now: datetime) -> RightsCard:
    return known.extended(product(validity_days=30), payment=None, reference="", now=now)


def test_a_card_lasts_to_its_end_and_one_that_renews_itself_through_its_grace() -> None:
    plain, renewing = card(product(grace_days=3)), card(product(grace_days=3), auto_renew=True)
    plain.need_usable(plain.end - timedelta(seconds=1))
    assert refused(plain, plain.end) == "EXPIRED"
    renewing.need_usable(plain.end + 3 * DAY - timedelta(seconds=1))
    assert refused(renewing, plain.end + 3 * DAY) == "EXPIRED"


def test_time_that_a_card_stood_still_is_added_to_the_term_and_all_after_it() -> None:
    two = renewed(card(product()), NOW)
    frozen = two.freeze(NOW + 10 * DAY)
    assert frozen.freeze(NOW + 11 * DAY) is frozen
    thawed = frozen.unfreeze(NOW + 15 * DAY)
    assert [(term.start, term.end) for term in thawed.terms] == [
        (NOW, NOW + 35 * DAY),
        (NOW + 35 * DAY, NOW + 65 * DAY),
    ]
    assert thawed.unfreeze(NOW + 20 * DAY) is thawed


def test_a_card_that_is_frozen_in_its_grace_keeps_the_rest_of_it() -> None:
    known = card(product(grace_days=5), auto_renew=True)
    thawed = known.freeze(known.end + DAY).unfreeze(known.end + 11 * DAY)
    assert thawed.lapse_time == known.end + 15 * DAY
    thawed.need_usable(known.end + 15 * DAY - timedelta(seconds=1))


def test_a_frozen_or_cancelled_card_is_not_renewed() -> None:
    known = card(product())
    for state, stopped in (("FROZEN", known.freeze(NOW)), ("CANCELLED", known.cancel(NOW))):
        with pytest.raises(Fault) as caught:
            renewed(stopped, NOW)
        assert caught.value.metadata["state"] == state


def test_a_card_cannot_be_renewed_without_end() -> None:
    known = card(product())
    many = replace(known, terms=known.terms * MOST_TERMS)
    with pytest.raises(Fault) as caught:
        renewed(many, NOW)
    assert caught.value.reason == "RIGHTS_CARD_UNUSABLE"


def test_a_count_for_the_whole_card_begins_anew_with_the_next_term() -> None:
    kind = product(benefit(Period.TOTAL))
    once, twice = card(kind), renewed(card(kind), NOW)
    assert once.counted(kind.benefits[0], kind, NOW) == (NOW, None)
    assert twice.counted(kind.benefits[0], kind, NOW) == (NOW, once.end)
    assert twice.counted(kind.benefits[0], kind, once.end) == (once.end, None)


def test_a_lapsed_card_begins_anew_when_it_is_renewed() -> None:
    known = card(product())
    back = renewed(known.settled(known.end + DAY), known.end + 5 * DAY)
    assert (back.state, back.terms[1].start, back.end) == (State.ACTIVE, known.end + 5 * DAY, known.end + 35 * DAY)


def test_a_renewal_that_failed_is_tried_again_a_day_later() -> None:
    known = card(product(grace_days=3), auto_renew=True)
    assert not known.due(known.end - timedelta(seconds=1))
    assert known.due(known.end)
    failed = known.unpaid(known.end)
    assert not failed.due(known.end + DAY - timedelta(seconds=1))
    assert failed.due(known.end + DAY)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": ""}, "display_name"),
        ({"benefits": ()}, "benefits"),
        ({"validity_days": 0}, "validity_days"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"benefits": (benefit(), benefit())}, "benefits[1].id"),
    ],
)
def test_a_kind_of_card_must_make_sense(fields: dict[str, object], field: str) -> None:
    known = replace(product(), **fields)  # type: ignore[arg-type]
    with pytest.raises(Fault) as caught:
        known.check()
    assert caught.value.violations[0].field == f"rights_card_product.{field}"


def test_the_same_terms_are_no_new_version() -> None:
    known = product()
    assert known.changed(replace(known, version=7), NOW) is known
    assert known.changed(replace(known, retired=True), NOW).version == 2


def test_a_total_has_no_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        span(Period.TOTAL, NOW, ZoneInfo("UTC"))
