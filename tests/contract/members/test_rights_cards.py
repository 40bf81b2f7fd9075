"""Rights cards and paid membership on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.benefit_period import Period
from services.members.domain.rights_card import RightsCard, State
from services.members.usecases import rights_card, rights_card_product, stored_payment, top_up
from services.members.usecases.rights_card import ReverseUse
from services.members.usecases.rights_card_product import UpdateProduct
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.contract.members.test_races import at_once
from tests.support.builders.members import NOW
from tests.support.builders.rights_card import benefit, create_product, issue, renew, use
from tests.support.builders.stored_value import pay_in, yuan

DAY = timedelta(days=1)


def given(world: World, *benefits: Any, **fields: Any) -> RightsCard:
    """A card of a free kind."""
    (member,) = world.enrolled()
    kind = world.do(rights_card_product.create, create_product(*benefits, **fields))
    card: RightsCard = world.do(rights_card.issue, issue(member, kind.id))
    return card


def membership(world: World, *, paid_in: int, **fields: Any) -> RightsCard:
    """A membership of 100.00 that renews by itself, of somebody who paid in so much."""
    (member,) = world.enrolled()
    world.do(top_up.top_up, [pay_in(member, paid_in)])
    kind = world.do(rights_card_product.create, create_product(price=yuan(10_000), **fields))
    card: RightsCard = world.do(rights_card.issue, issue(member, kind.id, auto_renew=True))
    return card


def left(world: World, card: UUID) -> list[tuple[int, int]]:
    """What was used of each benefit, and what is left."""
    return [(each.used, each.remaining) for each in world.do(rights_card.benefits, card, Page(50))]


def refused(world: World, usecase: Any, command: Any) -> str:
    with pytest.raises(Fault) as caught:
        world.do(usecase, command)
    return caught.value.reason


def test_a_benefit_can_be_used_as_often_as_the_card_says(world: World) -> None:
    card = given(world, benefit(quota=3))
    world.do(rights_card.use, use(card.id, 2))
    assert left(world, card.id) == [(2, 1)]
    with pytest.raises(Fault) as caught:
        world.do(rights_card.use, use(card.id, 2))
    assert (caught.value.reason, caught.value.metadata) == ("BENEFIT_USED_UP", {"benefit": "car-wash", "left": "1"})
    assert refused(world, rights_card.use, use(card.id, benefit="lounge")) == "BENEFIT_NOT_FOUND"


def test_of_fifty_who_want_the_last_use_one_has_it(world: World) -> None:
    card = given(world, benefit(quota=1))
    outcomes = at_once([lambda: world.do(rights_card.use, use(card.id))] * 50)
    refusals = [outcome.reason for outcome in outcomes if isinstance(outcome, Fault)]
    assert refusals == ["BENEFIT_USED_UP"] * 49
    assert left(world, card.id) == [(1, 0)]


def test_a_count_begins_anew_at_midnight_in_the_time_zone_of_the_card(world: World) -> None:
    card = given(world, benefit(Period.DAY, quota=1))  # NOW is 20:00 in Shanghai
    world.do(rights_card.use, use(card.id))
    world.clock.now = datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)
    with pytest.raises(Fault) as caught:
        world.do(rights_card.use, use(card.id))
    assert caught.value.metadata["reset_time"] == "2026-03-01T16:00:00+00:00"
    world.clock.now = datetime(2026, 3, 1, 16, tzinfo=UTC)
    world.do(rights_card.use, use(card.id))


def test_a_use_that_was_taken_back_can_be_used_again_in_its_period_only(world: World) -> None:
    card = given(world, benefit(Period.DAY, quota=1))
    used = world.do(rights_card.use, use(card.id))
    world.clock.move(DAY)
    world.do(rights_card.use, use(card.id))
    outcomes = at_once([lambda: world.do(rights_card.reverse, ReverseUse(card.id, used.id))] * 5)
    assert len({outcome.reverse_time for outcome in outcomes}) == 1
    assert left(world, card.id) == [(1, 0)]
    assert sorted(each.used for each in world.rows("select used from benefit_counters")) == [0, 1]
    assert refused(world, rights_card.reverse, ReverseUse(card.id, uuid4())) == "BENEFIT_USE_NOT_FOUND"


def test_the_same_reference_is_the_same_use(world: World) -> None:
    card = given(world, benefit(quota=3))
    uses = at_once([lambda: world.do(rights_card.use, use(card.id, reference="visits/1"))] * 8)
    assert len({each.id for each in uses if not isinstance(each, Exception)}) == 1
    assert left(world, card.id) == [(1, 2)]
    assert refused(world, rights_card.use, use(card.id, 2, reference="visits/1")) == "REFERENCE_TAKEN"


def test_a_frozen_card_stands_still(world: World) -> None:
    card = given(world)
    world.clock.move(10 * DAY)
    world.do(rights_card.freeze, card.id)
    assert refused(world, rights_card.use, use(card.id)) == "RIGHTS_CARD_UNUSABLE"
    assert left(world, card.id) == [(0, 0)]
    world.clock.move(100 * DAY)
    assert world.do(rights_card.lapse) == 0
    assert world.do(rights_card.unfreeze, card.id).end == card.end + 100 * DAY
    assert world.do(rights_card.get, card.id).end == card.end + 100 * DAY
    world.do(rights_card.use, use(card.id))


def test_a_card_is_over_at_its_end(world: World) -> None:
    card = given(world)
    world.clock.now = card.end - timedelta(seconds=1)
    world.do(rights_card.use, use(card.id))
    world.clock.now = card.end
    assert refused(world, rights_card.use, use(card.id)) == "RIGHTS_CARD_UNUSABLE"
    assert sum(at_once([lambda: world.do(rights_card.lapse)] * 3)) == 1
    assert world.do(rights_card.get, card.id).state is State.EXPIRED


def test_a_membership_is_paid_from_stored_value(world: World) -> None:
    card = membership(world, paid_in=15_000)
    assert free_and_held(world, card.member) == ((5_000, 0), (0, 0))
    paid = world.do(stored_payment.get, card.terms[0].payment)
    assert paid.source == card.name
    assert refused(world, rights_card.renew, renew(card.id)) == "STORED_VALUE_INSUFFICIENT"


def test_a_membership_that_was_paid_elsewhere_counts_once(world: World) -> None:
    (member,) = world.enrolled()
    kind = world.do(rights_card_product.create, create_product(price=yuan(10_000)))
    cards = [world.do(rights_card.issue, issue(member, kind.id, reference="wx/1")) for _ in range(2)]
    assert cards[0] == cards[1]
    renewed = [world.do(rights_card.renew, renew(cards[0].id, reference="wx/2")) for _ in range(2)]
    assert renewed[0] == renewed[1]
    assert world.do(rights_card.renew, renew(cards[0].id, reference="wx/1")) == renewed[0]
    assert refused(world, rights_card.issue, issue(world.enrolled()[0], kind.id, reference="wx/2")) == "REFERENCE_TAKEN"


def test_a_renewal_goes_on_from_the_end_or_from_now_when_the_card_has_lapsed(world: World) -> None:
    card = given(world)
    early = world.do(rights_card.renew, renew(card.id))
    assert early.end == card.end + 30 * DAY
    world.clock.now = early.end + DAY
    late = world.do(rights_card.renew, renew(card.id))
    assert (late.state, late.end) == (State.ACTIVE, early.end + 31 * DAY)


def test_a_renewed_card_has_its_uses_again_when_the_new_term_begins(world: World) -> None:
    card = given(world, benefit(quota=1))
    world.do(rights_card.use, use(card.id))
    world.do(rights_card.renew, renew(card.id))
    assert refused(world, rights_card.use, use(card.id)) == "BENEFIT_USED_UP"
    world.clock.now = card.end
    world.do(rights_card.use, use(card.id))


def test_a_renewal_is_by_what_the_kind_of_card_offers_then(world: World) -> None:
    card = given(world, benefit(quota=1))
    better = {"benefits": (benefit(quota=5),)}
    world.do(rights_card_product.update, UpdateProduct(card.product, better, version=1))
    assert left(world, card.id) == [(0, 1)]
    world.do(rights_card.renew, renew(card.id))
    world.clock.now = card.end
    assert left(world, card.id) == [(0, 5)]


def test_cards_renew_by_themselves_while_there_is_money(world: World) -> None:
    card = membership(world, paid_in=25_000)
    (due,) = world.do(rights_card.renewals, card.end + DAY, Page(50))
    assert due.id == card.id
    assert world.do(rights_card.renew_due, uuid4) == 0
    world.clock.now = card.end
    tried = at_once([lambda: world.do(rights_card.renew_due, uuid4)] * 3)
    assert sum(tried) == 1
    renewed = world.do(rights_card.get, card.id)
    assert renewed.end == card.end + 30 * DAY
    assert free_and_held(world, card.member) == ((5_000, 0), (0, 0))
    world.clock.now = renewed.end
    assert [world.do(rights_card.renew_due, uuid4) for _ in range(2)] == [1, 0]
    assert world.do(rights_card.get, card.id).end == renewed.end
    check_stored_value(world)


def test_grace_lets_a_card_go_on_until_it_is_paid_or_over(world: World) -> None:
    card = membership(world, paid_in=10_000)
    world.clock.now = card.end + DAY
    assert world.do(rights_card.renew_due, uuid4) == 1
    world.do(rights_card.use, use(card.id))
    world.do(top_up.top_up, [pay_in(card.member, 10_000)])
    world.clock.move(DAY)
    assert world.do(rights_card.renew_due, uuid4) == 1
    assert world.do(rights_card.get, card.id).end == card.end + 30 * DAY
    world.clock.now = card.end + 33 * DAY
    assert world.do(rights_card.get, card.id).state is State.EXPIRED


def test_a_cancelled_card_lasts_to_its_end_without_grace(world: World) -> None:
    card = membership(world, paid_in=50_000)
    world.do(rights_card.cancel, card.id)
    assert refused(world, rights_card.renew, renew(card.id)) == "RIGHTS_CARD_UNUSABLE"
    world.clock.now = card.end - timedelta(seconds=1)
    world.do(rights_card.use, use(card.id))
    world.clock.now = card.end
    assert world.do(rights_card.renew_due, uuid4) == 0
    assert world.do(rights_card.get, card.id).state is State.EXPIRED
    assert free_and_held(world, card.member) == ((40_000, 0), (0, 0))


def test_a_retired_kind_of_card_is_neither_given_nor_renewed_nor_paid(world: World) -> None:
    card = membership(world, paid_in=50_000)
    world.do(rights_card_product.update, UpdateProduct(card.product, {"retired": True}))
    assert refused(world, rights_card.renew, renew(card.id)) == "RIGHTS_CARD_PRODUCT_INVALID"
    assert refused(world, rights_card.issue, issue(card.member, card.product)) == "RIGHTS_CARD_PRODUCT_INVALID"
    world.clock.now = card.end
    world.do(rights_card.renew_due, uuid4)
    assert free_and_held(world, card.member) == ((40_000, 0), (0, 0))


def test_a_card_as_it_is_read_is_the_card_as_it_was_written(world: World) -> None:
    card = given(world)
    assert world.do(rights_card.get, card.id) == card
    frozen = world.do(rights_card.freeze, card.id)
    assert world.do(rights_card.get, card.id) == frozen == replace(card, state=State.FROZEN, freeze_time=NOW, version=2)
