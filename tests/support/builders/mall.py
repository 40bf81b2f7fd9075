"""Rewards and redemptions, with sensible values for all that a test does not care about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import mall_pb2 as pb

from kit.money import Money
from services.members.domain.redemption import Redemption
from services.members.domain.reward import Kind, Offer, Reward, State
from services.members.usecases.redemption import Confirm, Redeem
from services.members.usecases.reward import CreateReward
from tests.support.builders.members import MEMBER, NOW, dollars

CUP = {"display_name": "A cup", "points": 100, "stock": 10}


def offer(**fields: Any) -> Offer:
    """Ten cups for 100 points each, but for what is given."""
    return Offer(**{**CUP, **fields})


def create_reward(**fields: Any) -> CreateReward:
    """A command that makes a reward."""
    return CreateReward(uuid4(), Kind.PHYSICAL, offer(**fields))


def reward(*, state: State = State.ON_SALE, held: int = 0, redeemed: int = 0, **fields: Any) -> Reward:
    """A reward on sale."""
    return Reward(uuid4(), Kind.PHYSICAL, offer(**fields), NOW, NOW, state=state, held=held, redeemed=redeemed)


def redemption(*, cash: Money | None = None, quantity: int = 1, now: datetime = NOW) -> Redemption:
    """A redemption that was asked for now, and has ten minutes to be paid."""
    return Redemption.asked(
        uuid4(),
        reward(cash=cash),
        quantity,
        member=MEMBER,
        hold=uuid4(),
        day="2026-03-01",
        store="",
        now=now,
        ttl=timedelta(minutes=10),
    )


def confirmed(*, cash: Money | None = None) -> Redemption:
    """A redemption whose points are spent."""
    asked = redemption(cash=cash)
    return asked.confirmed(replace(reward(cash=cash), id=asked.reward), "psp/1" if cash else "", NOW)[0]


def redeem(member: UUID, of: UUID, *, quantity: int = 1, ttl: int = 600) -> Redeem:
    """A command to redeem."""
    return Redeem(uuid4(), uuid4(), member, of, quantity, "", timedelta(seconds=ttl))


def pay(of: Redemption, *, payment: str = "", paid: Money | None = None) -> Confirm:
    """A command that says that the cash price is paid."""
    return Confirm(of.member, of.id, payment or f"psp/{uuid4()}", paid or of.cash or dollars(1), uuid4())


def usd(units: int) -> WireMoney:
    """Whole US dollars on the wire."""
    return WireMoney(currency_code="USD", units=units)


def reward_request(**fields: Any) -> pb.CreateRewardRequest:
    """A request for ten cups."""
    return pb.CreateRewardRequest(reward=pb.Reward(**{**CUP, "kind": pb.Reward.KIND_PHYSICAL, **fields}))
