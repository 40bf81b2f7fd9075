"""Merges of members who have stored value and cards: all of it goes along, and old names still work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.gift_card import digest, spell
from services.members.domain.stored_payment import State
from services.members.usecases import gift_card, merge, rights_card, rights_card_product, stored_payment, top_up
from services.members.usecases.gift_card import Give, Take
from services.members.usecases.merge import MergeMembers, UndoMerge
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.contract.members.test_races import at_once
from tests.support.builders.rights_card import create_product, use
from tests.support.builders.rights_card import issue as issue_rights
from tests.support.builders.stored_value import activate, end, give_back, issue, pay, pay_in

ADA = Author("ada", "MergeMembers")
CODE, CLAIM, NEW = (spell(number) for number in (11, 12, 13))


def merged(world: World, gone: UUID, kept: UUID) -> UUID:
    made: UUID = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "the same person")).id
    return made


def test_what_was_paid_set_aside_and_carded_goes_along(world: World) -> None:
    gone, kept = world.enrolled(2)
    for of, amount in ((gone, 5_000), (kept, 700)):
        world.do(top_up.top_up, [pay_in(of, amount)])
    paid, held = world.do(stored_payment.pay, [pay(gone, 1_000), pay(gone, 500, ttl=60)])
    world.do(gift_card.activate, activate(world.do(gift_card.issue, issue([CODE]))[0].card.id))
    world.do(gift_card.give, Give(digest(CODE).hash, digest(CLAIM).hash, timedelta(days=1)))
    world.do(gift_card.take, Take(digest(CLAIM).hash, gone, digest(NEW)))
    kind = world.do(rights_card_product.create, create_product())
    card = world.do(rights_card.issue, issue_rights(gone, kind.id))
    merged(world, gone, kept)
    assert free_and_held(world, kept) == free_and_held(world, gone) == ((4_200, 0), (500, 0))
    assert world.do(stored_payment.confirm, [end(held.id)])[0].state is State.PAID
    world.do(stored_payment.refund, give_back(paid.id))
    world.do(stored_payment.pay, [pay(gone, 5_200)])
    assert free_and_held(world, kept) == ((0, 0), (0, 0))
    assert [shown.card.holder for shown in world.do(gift_card.page, "", gone, Page(5))] == [kept]
    assert [each.id for each in world.do(rights_card.page, gone, Page(5))] == [card.id]
    world.do(rights_card.use, use(card.id))
    check_stored_value(world)


def test_what_comes_and_goes_during_a_merge_lands_once(world: World) -> None:
    gone, kept = world.enrolled(2)
    world.do(top_up.top_up, [pay_in(gone, 1_000), pay_in(kept, 1_000)])
    acts: list[Callable[[], Any]] = []
    for of in (gone, kept) * 20:
        acts += [
            partial(world.do, top_up.top_up, [pay_in(of, 10)]),
            partial(world.do, stored_payment.pay, [pay(of, 10)]),
        ]
    acts.insert(40, partial(merged, world, gone, kept))
    outcomes = at_once(acts)
    failed = [each for each in outcomes if isinstance(each[0] if isinstance(each, list) else each, Exception)]
    assert failed == []
    assert free_and_held(world, gone) == ((2_000, 0), (0, 0))
    check_stored_value(world)


def test_cards_that_are_given_during_a_merge_go_along_too(world: World) -> None:
    gone, kept = world.enrolled(2)
    kind = world.do(rights_card_product.create, create_product())
    acts: list[Callable[[], Any]] = [
        partial(world.do, rights_card.issue, issue_rights(gone, kind.id)) for _ in range(30)
    ]
    acts.insert(15, partial(merged, world, gone, kept))
    assert [outcome for outcome in at_once(acts) if isinstance(outcome, Exception)] == []
    assert {each.member for each in world.do(rights_card.page, kept, Page(50))} == {kept}
    assert len(world.do(rights_card.page, gone, Page(50))) == 30


def test_an_undone_merge_gives_both_what_they_had(world: World) -> None:
    gone, kept = world.enrolled(2)
    world.do(top_up.top_up, [pay_in(gone, 5_000), pay_in(kept, 700)])
    made = merged(world, gone, kept)
    world.do(merge.undo, UndoMerge(made, ADA, "two persons"))
    assert free_and_held(world, gone) == ((5_000, 0), (0, 0))
    assert free_and_held(world, kept) == ((700, 0), (0, 0))
    world.do(stored_payment.pay, [pay(gone, 5_000), pay(kept, 700)])
    check_stored_value(world)
