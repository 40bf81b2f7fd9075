"""Points that are set aside, and what they pay for, stay together when members are merged and parted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from services.members.domain.hold import Hold, State
from services.members.domain.redemption import State as Redeemed
from services.members.usecases import hold, purchase, redemption, verification
from services.members.usecases.hold import ConfirmHold, HoldKey, ReleaseHold
from services.members.usecases.redemption import Refund
from tests.contract.members.conftest import World
from tests.contract.members.test_mall import asked, on_sale
from tests.contract.members.test_merge import joined, placed, refused, undone
from tests.support.builders.mall import pay
from tests.support.builders.members import dollars, settlement


def read(world: World, of: UUID, id_: UUID) -> Hold:
    found: Hold = world.do(hold.get, HoldKey(of, id_))
    return found


def test_a_hold_that_was_placed_under_the_old_name_goes_back_with_it(world: World) -> None:
    kept, gone, last = world.enrolled(3, available=50)
    first = joined(world, gone, kept)
    second = joined(world, kept, last)
    under_the_old, under_the_new = placed(world, gone, 20), placed(world, last, 20)
    for id_ in (under_the_old, under_the_new):
        world.do(hold.change, [ConfirmHold(gone, id_)])
    undone(world, second)
    assert read(world, gone, under_the_old).member == kept
    undone(world, first)
    assert read(world, gone, under_the_old).member == gone
    assert read(world, last, under_the_new).member == last


def test_an_order_that_was_paid_with_points_under_the_old_name_is_refunded_under_it(world: World) -> None:
    gone, kept = world.enrolled(2, available=50)
    made = joined(world, gone, kept)
    held = placed(world, gone, 40)
    news = settlement(gone, net=30, hold=held)
    world.do(purchase.settle, [news])
    undone(world, made)
    before = world.wallet(gone)[0]
    world.do(purchase.settle, [replace(news, version=2, net=dollars(0), returned=40)])
    assert read(world, gone, held).returned == 40
    assert world.wallet(gone)[0] == before - 30 + 40


def test_an_active_hold_under_the_old_name_on_points_that_stay_stands_in_the_way(world: World) -> None:
    gone, kept = world.enrolled(2, available=50)
    made = joined(world, gone, kept)
    both = placed(world, gone, 80)
    assert refused(undone, world, made) == "UNMERGE_BLOCKED"
    world.do(hold.change, [ReleaseHold(gone, both)])
    undone(world, made)
    assert read(world, gone, both).state is State.RELEASED


@pytest.mark.parametrize("refunded", ["before", "after"])
def test_a_redemption_that_is_paid_late_keeps_its_new_hold_when_the_members_part(world: World, refunded: str) -> None:
    gone, kept = world.enrolled(2, available=100)
    cup = on_sale(world, cash=dollars(3), stock=1)
    waiting = asked(world, gone, cup, ttl=60)
    made = joined(world, gone, kept)
    world.clock.move(timedelta(seconds=60))
    paid = world.do(redemption.confirm, [pay(waiting)])[0]
    assert paid.hold != waiting.hold
    refund = Refund(gone, waiting.id, f"psp/{uuid4()}", restock=True)
    if refunded == "before":
        world.do(redemption.refund, [refund])
    undone(world, made)
    if refunded == "after":
        world.do(redemption.refund, [refund])
    known = world.do(redemption.get, gone, waiting.id)
    assert not isinstance(known, Fault)
    assert (known.member, known.state) == (gone, Redeemed.REFUNDED)
    assert read(world, gone, known.hold).returned == known.points
    assert world.do(verification.ledger) == []
