"""Gift cards on a real database: from their issue to their end, and who gets them when many want to."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from services.members.domain.audit import Author
from services.members.domain.gift_card import GiftCard, State, digest, spell
from services.members.domain.stored_payment import StoredPayment
from services.members.usecases import gift_card, stored_payment
from services.members.usecases.gift_card import Give, Recode, Redeem, Shown, Take, Void
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.contract.members.test_races import at_once
from tests.support.builders.members import NOW, dollars
from tests.support.builders.stored_value import activate, end, give_back, issue, pay

CODE, CLAIM, NEW = (spell(number) for number in (11, 2**99 + 7, 31**20))
HASH = digest(CODE).hash
ADA = Author("ada", "VoidGiftCard")


def issued(world: World, **fields: Any) -> GiftCard:
    """A card with the code CODE, without value."""
    shown: Shown = world.do(gift_card.issue, issue([CODE], **fields))[0]
    return shown.card


def active(world: World, **fields: Any) -> UUID:
    """A card of 100.00 that was sold."""
    card = issued(world, **fields)
    world.do(gift_card.activate, activate(card.id))
    return card.id


def card_pay(world: World, minor: int, code: str = CODE, **fields: Any) -> Any:
    return world.do(gift_card.pay, [pay(uuid4(), minor, of_card=True, code=digest(code).hash, **fields)])[0]


def state(world: World, card: UUID) -> tuple[State, int, int]:
    """Where a card stands, what can be spent and what is set aside."""
    shown = world.do(gift_card.get, card)
    return shown.card.state, shown.purse.free.total, shown.purse.held.total


def refused(world: World, usecase: Any, command: Any) -> str:
    with pytest.raises(Fault) as caught:
        world.do(usecase, command)
    return caught.value.reason


def test_a_card_has_no_value_before_it_is_activated(world: World) -> None:
    card = issued(world)
    assert state(world, card.id) == (State.ISSUED, 0, 0)
    assert card_pay(world, 1).reason == "GIFT_CARD_UNUSABLE"
    world.do(gift_card.activate, activate(card.id))
    assert state(world, card.id) == (State.ACTIVE, 10_000, 0)
    assert refused(world, gift_card.activate, activate(card.id)) == "GIFT_CARD_UNUSABLE"


def test_the_same_sale_activates_once(world: World) -> None:
    card, other = issued(world), world.do(gift_card.issue, issue([NEW]))[0].card
    first = world.do(gift_card.activate, activate(card.id, reference="wx/1"))
    assert world.do(gift_card.activate, activate(card.id, reference="wx/1")) == first
    assert refused(world, gift_card.activate, activate(other.id, reference="wx/1")) == "REFERENCE_TAKEN"


def test_what_was_sold_is_principal_and_what_was_given_away_is_bonus(world: World) -> None:
    (member,) = world.enrolled()
    active(world, promotional=True)
    world.do(gift_card.redeem, Redeem(HASH, member))
    assert free_and_held(world, member) == ((0, 10_000), (0, 0))


def test_a_card_is_found_however_its_code_is_typed(world: World) -> None:
    card = active(world)
    for typed in (CODE.lower(), CODE.replace("-", ""), CODE.replace("-", " "), CODE.replace("0", "O")):
        assert world.do(gift_card.lookup, digest(typed).hash).card.id == card
    assert refused(world, gift_card.lookup, digest(NEW).hash) == "GIFT_CARD_CODE_UNKNOWN"


def test_a_card_pays_until_it_is_empty_and_refunds_come_back_to_it(world: World) -> None:
    card = active(world)
    paid = card_pay(world, 6_000)
    assert card_pay(world, 4_001).reason == "STORED_VALUE_INSUFFICIENT"
    world.do(stored_payment.refund, give_back(paid.id, 1_000))
    assert state(world, card) == (State.ACTIVE, 5_000, 0)


def test_value_is_set_aside_and_confirmed_on_a_card_as_anywhere(world: World) -> None:
    card = active(world)
    held = card_pay(world, 6_000, ttl=60)
    assert state(world, card) == (State.ACTIVE, 4_000, 6_000)
    assert refused(world, gift_card.redeem, Redeem(HASH, world.enrolled()[0])) == "GIFT_CARD_UNUSABLE"
    world.do(stored_payment.confirm, [end(held.id, 5_000)])
    assert state(world, card) == (State.ACTIVE, 5_000, 0)


def test_all_that_is_left_goes_into_stored_value_once(world: World) -> None:
    members = world.enrolled(6)
    card = active(world)
    card_pay(world, 2_500)
    outcomes = at_once([partial(world.do, gift_card.redeem, Redeem(HASH, of)) for of in members])
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert sum(free_and_held(world, of)[0][0] for of in members) == 7_500
    assert state(world, card) == (State.REDEEMED, 0, 0)
    assert card_pay(world, 1).reason == "GIFT_CARD_UNUSABLE"
    (said,) = world.published("StoredValueChanged")
    assert f'"source":"giftCards/{card}"' in said[2]


def test_of_many_who_claim_a_card_one_has_it(world: World) -> None:
    members = world.enrolled(20)
    card = active(world)
    world.do(gift_card.give, Give(HASH, digest(CLAIM).hash, timedelta(days=7)))
    assert card_pay(world, 1).reason == "GIFT_CARD_UNUSABLE"
    codes = {of: spell(number + 1_000) for number, of in enumerate(members)}
    outcomes = at_once(
        [partial(world.do, gift_card.take, Take(digest(CLAIM).hash, of, digest(codes[of]))) for of in members]
    )
    (taken,) = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert {getattr(each, "reason", "raced") for each in outcomes if isinstance(each, Exception)} <= {
        "CLAIM_CODE_UNKNOWN",
        "raced",
    }
    assert card_pay(world, 1).reason == "GIFT_CARD_CODE_UNKNOWN"
    assert isinstance(card_pay(world, 1, codes[taken.card.holder]), StoredPayment)
    assert state(world, card) == (State.ACTIVE, 9_999, 0)


def test_an_offer_that_was_withdrawn_or_is_over_cannot_be_taken(world: World) -> None:
    (member,) = world.enrolled()
    card = active(world)
    give = Give(HASH, digest(CLAIM).hash, timedelta(days=7))
    take = Take(digest(CLAIM).hash, member, digest(NEW))
    world.do(gift_card.give, give)
    world.do(gift_card.withdraw, HASH)
    assert refused(world, gift_card.take, take) == "CLAIM_CODE_UNKNOWN"
    world.do(gift_card.give, give)
    world.clock.move(timedelta(days=7))
    assert refused(world, gift_card.take, take) == "CLAIM_CODE_UNKNOWN"
    assert state(world, card)[0] is State.ACTIVE
    assert isinstance(card_pay(world, 1), StoredPayment)


def test_a_void_card_is_worth_nothing_and_its_store_gets_its_value_back(world: World) -> None:
    card = active(world)
    card_pay(world, 3_000)
    void = Void(card, uuid4(), ADA, "lost by the customer")
    world.do(gift_card.void, void)
    assert state(world, card) == (State.VOID, 0, 0)
    assert world.do(gift_card.void, void).card.state is State.VOID
    trail = world.rows("select actor, reason, before from audit_entries where actor = 'ada'")
    assert [tuple(each) for each in trail] == [
        ("ada", "lost by the customer", '{"balance":"70.00 CNY","state":"ACTIVE"}')
    ]
    assert card_pay(world, 1).reason == "GIFT_CARD_UNUSABLE"
    (top_up,) = world.rows("select principal, refunded_principal from top_ups")
    assert tuple(top_up) == (10_000, 7_000)


def test_a_payment_cannot_come_back_to_a_void_card(world: World) -> None:
    card = active(world)
    paid = card_pay(world, 3_000)
    world.do(gift_card.void, Void(card, uuid4(), ADA, "stolen"))
    assert refused(world, stored_payment.refund, give_back(paid.id)) == "GIFT_CARD_UNUSABLE"


def test_a_new_code_takes_the_old_ones_place(world: World) -> None:
    card = active(world)
    world.do(gift_card.recode, Recode(card, digest(NEW), ADA))
    assert card_pay(world, 1).reason == "GIFT_CARD_CODE_UNKNOWN"
    assert isinstance(card_pay(world, 1, NEW), StoredPayment)


def test_what_is_left_on_a_card_at_its_end_is_the_issuers_once(world: World) -> None:
    card = active(world, expire_time=NOW + timedelta(days=1))
    world.clock.move(timedelta(days=1) - timedelta(seconds=1))
    assert world.do(gift_card.expire) == 0
    world.clock.move(timedelta(seconds=1))
    assert card_pay(world, 1).reason == "GIFT_CARD_EXPIRED"
    assert sum(at_once([lambda: world.do(gift_card.expire)] * 3)) == 1
    assert state(world, card) == (State.EXPIRED, 0, 0)
    assert world.rows("select sum(amount) from ledger_entries where kind = 'LAPSE'")[0][0] == 10_000


def test_what_is_set_aside_shields_a_card_from_its_end(world: World) -> None:
    card = active(world, expire_time=NOW + timedelta(seconds=30))
    held = card_pay(world, 6_000, ttl=60)
    world.clock.move(timedelta(seconds=31))
    assert world.do(gift_card.expire) == 0
    world.do(stored_payment.release, [end(held.id)])
    assert world.do(gift_card.expire) == 1
    assert state(world, card) == (State.EXPIRED, 0, 0)


def test_a_refund_after_the_end_can_be_spent_for_a_while(world: World) -> None:
    card = active(world, expire_time=NOW + timedelta(days=1))
    paid = card_pay(world, 6_000)
    world.clock.move(timedelta(days=2))
    world.do(gift_card.expire)
    world.do(stored_payment.refund, give_back(paid.id, 100))
    assert state(world, card) == (State.ACTIVE, 100, 0)
    assert isinstance(card_pay(world, 40), StoredPayment)
    world.clock.move(timedelta(days=30))
    assert world.do(gift_card.expire) == 1


def test_a_card_of_another_currency_cannot_pay(world: World) -> None:
    active(world)
    assert card_pay(world, 1, amount=dollars(1)).reason == "REQUEST_INVALID"


def test_fifty_payments_from_one_card_never_spend_more_than_is_on_it(world: World) -> None:
    card = active(world, value=1_000)
    outcomes = at_once([lambda: card_pay(world, 50)] * 50)
    assert sum(isinstance(outcome, StoredPayment) for outcome in outcomes) == 20
    assert state(world, card) == (State.ACTIVE, 0, 0)
    check_stored_value(world)
