"""IssueCoupon, GetCoupon, ListCoupons, LockCoupons, UseCoupons, UnlockCoupons, VoidCoupon, and orders' events."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from kehu.campaigns.v1 import coupons_pb2 as pb
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit.errors import Fault
from services.campaigns import consumer
from tests.component.campaigns.conftest import Worker
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import create_template, issue, lock, name
from tests.support.rpc import refused

ISSUED, LOCKED, USED, VOID = pb.Coupon.STATE_ISSUED, pb.Coupon.STATE_LOCKED, pb.Coupon.STATE_USED, pb.Coupon.STATE_VOID


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=15)


async def coupon_of(campaigns: CampaignsServiceStub, member: str, **template: Any) -> Any:
    made = await campaigns.CreateCouponTemplate(create_template(**template))
    return await campaigns.IssueCoupon(issue(made.name, member))


async def state_of(campaigns: CampaignsServiceStub, coupon: pb.Coupon) -> Any:
    return (await campaigns.GetCoupon(pb.GetCouponRequest(name=coupon.name))).state


async def test_an_issued_coupon_is_the_members(campaigns: CampaignsServiceStub) -> None:
    template, member = await campaigns.CreateCouponTemplate(create_template()), name("members")
    coupon = await campaigns.IssueCoupon(issue(template.name, member, cause="birthday"))
    assert (coupon.coupon_template, coupon.member, coupon.cause, coupon.state) == (
        template.name,
        member,
        "birthday",
        ISSUED,
    )
    assert coupon.expire_time.seconds - coupon.issue_time.seconds == 10 * 24 * 3600
    assert await campaigns.GetCoupon(pb.GetCouponRequest(name=coupon.name)) == coupon


async def test_a_repeat_for_the_same_cause_answers_the_same_coupon(campaigns: CampaignsServiceStub) -> None:
    template, member = await campaigns.CreateCouponTemplate(create_template()), name("members")
    first = await campaigns.IssueCoupon(issue(template.name, member, cause="birthday"))
    assert await campaigns.IssueCoupon(issue(template.name, member, cause="birthday")) == first
    assert (await campaigns.IssueCoupon(issue(template.name, member))).name != first.name


async def test_the_same_request_issues_once(campaigns: CampaignsServiceStub) -> None:
    template = await campaigns.CreateCouponTemplate(create_template())
    request = issue(template.name, name("members"), request_id=str(uuid.uuid4()))
    assert await campaigns.IssueCoupon(request) == await campaigns.IssueCoupon(request)


async def test_concurrent_issues_stop_exactly_at_the_limit(campaigns: CampaignsServiceStub) -> None:
    template = await campaigns.CreateCouponTemplate(create_template(issue_limit=10))

    async def outcome() -> str:
        try:
            await campaigns.IssueCoupon(issue(template.name, name("members")))
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    assert Counter(await asyncio.gather(*(outcome() for _ in range(100)))) == {"OK": 10, "FAILED_PRECONDITION": 90}


async def test_coupons_are_listed_by_member_template_and_state(campaigns: CampaignsServiceStub) -> None:
    member = name("members")
    kept = await coupon_of(campaigns, member)
    void = await coupon_of(campaigns, member)
    other = await coupon_of(campaigns, name("members"))
    await campaigns.VoidCoupon(pb.VoidCouponRequest(name=void.name))

    async def listed(**only: Any) -> list[str]:
        answer = await campaigns.ListCoupons(pb.ListCouponsRequest(**only))
        return [coupon.name for coupon in answer.coupons]

    assert await listed() == [other.name, void.name, kept.name]
    assert await listed(member=member) == [void.name, kept.name]
    assert await listed(member=member, state=ISSUED) == [kept.name]
    assert await listed(coupon_template=other.coupon_template) == [other.name]


async def test_a_page_token_belongs_to_its_filter(campaigns: CampaignsServiceStub) -> None:
    member = name("members")
    names = [(await coupon_of(campaigns, member)).name for _ in range(2)]
    first = await campaigns.ListCoupons(pb.ListCouponsRequest(member=member, page_size=1))
    rest = pb.ListCouponsRequest(member=member, page_size=1, page_token=first.next_page_token)
    assert [coupon.name for coupon in (await campaigns.ListCoupons(rest)).coupons] == names[:1]
    stolen = pb.ListCouponsRequest(page_size=1, page_token=first.next_page_token)
    assert (await refused(campaigns.ListCoupons(stolen))).reason == "PAGE_TOKEN_INVALID"


async def test_an_order_locks_uses_or_gives_back_its_coupons(campaigns: CampaignsServiceStub) -> None:
    member, order = name("members"), name("orders")
    used, opened = await coupon_of(campaigns, member), await coupon_of(campaigns, member)
    locked = await campaigns.LockCoupons(lock([used.name, opened.name], order, member, until=soon()))
    assert [(coupon.name, coupon.state, coupon.order) for coupon in locked.coupons] == [
        (used.name, LOCKED, order),
        (opened.name, LOCKED, order),
    ]
    assert all(coupon.HasField("lock_expire_time") for coupon in locked.coupons)
    back = await campaigns.UnlockCoupons(pb.UnlockCouponsRequest(coupons=[opened.name], order=order))
    assert (back.coupons[0].state, back.coupons[0].order) == (ISSUED, "")
    gone = await campaigns.UseCoupons(pb.UseCouponsRequest(coupons=[used.name], order=order))
    assert gone.coupons[0].state == USED
    assert gone.coupons[0].HasField("use_time")


async def test_a_lock_of_a_checkout_is_opened_by_that_checkout_alone(campaigns: CampaignsServiceStub) -> None:
    member, order, checkout = name("members"), name("orders"), name("checkouts")
    coupon = await coupon_of(campaigns, member)
    locking = lock([coupon.name], order, member, until=soon())
    await campaigns.LockCoupons(locking)
    locking.checkout, locking.request_id = checkout, str(uuid.uuid4())
    await campaigns.LockCoupons(locking)
    for other in ("", name("checkouts")):
        kept = await campaigns.UnlockCoupons(
            pb.UnlockCouponsRequest(coupons=[coupon.name], order=order, checkout=other)
        )
        assert (kept.coupons[0].state, kept.coupons[0].order) == (LOCKED, order)
    back = await campaigns.UnlockCoupons(pb.UnlockCouponsRequest(coupons=[coupon.name], order=order, checkout=checkout))
    assert back.coupons[0].state == ISSUED


async def test_two_hundred_orders_race_for_one_coupon_and_one_gets_it(campaigns: CampaignsServiceStub) -> None:
    member = name("members")
    coupon = await coupon_of(campaigns, member)

    async def outcome() -> str:
        try:
            await campaigns.LockCoupons(lock([coupon.name], name("orders"), member, until=soon()))
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    assert Counter(await asyncio.gather(*(outcome() for _ in range(200)))) == {"OK": 1, "FAILED_PRECONDITION": 199}


async def test_a_refused_lock_says_why_and_locks_nothing(campaigns: CampaignsServiceStub) -> None:
    member, order = name("members"), name("orders")
    mine, foreign = await coupon_of(campaigns, member), await coupon_of(campaigns, name("members"))
    refusal = await refused(campaigns.LockCoupons(lock([mine.name, foreign.name], order, member, until=soon())))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COUPON_OF_ANOTHER_MEMBER")
    assert refusal.metadata == {"coupon": foreign.name}
    assert foreign.member not in refusal.message
    assert await state_of(campaigns, mine) == ISSUED


async def test_an_unknown_coupon_is_not_found(campaigns: CampaignsServiceStub) -> None:
    unknown, order = name("coupons"), name("orders")
    for call in (
        campaigns.GetCoupon(pb.GetCouponRequest(name=unknown)),
        campaigns.LockCoupons(lock([unknown], order, name("members"), until=soon())),
        campaigns.UseCoupons(pb.UseCouponsRequest(coupons=[unknown], order=order)),
        campaigns.UnlockCoupons(pb.UnlockCouponsRequest(coupons=[unknown], order=order)),
        campaigns.VoidCoupon(pb.VoidCouponRequest(name=unknown)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "COUPON_NOT_FOUND")


async def test_a_name_of_another_form_is_refused(campaigns: CampaignsServiceStub) -> None:
    request = lock([name("coupons"), "coupons/x"], name("orders"), name("members"), until=soon())
    assert (await refused(campaigns.LockCoupons(request))).fields == ["coupons[1]"]


async def test_a_void_coupon_gives_its_place_back(campaigns: CampaignsServiceStub) -> None:
    template = await campaigns.CreateCouponTemplate(create_template(issue_limit=1))
    coupon = await campaigns.IssueCoupon(issue(template.name, name("members")))
    stale = pb.VoidCouponRequest(name=coupon.name, etag='"99"')
    assert (await refused(campaigns.VoidCoupon(stale))).reason == "ETAG_MISMATCH"
    void = await campaigns.VoidCoupon(pb.VoidCouponRequest(name=coupon.name, etag=coupon.etag))
    assert void.state == VOID
    await campaigns.IssueCoupon(issue(template.name, name("members")))


async def test_a_locked_coupon_can_not_be_made_void(campaigns: CampaignsServiceStub) -> None:
    member = name("members")
    coupon = await coupon_of(campaigns, member)
    await campaigns.LockCoupons(lock([coupon.name], name("orders"), member, until=soon()))
    refusal = await refused(campaigns.VoidCoupon(pb.VoidCouponRequest(name=coupon.name)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COUPON_LOCKED")


async def test_the_event_of_a_paid_order_uses_its_coupons(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    member, order = name("members"), uuid.uuid4()
    coupon = await coupon_of(campaigns, member)
    await campaigns.LockCoupons(lock([coupon.name], name("orders", order), member, until=soon()))
    await worker.take(build.order_paid(order=order, coupons=[coupon.name]))
    assert await state_of(campaigns, coupon) == USED


async def test_the_event_of_a_cancelled_order_gives_its_coupons_back(
    campaigns: CampaignsServiceStub, worker: Worker
) -> None:
    member, order = name("members"), uuid.uuid4()
    coupon = await coupon_of(campaigns, member)
    await campaigns.LockCoupons(lock([coupon.name], name("orders", order), member, until=soon()))
    await worker.take(build.order_cancelled(order, [coupon.name]))
    assert await state_of(campaigns, coupon) == ISSUED


async def test_coupons_that_nobody_knows_do_not_stop_the_events(
    campaigns: CampaignsServiceStub, worker: Worker
) -> None:
    member, order = name("members"), uuid.uuid4()
    coupon = await coupon_of(campaigns, member)
    await worker.take(
        build.order_cancelled(uuid.uuid4(), [name("coupons")]),
        build.order_paid(order=order, coupons=[name("coupons"), coupon.name]),
    )
    assert await state_of(campaigns, coupon) == USED


async def test_an_event_with_a_name_of_another_form_is_refused_for_good(worker: Worker) -> None:
    with pytest.raises(Fault) as caught:
        await worker.take(build.order_paid(coupons=["coupons/x"]))
    assert not caught.value.transient


async def test_the_timer_opens_locks_that_ran_out(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    member = name("members")
    coupon = await coupon_of(campaigns, member)
    moment = datetime.now(UTC) + timedelta(milliseconds=300)
    await campaigns.LockCoupons(lock([coupon.name], name("orders"), member, until=moment))
    while await state_of(campaigns, coupon) == LOCKED:
        await worker.run(consumer.expire_coupons)
    assert datetime.now(UTC) >= moment
    assert await state_of(campaigns, coupon) == ISSUED
