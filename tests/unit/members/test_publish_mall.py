"""The facts of the mall go out as the proto JSON of their messages."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import events_pb2

from kit.money import Money
from services.members.domain.point_transfer import PointsTransferred, PointTransfer
from services.members.domain.redemption import (
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionRefunded,
    RedemptionRefused,
)
from services.members.domain.reward import Kind
from services.members.publish import to_event
from tests.support.builders.mall import confirmed, redemption, usd
from tests.support.builders.members import MEMBER, NOW

PRICE = Money(300, "USD")
WIRE = Timestamp(seconds=int(NOW.timestamp()))


def facts() -> list[tuple[object, Message]]:
    free, paid, waiting = confirmed(), confirmed(cash=PRICE), redemption(cash=PRICE)
    refused, owed = (each.refused("TEMPLATE_ENDED", NOW)[0] for each in (free, paid))
    cancelled, refunded = waiting.cancelled(NOW)[0], paid.refunded("refunds/1", NOW, restock=True)[0]
    return [
        (
            RedemptionConfirmed(free, Kind.COUPON, 'couponTemplates/"1"'),
            events_pb2.RedemptionConfirmed(
                redemption=free.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{free.reward}",
                quantity=1,
                points=100,
                kind="COUPON",
                item='couponTemplates/"1"',
                confirm_time=WIRE,
            ),
        ),
        (
            RedemptionConfirmed(replace(free, programme="stars"), Kind.VIRTUAL, ""),
            events_pb2.RedemptionConfirmed(
                redemption=free.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{free.reward}",
                quantity=1,
                points=100,
                kind="VIRTUAL",
                confirm_time=WIRE,
                programme="programmes/stars",
            ),
        ),
        (
            RedemptionConfirmed(paid, Kind.PHYSICAL, ""),
            events_pb2.RedemptionConfirmed(
                redemption=paid.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{paid.reward}",
                quantity=1,
                points=100,
                cash=usd(3),
                kind="PHYSICAL",
                payment="psp/1",
                confirm_time=WIRE,
            ),
        ),
        (
            RedemptionCancelled(cancelled),
            events_pb2.RedemptionCancelled(
                redemption=cancelled.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{cancelled.reward}",
                quantity=1,
                points=100,
                cash=usd(3),
                state="CANCELLED",
                end_time=WIRE,
            ),
        ),
        (
            RedemptionRefunded(refunded),
            events_pb2.RedemptionRefunded(
                redemption=refunded.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{refunded.reward}",
                quantity=1,
                points=100,
                cash=usd(3),
                restocked=True,
                refund_payment="refunds/1",
                end_time=WIRE,
            ),
        ),
        (
            RedemptionRefunded(refused),
            events_pb2.RedemptionRefunded(
                redemption=refused.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{refused.reward}",
                quantity=1,
                points=100,
                restocked=True,
                end_time=WIRE,
                refusal="TEMPLATE_ENDED",
            ),
        ),
        (
            RedemptionRefused(owed),
            events_pb2.RedemptionRefused(
                redemption=owed.source,
                member=f"members/{MEMBER}",
                reward=f"rewards/{owed.reward}",
                quantity=1,
                points=100,
                cash=usd(3),
                payment=owed.payment,
                refusal="TEMPLATE_ENDED",
            ),
        ),
    ]


def test_given_points_are_told_as_such() -> None:
    made = PointTransfer(uuid4(), MEMBER, uuid4(), 2**40, "2026-03-01", NOW)
    event = to_event(PointsTransferred(made))
    assert json_format.Parse(event.payload, events_pb2.PointsTransferred()) == events_pb2.PointsTransferred(
        member=f"members/{MEMBER}", recipient=f"members/{made.recipient}", points=2**40, transfer_time=WIRE
    )
    assert (event.type, event.subject, event.version) == ("PointsTransferred", made.source, 1)


@pytest.mark.parametrize(("fact", "message"), facts())
def test_an_event_of_the_mall_reads_back_as_its_message(fact: object, message: Message) -> None:
    event = to_event(fact)
    assert json_format.Parse(event.payload, type(message)()) == message
    assert (event.type, event.schema) == (message.DESCRIPTOR.name, message.DESCRIPTOR.full_name)
    redemption = getattr(fact, "redemption")  # noqa: B009 - each of these facts has one
    assert (event.subject, event.version) == (redemption.source, redemption.version)
