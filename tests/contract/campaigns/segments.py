"""Segments for tests: made, built, entered by buying, and with automations that act on it."""

from __future__ import annotations

import uuid
from typing import Any

from kit import names
from kit.page import Page
from services.campaigns.domain.automation import Run
from services.campaigns.domain.coupon_template import CouponTemplate, Limits
from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.purchase import Purchase
from services.campaigns.domain.rule import Rule
from services.campaigns.domain.segment import Segment
from services.campaigns.usecases import automation, coupon_template, purchase, segment
from services.campaigns.usecases.purchase import Receipt
from tests.contract.campaigns.conftest import World
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import bought_at_least


def created(world: World, rule: Rule | None = None) -> Segment:
    command = segment.Create(names.new_id(), "Came back", rule or bought_at_least(2))
    return world.do(segment.create, command)  # type: ignore[no-any-return]


def built(world: World, rule: Rule | None = None) -> Segment:
    kept = created(world, rule)
    world.do(segment.build, names.new_id)
    return world.do(segment.get, kept.id)  # type: ignore[no-any-return]


def buy(world: World, *purchases: Purchase, imported: bool = False) -> None:
    world.do(purchase.record, [Receipt(each, imported) for each in purchases], names.new_id)


def buys(world: World, member: uuid.UUID, times: int = 1, **how: Any) -> None:
    buy(world, *(build.purchase(member=member) for _ in range(times)), **how)


def inside(world: World, kept: Segment) -> set[uuid.UUID]:
    return {each.member for each in world.do(segment.members, kept.id, Page(1000))}


def causes(world: World, kept: Segment) -> set[EntryCause]:
    return {each.cause for each in world.do(segment.members, kept.id, Page(1000))}


def told(world: World) -> list[tuple[str, str]]:
    rows = world.rows("select type, aggregateid from outbox where type like 'Segment%' order by sequence")
    return [(kind, subject.rpartition("/")[2]) for kind, subject in rows]


def orders_of(world: World, member: uuid.UUID) -> list[uuid.UUID]:
    return [row[0] for row in world.rows("select order_id from purchases where member_id = :member", member=member)]


def automated(world: World, *, limits: Limits | None = None) -> tuple[Segment, CouponTemplate, uuid.UUID]:
    """A segment of those who bought twice, and an automation that issues coupons to them."""
    kept = built(world)
    offer = build.template(limits=limits or Limits())
    world.do(
        coupon_template.create,
        coupon_template.Create(offer.id, offer.display_name, offer.terms, offer.validity, offer.limits),
    )
    command = automation.Create(names.new_id(), "Thanks", kept.id, offer.id)
    return kept, offer, world.do(automation.create, command).id


def runs(world: World, key: uuid.UUID) -> list[Run]:
    return world.do(automation.runs, key, Page(1000))  # type: ignore[no-any-return]
