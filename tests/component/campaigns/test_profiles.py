"""GetProfile, GetRfmTable, fed by orders' events."""

from __future__ import annotations

import uuid
from datetime import timedelta

import grpc
from kehu.campaigns.v1 import profiles_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from tests.component.campaigns.conftest import Worker
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import NOW, at, create_segment, name, orders_at_least, usd
from tests.support.rpc import refused


async def test_a_profile_sums_up_what_a_member_bought(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    segment = await campaigns.CreateSegment(create_segment(orders_at_least(1)))
    member, order = uuid.uuid4(), uuid.uuid4()
    first, last = NOW - timedelta(days=20), NOW - timedelta(days=2)
    await worker.take(
        build.order_paid(member, cents=1177, pay_time=first),
        build.order_paid(member, order=order, cents=5000, pay_time=last),
        build.order_paid(uuid.uuid4(), cents=100, pay_time=first),
    )
    await worker.take(build.order_refunded(member, order, cents=2000, pay_time=last))
    request = profiles_pb2.GetProfileRequest(name=name("profiles", member))
    profile = await campaigns.GetProfile(request)
    assert (profile.member, list(profile.segments)) == (name("members", member), [segment.name])
    assert list(profile.spendings) == [
        profiles_pb2.Spending(
            currency_code="USD",
            order_count=2,
            total_spent=usd(31, 77),
            first_purchase_time=at(first),
            last_purchase_time=at(last),
            score=profiles_pb2.RfmScore(recency=3, frequency=3, monetary=3),
        )
    ]
    request.as_of.CopyFrom(at(NOW - timedelta(days=10)))
    assert (await campaigns.GetProfile(request)).spendings[0].order_count == 1


async def test_a_table_counts_the_scores(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    await worker.take(*(build.order_paid(uuid.uuid4(), cents=100 * rank) for rank in range(1, 6)))
    table = await campaigns.GetRfmTable(profiles_pb2.GetRfmTableRequest(name="rfmTables/USD"))
    assert (table.name, table.profile_count) == ("rfmTables/USD", 5)
    assert [(cell.score.monetary, cell.profile_count, cell.order_count) for cell in table.cells] == [
        (rank, 1, 1) for rank in range(1, 6)
    ]
    assert table.cells[4].total_spent == usd(5)
    before = profiles_pb2.GetRfmTableRequest(name="rfmTables/USD", as_of=at(NOW - timedelta(days=10)))
    assert (await campaigns.GetRfmTable(before)).profile_count == 0


async def test_a_profile_of_nobody_is_not_found(campaigns: CampaignsServiceStub) -> None:
    refusal = await refused(campaigns.GetProfile(profiles_pb2.GetProfileRequest(name=name("profiles"))))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
