"""Campaigns' values and requests with sensible defaults; a test names only what it is about."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.campaigns.v1 import automations_pb2, coupon_templates_pb2, coupons_pb2, prices_pb2, segments_pb2
from kehu.members.v1 import events_pb2 as members_events
from kehu.orders.v1 import events_pb2

from kit.worker import Received
from services.campaigns.domain.automation import Automation
from services.campaigns.domain.coupon import Coupon
from services.campaigns.domain.coupon_template import CouponTemplate, DaysAfterIssue, Limits, Terms
from services.campaigns.domain.purchase import Purchase
from services.campaigns.domain.rule import Comparison, Criterion, Metric, Rule
from services.campaigns.domain.segment import Segment

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
DAY = timedelta(days=1)

wire = segments_pb2.Criterion


def terms(**changes: Any) -> Terms:
    """5.00 USD off; alone on its order."""
    values: dict[str, Any] = {
        "basis_points": None,
        "amount": 500,
        "minimum_spend": 0,
        "currency": "USD",
        "stackable": False,
        "priority": 0,
    }
    return Terms(**{**values, **changes})


def template(**changes: Any) -> CouponTemplate:
    """A template without limits, whose coupons are good for ten days."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "display_name": "Welcome back",
        "terms": terms(),
        "validity": DaysAfterIssue(10),
        "limits": Limits(),
        "create_time": NOW,
        "update_time": NOW,
    }
    return CouponTemplate(**{**values, **changes})


def coupon(**changes: Any) -> Coupon:
    """A coupon issued now and good for ten days."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "template": uuid.uuid4(),
        "member": uuid.uuid4(),
        "cause": "",
        "issue_time": NOW,
        "start_time": NOW,
        "expire_time": NOW + 10 * DAY,
    }
    return Coupon(**{**values, **changes})


def purchase(**changes: Any) -> Purchase:
    """An order of 10.00 USD, paid yesterday."""
    values: dict[str, Any] = {
        "order": uuid.uuid4(),
        "member": uuid.uuid4(),
        "currency": "USD",
        "net": 1000,
        "pay_time": NOW - DAY,
        "counts": True,
        "version": 2,
    }
    return Purchase(**{**values, **changes})


def bought_at_least(count: int) -> Criterion:
    """The rule of those who bought so many times."""
    return Criterion(Metric.ORDER_COUNT, Comparison.AT_LEAST, count)


def asleep_for(days: int) -> Criterion:
    """The rule of those whose last purchase is so many days ago."""
    return Criterion(Metric.RECENCY_DAYS, Comparison.AT_LEAST, days)


def segment(rule: Rule | None = None, **changes: Any) -> Segment:
    """A segment of those who bought twice, not built yet."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "display_name": "Came back",
        "rule": rule or bought_at_least(2),
        "create_time": NOW,
        "update_time": NOW,
    }
    return Segment(**{**values, **changes})


def automation(**changes: Any) -> Automation:
    """An active automation."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "display_name": "Thank those who come back",
        "segment": uuid.uuid4(),
        "template": uuid.uuid4(),
        "create_time": NOW,
        "update_time": NOW,
    }
    return Automation(**{**values, **changes})


def name(collection: str, key: uuid.UUID | None = None) -> str:
    """A resource name, of a new id when none is given."""
    return f"{collection}/{key or uuid.uuid4()}"


def usd(units: int, cents: int = 0) -> WireMoney:
    """An amount on the wire."""
    return WireMoney(currency_code="USD", units=units, nanos=cents * 10_000_000)


def at(moment: datetime) -> Timestamp:
    """An instant on the wire."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def create_template(*, request_id: str = "", **fields: Any) -> coupon_templates_pb2.CreateCouponTemplateRequest:
    """A request for a template: 5.00 USD off for ten days."""
    discount = {} if "percent_off" in fields else {"amount_off": usd(5)}
    validity = {} if "window" in fields else {"days_after_issue": 10}
    values: dict[str, Any] = {"display_name": "Welcome back", **discount, **validity, **fields}
    return coupon_templates_pb2.CreateCouponTemplateRequest(
        coupon_template=coupon_templates_pb2.CouponTemplate(**values), request_id=request_id
    )


def issue(template: str, member: str, *, cause: str = "", request_id: str = "") -> coupons_pb2.IssueCouponRequest:
    """A request to issue a coupon."""
    return coupons_pb2.IssueCouponRequest(coupon_template=template, member=member, cause=cause, request_id=request_id)


def lock(coupons: Sequence[str], order: str, member: str, *, until: datetime) -> coupons_pb2.LockCouponsRequest:
    """A request to lock coupons."""
    return coupons_pb2.LockCouponsRequest(coupons=coupons, order=order, member=member, expire_time=at(until))


