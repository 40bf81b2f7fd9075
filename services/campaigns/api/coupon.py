"""Coupons, on the wire and inside."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from kehu.campaigns.v1 import coupons_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, expected_version, instant, wire_instant
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.usecases.coupon import Filter, Issue, Lock, Settle, Void


def issue(request: pb.IssueCouponRequest) -> Issue:
    """Read a request to issue a coupon."""
    return Issue(
        coupon=names.new_id(),
        template=names.id_of("couponTemplates", request.coupon_template, field="coupon_template"),
        member=names.id_of("members", request.member, field="member"),
        cause=request.cause,
    )


def lock(request: pb.LockCouponsRequest) -> Lock:
    """Read a request to lock the coupons of an order."""
    return Lock(
        coupons=coupon_ids(request.coupons),
        order=names.id_of("orders", request.order, field="order"),
        member=names.id_of("members", request.member, field="member"),
        until=instant(request.expire_time, field="expire_time"),
        checkout=_checkout(request),
    )


def use(request: pb.UseCouponsRequest) -> Settle:
    """Read a request to use the coupons of an order."""
    return Settle(coupon_ids(request.coupons), names.id_of("orders", request.order, field="order"))


def unlock(request: pb.UnlockCouponsRequest) -> Settle:
    """Read a request to unlock the coupons of an order."""
    order = names.id_of("orders", request.order, field="order")
    return Settle(coupon_ids(request.coupons), order, _checkout(request))


def void(request: pb.VoidCouponRequest) -> Void:
    """Read a request to make a coupon void."""
    return Void(names.id_of("coupons", request.name), expected_version(request.etag))


def filter_of(request: pb.ListCouponsRequest) -> Filter:
    """Read which coupons to list."""
    template = request.coupon_template
    return Filter(
        member=names.id_of("members", request.member, field="member") if request.member else None,
        template=names.id_of("couponTemplates", template, field="coupon_template") if template else None,
        state=State(pb.Coupon.State.Name(request.state).removeprefix("STATE_")) if request.state else None,
        org=org.parse(request.org),
    )


def _checkout(request: pb.LockCouponsRequest | pb.UnlockCouponsRequest) -> UUID | None:
    return names.id_of("checkouts", request.checkout, field="checkout") if request.checkout else None


def coupon_ids(wire: Sequence[str]) -> list[UUID]:
    """Read the names of coupons."""
    return [names.id_of("coupons", name, field=f"coupons[{index}]") for index, name in enumerate(wire)]


def render(coupon: Coupon) -> pb.Coupon:
    """Write a coupon."""
    return pb.Coupon(
        name=names.join("coupons", coupon.id),
        coupon_template=names.join("couponTemplates", coupon.template),
        member=names.join("members", coupon.member),
        cause=coupon.cause,
        state=pb.Coupon.State.Value(f"STATE_{coupon.state}"),
        order="" if coupon.order is None else names.join("orders", coupon.order),
        issue_time=wire_instant(coupon.issue_time),
        start_time=wire_instant(coupon.start_time),
        expire_time=wire_instant(coupon.expire_time),
        lock_expire_time=None if coupon.lock_expire_time is None else wire_instant(coupon.lock_expire_time),
        use_time=None if coupon.use_time is None else wire_instant(coupon.use_time),
        etag=etag(coupon.version),
    )
