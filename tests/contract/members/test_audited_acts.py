"""What people do by hand about value, cards, badges and tags stands in the trail: who, why, before and after."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.badge import Metric
from services.members.domain.gift_card import spell
from services.members.domain.reward import State
from services.members.usecases import (
    badge,
    gift_card,
    growth,
    points,
    recalculation,
    redemption,
    reward,
    rights_card,
    rights_card_product,
    stored_payment,
    tag,
    top_up,
)
from services.members.usecases.audit import Query, entries
from services.members.usecases.badge import CreateBadge
from services.members.usecases.growth import ChangeGrowth
from services.members.usecases.recalculation import StartRecalculation
from services.members.usecases.redemption import Refund
from services.members.usecases.reward import TurnReward
from services.members.usecases.rights_card import ReverseUse
from services.members.usecases.tag import ModifyTags
from tests.contract.members.conftest import World
from tests.support.builders.mall import create_reward, redeem
from tests.support.builders.rights_card import benefit, create_product, issue, renew, use
from tests.support.builders.stored_value import activate, give_back, pay, pay_in
from tests.support.builders.stored_value import issue as issue_gift_cards

ADA = Author("ada", "TheMethod")
Told = tuple[str, dict[str, Any], dict[str, Any]]


def trail(world: World, subject: str) -> list[Told]:
    """What Ada did to something, the oldest first: why, before and after."""
    found = world.do(entries, Query(subject=subject, actor="ada", method="TheMethod"), Page(50))
    return [(each.reason, json.loads(each.before), json.loads(each.after)) for each in reversed(found)]


@pytest.fixture
def member(world: World) -> UUID:
    """Somebody with points and with stored value."""
    (of,) = world.enrolled(available=500)
    world.do(top_up.top_up, [pay_in(of, 10_000)])
    return of


def test_growth_value_that_is_added_and_deducted(world: World, member: UUID) -> None:
    world.do(growth.add, [ChangeGrowth(member, 5, "gifts/1", author=ADA), ChangeGrowth(member, 2, "b", author=ADA)])
    world.do(growth.deduct, [ChangeGrowth(member, 4, "c", author=ADA), ChangeGrowth(member, 99, "d", author=ADA)])
    told = [(why, was["value"], is_["value"]) for why, was, is_ in trail(world, f"members/{member}/growth")]
    assert told == [("gifts/1", 0, 5), ("b", 5, 7), ("c", 7, 3)]


def test_badges_that_are_made_and_retired(world: World) -> None:
    made = world.do(badge.create, CreateBadge(uuid4(), "A badge", Metric.ORDERS, 3, ADA))
    for _ in range(2):  # the second time, nothing is different
        world.do(partial(badge.retire, author=ADA), made.id)
    first, second = trail(world, f"badges/{made.id}")
    assert (first[1], first[2]["threshold"]) == ({}, 3)
    assert second[1] == first[2] == {"display_name": "A badge", "metric": "ORDERS", "threshold": 3, "retire_time": None}
    assert second[2] == {**second[1], "retire_time": str(world.clock.now)}


def test_a_recalculation_is_in_the_trail(world: World) -> None:
    now = world.clock.now
    world.do(recalculation.start, StartRecalculation(uuid4(), "default", now - timedelta(days=9), now, ADA))
    ((why, _, after),) = trail(world, "programmes/default")
    assert (why, after["version"], after["end"]) == ("recalculated", 1, now.isoformat())


def test_refunds_of_top_ups_and_payments_are_in_the_trail_once(world: World, member: UUID) -> None:
    (bought,) = world.do(top_up.top_up, [pay_in(member, 5_000)])
    (paid,) = world.do(stored_payment.pay, [pay(member, 3_000)])
    for _ in range(2):  # the same refund once more is none
        world.do(top_up.refund, give_back(bought.id, 1_000, reference="R-1", author=ADA))
        world.do(stored_payment.refund, give_back(paid.id, 2_000, reference="R-2", author=ADA))
    for document, reference, refunded in ((bought, "R-1", 1_000), (paid, "R-2", 2_000)):
        ((why, was, is_),) = trail(world, document.name)
        assert (why, was["refunded"] != is_["refunded"]) == (reference, True)
        assert str(refunded // 100) in is_["refunded"]


def test_a_refund_of_a_redemption_is_in_the_trail_once(world: World, member: UUID) -> None:
    made = world.do(reward.create, create_reward())
    world.do(reward.turn, TurnReward(made.id, State.ON_SALE))
    (asked,) = world.do(redemption.redeem, [redeem(member, made.id)])
    for _ in range(2):
        world.do(redemption.refund, [Refund(member, asked.id, "", False, ADA)])
    assert trail(world, asked.source) == [("refunded", {"state": "CONFIRMED"}, {"state": "REFUNDED"})]


def test_what_becomes_of_rights_cards(world: World, member: UUID) -> None:
    kind = world.do(rights_card_product.create, create_product(benefit()))
    card = world.do(rights_card.issue, issue(member, kind.id, author=ADA))
    used = world.do(rights_card.use, use(card.id))
    for _ in range(2):
        world.do(rights_card.reverse, ReverseUse(card.id, used.id, ADA))
    world.do(rights_card.renew, renew(card.id, author=ADA))
    for act in (rights_card.freeze, rights_card.unfreeze, rights_card.cancel):
        world.do(partial(act, author=ADA), card.id)
    told = trail(world, card.name)
    assert [why for why, _, _ in told] == ["issued", "renewed", "frozen", "unfrozen", "cancelled"]
    assert (told[1][1]["end"] < told[1][2]["end"], told[2][2]["state"]) == (True, "FROZEN")
    assert (told[4][1]["cancelled"], told[4][2]["cancelled"]) == (False, True)
    assert trail(world, used.name) == [("reversed", {"used": 1}, {"used": 0})]


def test_gift_cards_that_are_issued_and_activated(world: World) -> None:
    (shown,) = world.do(gift_card.issue, replace(issue_gift_cards([spell(7)]), author=ADA))
    world.do(gift_card.activate, activate(shown.card.id, reference="T-1", author=ADA))
    first, second = trail(world, shown.card.name)
    assert (first[2]["state"], second) == ("ISSUED", ("T-1", {"state": "ISSUED"}, {"state": "ACTIVE"}))


def test_tags_but_not_which_for_they_are_forgotten_with_the_person(world: World, member: UUID) -> None:
    for _ in range(2):
        world.do(tag.modify, ModifyTags(member, ("vip",), (), ADA))
    world.do(tag.modify, ModifyTags(member, ("regular",), ("vip",), ADA))
    assert trail(world, f"members/{member}") == [
        ("tagged", {"tags": 0}, {"tags": 1, "added": 1, "removed": 0}),
        ("tagged", {"tags": 1}, {"tags": 1, "added": 1, "removed": 1}),
    ]
    assert world.rows("select 1 from audit_entries where before || after like '%vip%'") == []


def test_what_is_refused_leaves_no_trace(world: World, member: UUID) -> None:
    world.do(points.spend, [points.Spend(member, 500, "")])
    world.do(growth.deduct, [ChangeGrowth(member, 1, "x", author=ADA)])
    assert trail(world, f"members/{member}/growth") == []