def price(*lines: prices_pb2.PriceLine, member: str = "", coupons: Sequence[str] = ()) -> prices_pb2.PriceOrderRequest:
    """A request for the price of an order in USD."""
    return prices_pb2.PriceOrderRequest(member=member, currency_code="USD", lines=lines, coupons=coupons)


def line(quantity: int, unit_price: WireMoney) -> prices_pb2.PriceLine:
    """A line to be priced."""
    return prices_pb2.PriceLine(product=name("products"), quantity=quantity, unit_price=unit_price)


def criterion(metric: Any, comparison: Any, value: int | WireMoney) -> segments_pb2.Rule:
    """A rule of one criterion."""
    given = {"number": value} if isinstance(value, int) else {"amount": value}
    return segments_pb2.Rule(criterion=wire(metric=metric, comparison=comparison, **given))


def orders_at_least(count: int) -> segments_pb2.Rule:
    """The rule of those who bought so many times."""
    return criterion(wire.METRIC_ORDER_COUNT, wire.COMPARISON_AT_LEAST, count)


def create_segment(rule: segments_pb2.Rule, display_name: str = "Came back") -> segments_pb2.CreateSegmentRequest:
    """A request for a segment."""
    return segments_pb2.CreateSegmentRequest(segment=segments_pb2.Segment(display_name=display_name, rule=rule))


def create_automation(segment: str, coupon_template: str) -> automations_pb2.CreateAutomationRequest:
    """A request for an automation."""
    return automations_pb2.CreateAutomationRequest(
        automation=automations_pb2.Automation(
            display_name="Thank those who come back", segment=segment, coupon_template=coupon_template
        )
    )


def order_paid(
    member: uuid.UUID | None = None,
    *,
    order: uuid.UUID | None = None,
    cents: int = 1000,
    pay_time: datetime = NOW - DAY,
    version: int = 2,
    coupons: Sequence[str] = (),
    imported: bool = False,
) -> Received:
    """The event of a paid order."""
    order = order or uuid.uuid4()
    message = events_pb2.OrderPaid(
        order=name("orders", order),
        member=name("members", member) if member else "",
        channel="pos",
        net_total=usd(*divmod(cents, 100)),
        pay_time=at(pay_time),
        coupons=coupons,
        imported=imported,
    )
    return received(message, order, version)


def order_refunded(
    member: uuid.UUID,
    order: uuid.UUID,
    *,
    cents: int,
    pay_time: datetime = NOW - DAY,
    version: int = 3,
    returned: Sequence[str] = (),
) -> Received:
    """The event of a refund that leaves so many cents, and gives back coupons if it leaves nothing."""
    message = events_pb2.OrderRefunded(
        order=name("orders", order),
        member=name("members", member),
        net_total=usd(*divmod(cents, 100)),
        pay_time=at(pay_time),
        refund_time=at(NOW),
        returned_coupons=returned,
    )
    return received(message, order, version)


def order_cancelled(order: uuid.UUID, coupons: Sequence[str]) -> Received:
    """The event of a cancelled order."""
    return received(events_pb2.OrderCancelled(order=name("orders", order), coupons=coupons), order, 2)


def erased(member: uuid.UUID, *, version: int = 9) -> Received:
    """The event that a member asked to be forgotten."""
    message = members_events.MemberErased(member=name("members", member), erase_time=at(NOW))
    return _about(message, message.member, version)


def redeemed(
    member: uuid.UUID, redemption: uuid.UUID, item: str, *, quantity: int = 1, kind: str = "COUPON"
) -> Received:
    """The event that a member redeemed points for a reward."""
    message = members_events.RedemptionConfirmed(
        redemption=f"{name('members', member)}/redemptions/{redemption}",
        member=name("members", member),
        reward=name("rewards"),
        quantity=quantity,
        kind=kind,
        item=item,
        confirm_time=at(NOW),
    )
    return _about(message, message.redemption, 2)


def redemption_refunded(member: uuid.UUID, redemption: uuid.UUID) -> Received:
    """The event that a redemption was taken back."""
    message = members_events.RedemptionRefunded(
        redemption=f"{name('members', member)}/redemptions/{redemption}",
        member=name("members", member),
        end_time=at(NOW),
    )
    return _about(message, message.redemption, 4)


def received(message: Any, order: uuid.UUID, version: int) -> Received:
    """An event about an order, as a worker gets it."""
    return _about(message, name("orders", order), version)


def _about(message: Any, subject: str, version: int) -> Received:
    return Received(uuid.uuid4(), message.DESCRIPTOR.name, subject, version, NOW, message)
