"""CreateCouponTemplate, GetCouponTemplate, ListCouponTemplates, UpdateCouponTemplate."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from kehu.campaigns.v1 import coupon_templates_pb2 as pb
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from tests.support.builders.campaigns import NOW, at, create_template, issue, name, usd
from tests.support.rpc import refused

EURO = Money(currency_code="EUR", units=1)
NO_CURRENCY = Money(currency_code="usd", units=1)
TOO_MUCH = pb.PercentOff(basis_points=10001)
WINDOW = pb.ValidityWindow(start_time=at(NOW), end_time=at(NOW + timedelta(days=30)))


async def test_a_template_is_what_was_asked_for(campaigns: CampaignsServiceStub) -> None:
    request = create_template(
        percent_off=pb.PercentOff(basis_points=1500, max_discount=usd(20)),
        minimum_spend=usd(50),
        window=WINDOW,
        issue_limit=100,
        per_member_limit=2,
        budget=usd(1000),
        stackable=True,
        priority=5,
    )
    created = await campaigns.CreateCouponTemplate(request)
    wanted = request.coupon_template
    for field in ("percent_off", "minimum_spend", "window", "issue_limit", "per_member_limit", "budget", "priority"):
        assert getattr(created, field) == getattr(wanted, field)
    assert (created.stackable, created.issued_count, created.committed) == (True, 0, usd(0))
    assert created.name.startswith("couponTemplates/")
    assert await campaigns.GetCouponTemplate(pb.GetCouponTemplateRequest(name=created.name)) == created


async def test_what_is_not_limited_stays_unset(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    assert created.amount_off == usd(5)
    assert created.days_after_issue == 10
    for field in ("issue_limit", "per_member_limit", "budget", "minimum_spend", "committed"):
        assert not created.HasField(field)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"display_name": ""}, "REQUEST_INVALID", "coupon_template.display_name"),
        ({"display_name": "a\0b"}, "REQUEST_INVALID", "coupon_template.display_name"),
        ({"amount_off": usd(0)}, "REQUEST_INVALID", "coupon_template.amount_off"),
        ({"amount_off": usd(-5)}, "REQUEST_INVALID", "coupon_template.amount_off"),
        ({"amount_off": Money(currency_code="USD", units=10**18)}, "REQUEST_INVALID", "coupon_template.amount_off"),
        (
            {"amount_off": NO_CURRENCY},
            "REQUEST_INVALID",
            "coupon_template.amount_off.currency_code",
        ),
        (
            {"minimum_spend": EURO},
            "REQUEST_INVALID",
            "coupon_template.minimum_spend.currency_code",
        ),
        ({"budget": EURO}, "REQUEST_INVALID", "coupon_template.budget.currency_code"),
        (
            {"percent_off": TOO_MUCH},
            "REQUEST_INVALID",
            "coupon_template.percent_off.basis_points",
        ),
        (
            {"percent_off": pb.PercentOff(basis_points=1000), "budget": usd(1)},
            "BUDGET_NEEDS_MAX_DISCOUNT",
            "percent_off.max_discount",
        ),
        ({"days_after_issue": 0}, "REQUEST_INVALID", "coupon_template.days_after_issue"),
        (
            {"window": pb.ValidityWindow(start_time=at(NOW), end_time=at(NOW))},
            "REQUEST_INVALID",
            "coupon_template.window.end_time",
        ),
    ],
)
async def test_a_template_that_makes_no_sense_is_refused(
    campaigns: CampaignsServiceStub, fields: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await refused(campaigns.CreateCouponTemplate(create_template(**fields)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert refusal.fields == [field]


@pytest.mark.parametrize(
    ("template", "field"),
    [
        (pb.CouponTemplate(display_name="x", days_after_issue=1), "coupon_template.percent_off"),
        (pb.CouponTemplate(display_name="x", amount_off=usd(1)), "coupon_template.window"),
    ],
)
async def test_a_template_says_its_discount_and_its_validity(
    campaigns: CampaignsServiceStub, template: pb.CouponTemplate, field: str
) -> None:
    refusal = await refused(campaigns.CreateCouponTemplate(pb.CreateCouponTemplateRequest(coupon_template=template)))
    assert refusal.fields == [field]


async def test_the_same_request_creates_one_template(campaigns: CampaignsServiceStub) -> None:
    request = create_template(request_id=str(uuid.uuid4()))
    assert await campaigns.CreateCouponTemplate(request) == await campaigns.CreateCouponTemplate(request)


async def test_templates_are_listed_newest_first_page_by_page(campaigns: CampaignsServiceStub) -> None:
    created = [(await campaigns.CreateCouponTemplate(create_template())).name for _ in range(5)]
    listed, token = [], ""
    for size in (2, 2, 1):
        page = await campaigns.ListCouponTemplates(pb.ListCouponTemplatesRequest(page_size=2, page_token=token))
        assert len(page.coupon_templates) == size
        listed += [template.name for template in page.coupon_templates]
        token = page.next_page_token
    assert token == ""
    assert listed == created[::-1]


def change(template: pb.CouponTemplate, *paths: str, **fields: Any) -> pb.UpdateCouponTemplateRequest:
    return pb.UpdateCouponTemplateRequest(
        coupon_template=pb.CouponTemplate(name=template.name, **fields), update_mask=FieldMask(paths=paths)
    )


async def test_an_update_changes_what_its_mask_names(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template(per_member_limit=5))
    changed = await campaigns.UpdateCouponTemplate(
        change(created, "display_name", "window", "issue_limit", display_name="New", window=WINDOW, issue_limit=7)
    )
    assert (changed.display_name, changed.window, changed.issue_limit) == ("New", WINDOW, 7)
    assert (changed.per_member_limit, changed.amount_off) == (5, usd(5))
    assert changed.etag != created.etag


async def test_an_update_without_a_mask_changes_what_is_set(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    changed = await campaigns.UpdateCouponTemplate(change(created, budget=usd(100)))
    assert (changed.budget, changed.display_name) == (usd(100), created.display_name)


async def test_a_limit_is_lifted_by_naming_it_without_a_value(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template(issue_limit=5, budget=usd(100)))
    changed = await campaigns.UpdateCouponTemplate(change(created, "issue_limit", "budget"))
    assert not changed.HasField("issue_limit")
    assert not changed.HasField("budget")


async def test_a_full_update_needs_a_validity(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    refusal = await refused(campaigns.UpdateCouponTemplate(change(created, "*", display_name="New")))
    assert refusal.fields == ["coupon_template.window"]


async def test_what_a_coupon_is_worth_can_not_be_changed(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    refusal = await refused(campaigns.UpdateCouponTemplate(change(created, "amount_off", amount_off=usd(9))))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["update_mask"])


async def test_a_limit_does_not_go_below_what_is_issued(campaigns: CampaignsServiceStub) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    for _ in range(2):
        await campaigns.IssueCoupon(issue(created.name, name("members")))
    refusal = await refused(campaigns.UpdateCouponTemplate(change(created, issue_limit=1)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LIMIT_BELOW_ISSUED")
    assert refusal.metadata == {"field": "coupon_template.issue_limit", "issued": "2"}


@pytest.mark.parametrize("etag", ['"7"', "nonsense", '"'])
async def test_a_change_of_a_template_that_has_changed_is_refused(campaigns: CampaignsServiceStub, etag: str) -> None:
    created = await campaigns.CreateCouponTemplate(create_template())
    refusal = await refused(campaigns.UpdateCouponTemplate(change(created, display_name="New", etag=etag)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    await campaigns.UpdateCouponTemplate(change(created, display_name="New", etag=created.etag))


async def test_an_unknown_template_is_not_found(campaigns: CampaignsServiceStub) -> None:
    unknown = name("couponTemplates")
    for call in (
        campaigns.GetCouponTemplate(pb.GetCouponTemplateRequest(name=unknown)),
        campaigns.UpdateCouponTemplate(change(pb.CouponTemplate(name=unknown), display_name="New")),
        campaigns.IssueCoupon(issue(unknown, name("members"))),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "COUPON_TEMPLATE_NOT_FOUND")
        assert refusal.metadata == {"name": unknown}


async def test_used_coupons_come_back_with_a_full_refund_unless_the_template_says_otherwise(
    campaigns: CampaignsServiceStub,
) -> None:
    usual = await campaigns.CreateCouponTemplate(create_template())
    assert (usual.return_policy, usual.return_extension_days) == (pb.CouponTemplate.RETURN_POLICY_FULL_REFUND, 0)
    never = pb.CouponTemplate.RETURN_POLICY_NEVER
    other = await campaigns.CreateCouponTemplate(create_template(return_policy=never, return_extension_days=7))
    assert (other.return_policy, other.return_extension_days) == (never, 7)
    changed = await campaigns.UpdateCouponTemplate(change(usual, "return_extension_days", return_extension_days=3))
    assert (changed.return_policy, changed.return_extension_days) == (pb.CouponTemplate.RETURN_POLICY_FULL_REFUND, 3)
    assert await campaigns.GetCouponTemplate(pb.GetCouponTemplateRequest(name=usual.name)) == changed
    refusal = await refused(campaigns.CreateCouponTemplate(create_template(return_extension_days=3651)))
    assert refusal.fields == ["coupon_template.return_extension_days"]
