"""A request id stands for one request for ever, also where calls share a transaction and there are several processes:
of two requests under one id one takes effect, and whoever sent the other is told so."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2, stored_value_pb2, tiers_pb2
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub
from kehu.members.v1.tiers_pb2_grpc import TiersServiceStub

from services.members.config import Config
from services.members.server import build
from tests.support.rpc import Keys, refused, serving

Ask = Callable[[grpc.aio.Channel, str, int, str], Any]


def accrue(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    request = members_pb2.AccruePointsRequest(parent=member, points=amount, request_id=key)
    return MembersServiceStub(to).AccruePoints(request)


def spend(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    request = members_pb2.SpendPointsRequest(parent=member, points=amount, request_id=key)
    return MembersServiceStub(to).SpendPoints(request)


def hold(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    held = members_pb2.Hold(points=amount)
    return MembersServiceStub(to).CreateHold(members_pb2.CreateHoldRequest(parent=member, hold=held, request_id=key))


def grow(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    request = tiers_pb2.AddGrowthRequest(name=f"{member}/growth", value=amount, request_id=key)
    return TiersServiceStub(to).AddGrowth(request)


def top_up(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    paid = stored_value_pb2.TopUp(member=member, amount=Money(currency_code="KWD", units=amount), store="east")
    request = stored_value_pb2.CreateTopUpRequest(top_up=paid, request_id=key)
    return StoredValueServiceStub(to).CreateTopUp(request)


def pay(to: grpc.aio.Channel, member: str, amount: int, key: str) -> Any:
    money = Money(currency_code="KWD", nanos=amount * 1_000_000)
    request = stored_value_pb2.PayStoredValueRequest(member=member, amount=money, store="west", request_id=key)
    return StoredValueServiceStub(to).PayStoredValue(request)


@pytest.fixture
async def beside(url: str, settings: Callable[..., Any], keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """The same service by another process."""
    async with serving(build(settings(Config, database_url=url)), keys.bearer("admin")) as channel:
        yield channel


async def moved(channel: grpc.aio.Channel, member: str) -> list[int]:
    """Everything that the calls may have moved."""
    members, tiers, value = MembersServiceStub(channel), TiersServiceStub(channel), StoredValueServiceStub(channel)
    balance = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{member}/balance"))
    growth = await tiers.GetGrowth(tiers_pb2.GetGrowthRequest(name=f"{member}/growth"))
    purse = await value.GetStoredValue(stored_value_pb2.GetStoredValueRequest(name=f"{member}/storedValues/KWD"))
    mils = purse.principal.units * 1000 + purse.principal.nanos // 1_000_000
    return [balance.available, balance.held, growth.value, mils]


@pytest.mark.parametrize("ask", [accrue, spend, hold, grow, top_up, pay])
async def test_of_two_requests_under_one_id_one_takes_effect_however_often_they_come(
    channel: grpc.aio.Channel, beside: grpc.aio.Channel, member: str, ask: Ask
) -> None:
    await accrue(channel, member, 1000, str(uuid.uuid4()))
    await top_up(channel, member, 1, str(uuid.uuid4()))
    before, key = await moved(channel, member), str(uuid.uuid4())
    calls = [ask(to, member, amount, key) for _ in range(10) for to in (channel, beside) for amount in (7, 8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    done = {
        amount for answer, amount in zip(answers, [7, 8] * 20, strict=True) if not isinstance(answer, BaseException)
    }
    assert len(done) == 1
    kept = {str(answer) for answer in answers if not isinstance(answer, BaseException)}
    assert len(kept) == 1
    after = await moved(channel, member)
    (won,) = done
    assert str(await ask(beside, member, won, key)) == kept.pop()
    assert (await refused(ask(channel, member, 15 - won, key))).reason == "REQUEST_ID_REUSED"
    assert await moved(channel, member) == after
    await ask(channel, member, won, str(uuid.uuid4()))
    twice = await moved(channel, member)
    assert [now - then for now, then in zip(twice, after, strict=True)] == [
        now - then for now, then in zip(after, before, strict=True)
    ]
    assert twice != after
