"""What is left of the budgets of coupons."""

from __future__ import annotations

import uuid

from prometheus_client import REGISTRY

from kit.money import Money
from services.campaigns import consumer
from services.campaigns.domain.coupon_template import CouponTemplate, Limits
from services.campaigns.storage.unit import CampaignsUnit
from services.campaigns.usecases import coupon
from services.campaigns.usecases.coupon import Issue
from tests.contract.campaigns.conftest import World
from tests.support.builders.campaigns import template


def left(currency: str) -> float | None:
    return REGISTRY.get_sample_value("coupon_budget_remaining_minor", {"currency": currency})


def stored(world: World, made: CouponTemplate) -> CouponTemplate:
    def add(unit: CampaignsUnit) -> None:
        unit.templates.add(made)

    world.do(add)
    return made


def test_what_is_left_of_budgets_follows_what_is_issued(world: World) -> None:
    first = stored(world, template(limits=Limits(budget=Money(5_499, "USD"))))
    stored(world, template(limits=Limits(budget=Money(1_000, "USD"))))
    stored(world, template())
    world.do(consumer.tell_budgets)
    assert left("USD") == 6_499
    [issued] = world.do(coupon.issue, [Issue(uuid.uuid4(), first.id, uuid.uuid4())])
    assert issued.template == first.id
    world.do(consumer.tell_budgets)
    assert left("USD") == 6_499 - (first.terms.amount or 0)
    assert left("EUR") is None
