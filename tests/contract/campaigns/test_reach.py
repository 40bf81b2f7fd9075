"""Parts of the organisation in SQL: lists agree with single looks, and need not go through what others have."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kit.org import outside, within
from kit.page import Page
from services.campaigns.storage.unit import CampaignsUnit
from tests.contract.campaigns.conftest import World
from tests.support.builders.campaigns import coupon, template
from tests.support.statements import plans

ALL = Page(1000)
_MANY = text("""
    insert into coupons (id, template_id, member_id, cause, issue_time, start_time, expire_time, state, version)
    select gen_random_uuid(), template_id, member_id, '', issue_time, start_time, expire_time, state, version
    from coupons, generate_series(1, 20000) where template_id = cast(:large as uuid)
""")
ORGS = ("", "/cn", "/cn/east", "/cn/east/li", "/cn/east2", "/cn/eas", "/cn/east%", "/cn/east/li/x")


class RolledBack(Exception):
    """Ends an example's transaction."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(ORGS), min_size=1, max_size=8), org=st.sampled_from(ORGS[1:]))
def test_lists_show_what_single_looks_show(world: World, parts: list[str], org: str) -> None:
    def check(unit: CampaignsUnit) -> None:
        templates = [template(id=uuid.uuid4(), org=part) for part in parts]
        for each in templates:
            unit.templates.add(each)
        coupons = [coupon(id=uuid.uuid4(), template=each.id) for each in templates]
        unit.coupons.add(coupons)

        shown = {each.id for each in unit.templates.page(ALL, org=org)}
        shown |= {each.id for each in unit.coupons.page(ALL, org=org)}
        assert [each.id for each in unit.coupons.page(ALL, org=org)] == sorted(
            (each.id for each in coupons if each.id in shown), reverse=True
        )
        for made, kept, part in zip(templates, coupons, parts, strict=True):
            inside = part != "" and within(part, org)
            for collection, thing in (("couponTemplates", made.id), ("coupons", kept.id)):
                assert (thing in shown) is inside
                assert (outside(unit, org, {collection: [str(thing)]}) is None) is inside
        raise RolledBack

    with pytest.raises(RolledBack):
        world.do(check)


def test_the_coupons_of_a_small_part_come_by_their_template(world: World) -> None:
    def crowd(unit: CampaignsUnit) -> None:
        large, small = template(id=uuid.uuid4(), org="/cn/west"), template(id=uuid.uuid4(), org="/cn/east")
        for each in (large, small):
            unit.templates.add(each)
        unit.coupons.add([coupon(id=uuid.uuid4(), template=small.id) for _ in range(5)])
        unit.coupons.add([coupon(id=uuid.uuid4(), template=large.id)])
        unit.connection.execute(_MANY, {"large": large.id})
        for table in ("coupons", "coupon_templates"):
            unit.connection.execute(text(f"analyze {table}"))

    world.do(crowd)

    assert "coupons_template" in str(world.do(_plan, "/cn/east"))


def _plan(unit: CampaignsUnit, org: str) -> Any:
    return plans(unit.connection, lambda: unit.coupons.page(Page(50), org=org))
