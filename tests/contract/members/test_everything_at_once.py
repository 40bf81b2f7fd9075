"""Everything that may happen to members, at once and by chance, on many connections: nothing fails but for a reason
that is told, and whatever came of it adds up in every ledger, for every tier, redemption and hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.idempotency import Raced
from kit.money import Money
from services.members import consumer
from services.members.domain.audit import Author
from services.members.domain.programme import Rate
from services.members.domain.purchase import Settlement
from services.members.domain.reward import State
from services.members.domain.validity import Availability, Expiry, Start, Validity
from services.members.usecases import (
    erasure,
    expiry,
    hold,
    merge,
    point_transfer,
    points,
    programme,
    purchase,
    redemption,
    referral,
    reward,
    stored_payment,
    tier,
    top_up,
    verification,
)
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.engagement import update as update_engagement
from services.members.usecases.erasure import EraseMember
from services.members.usecases.hold import ConfirmHold, PlaceHold, ReleaseHold
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.point_transfer import TransferPoints, UpdatePolicy
from services.members.usecases.points import Accrue
from services.members.usecases.redemption import Cancel, Refund
from services.members.usecases.reward import TurnReward
from services.members.usecases.stored_payment import EndPayment, Pay
from services.members.usecases.top_up import PayIn
from tests.contract.members.conftest import World
from tests.contract.members.earnings import change
from tests.contract.members.purses import check_stored_value
from tests.contract.members.test_mall import check_mall
from tests.contract.members.test_receipts import issued, scan
from tests.contract.members.test_receipts import rule as receipts_on
from tests.support.builders.engagement import referral_rules
from tests.support.builders.mall import create_reward, pay, redeem
from tests.support.builders.members import NOW, dollars, settlement
from tests.support.builders.members import programme as default_programme
from tests.support.builders.rules import bonus, times

ADA = Author("ada", "tests")
DOLLARS = "USD"
ACTORS = 12


@dataclass
class Crowd:
    """What has been made so far, for others to go on with. Lists only grow, so that actors may share them."""

    world: World
    chance: random.Random
    members: list[UUID]
    rewards: list[UUID]
    codes: list[str]
    orders: list[Settlement] = field(default_factory=list)
    holds: list[tuple[UUID, UUID]] = field(default_factory=list)
    merges: list[UUID] = field(default_factory=list)
    redemptions: list[Any] = field(default_factory=list)
    payments: list[UUID] = field(default_factory=list)

    def anybody(self) -> UUID:
        return self.chance.choice(self.members)

    def one(self, usecase: Callable[..., Any], command: Any) -> Any:
        """Run a command of a set; its Fault is raised."""
        (outcome,) = self.world.do(usecase, [command])
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    # What actors do.

    def buy(self) -> None:
        net = self.chance.choice([0, 1, 40, 99, 300])
        order = settlement(self.anybody(), net=net, pay_time=self.world.clock.now, version=1)
        if self.holds and self.chance.random() < 0.4:
            payer, paid_by = self.chance.choice(self.holds)
            order = replace(order, member=payer, hold=paid_by)
        self.orders.append(order)
        self.world.do(purchase.settle, [order])

    def hear_of_orders(self) -> None:
        told = [self._later(self.chance.choice(self.orders)) for _ in range(3)] if self.orders else []
        self.world.do(purchase.settle, told)

    def _later(self, order: Settlement) -> Settlement:
        """Some later state of an order; a version always tells the same."""
        version = self.chance.randrange(1, 4)
        if version == 2:
            return replace(order, version=2, complete_time=order.pay_time)
        left = Money(order.net.minor // 3 if version == 3 else order.net.minor, DOLLARS)
        return replace(order, version=version, net=left)

    def earn(self) -> None:
        self.one(points.accrue, Accrue(self.anybody(), self.chance.choice([1, 30, 250]), "gifts/1"))

    def place(self) -> None:
        made = PlaceHold(
            uuid4(),
            self.anybody(),
            self.chance.choice([5, 60]),
            "orders/1",
            timedelta(hours=self.chance.choice([1, 90])),
        )
        self.one(hold.change, made)
        self.holds.append((made.member, made.hold))

    def end_hold(self) -> None:
        if self.holds:
            self.one(hold.change, self.chance.choice([ConfirmHold, ReleaseHold])(*self.chance.choice(self.holds)))

    def join(self) -> None:
        gone, kept = self.chance.sample(self.members, 2)
        self.merges.append(self.world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "one")).id)

    def part(self) -> None:
        if self.merges:
            self.world.do(merge.undo, UndoMerge(self.chance.choice(self.merges), ADA, "two"))

    def erase(self) -> None:
        if self.chance.random() < 0.05:
            self.world.do(erasure.erase, EraseMember(self.anybody(), ADA, "asked"))

    def give(self) -> None:
        giver, taker = self.chance.sample(self.members, 2)
        self.one(point_transfer.transfer, TransferPoints(uuid4(), giver, taker, self.chance.choice([1, 40])))

    def redeem(self) -> None:
        self.redemptions.append(self.one(redemption.redeem, redeem(self.anybody(), self.chance.choice(self.rewards))))

    def end_redemption(self) -> None:
        if not self.redemptions:
            return
        known = self.chance.choice(self.redemptions)
        match self.chance.randrange(3):
            case 0:
                self.one(redemption.cancel, Cancel(known.member, known.id))
            case 1:
                back = f"psp/back/{known.id}" if known.cash else ""
                self.one(redemption.refund, Refund(known.member, known.id, back, self.chance.random() < 0.5))
            case _:
                self.one(redemption.confirm, pay(known, payment=f"psp/{known.id}"))

    def scan(self) -> None:
        scan(self.world, self.anybody(), self.chance.choice(self.codes))

    def bring(self) -> None:
        referrer, member = self.chance.sample(self.members, 2)
        _, code = self.world.do(referral.create_code, referrer)
        self.world.do(referral.attach, referral.Attach(member, code))

    def top_up(self) -> None:
        self.one(top_up.top_up, PayIn(uuid4(), self.anybody(), dollars(self.chance.choice([3, 50])), "stores/1"))

    def pay(self) -> None:
        ttl = self.chance.choice([None, timedelta(hours=1)])
        made = Pay(uuid4(), self.anybody(), Money(self.chance.choice([1, 333, 1999]), DOLLARS), "stores/1", ttl=ttl)
        self.one(stored_payment.pay, made)
        self.payments.append(made.payment)

    def end_payment(self) -> None:
        if self.payments:
            how = self.chance.choice([stored_payment.confirm, stored_payment.release])
            self.one(how, EndPayment(self.chance.choice(self.payments)))

    def let_time_pass(self) -> None:
        self.world.clock.now += timedelta(hours=self.chance.choice([1, 5, 26]))

    def sweep(self) -> None:
        sweeps: tuple[Callable[..., Any], ...] = (
            expiry.expire,
            expiry.mature,
            expiry.announce,
            hold.expire,
            redemption.expire,
            tier.advance,
        )
        more: tuple[Callable[..., Any], ...] = (tier.requalify, stored_payment.expire, consumer.settle_cash)
        self.world.do(self.chance.choice([*sweeps, *more]))

    def change_rules(self) -> None:
        double = (times(20_000 + self.chance.randrange(9), id="gold", condition="member.tier != 'base'"), FIRST)
        if self.chance.random() < 0.2:
            change(self.world, rules=double)


FIRST = bonus(25, id="first", condition="member.first_purchase")
ACTS = [name for name, act in vars(Crowd).items() if callable(act) and not name.startswith("_")]
ACTS = [name for name in ACTS if name not in ("anybody", "one")]


@pytest.fixture
def crowd(world: World, request: pytest.FixtureRequest) -> Crowd:
    """Eight members with points and money, in two programmes whose points wait and expire."""
    receipts_on(world)
    world.do(update_engagement, UpdateEngagementPolicy({"referrals": referral_rules(days=400)}))
    waits: dict[str, Any] = {"availability": Availability(Start.COMPLETION), "validity": Validity(Expiry.DAYS, 2)}
    change(world, refund_grace_days=1, rules=(FIRST,), growth=Rate(1, dollars(1)), **waits)
    stars = replace(default_programme(earn=Rate(3, dollars(1))), id="stars", tiers=())
    world.do(programme.create, stars)
    world.do(point_transfer.update, UpdatePolicy(10_000, 1))
    members = world.enrolled(8, available=500)
    rewards = []
    for fields in ({}, {"cash": dollars(3)}, {"per_member": 2, "stock": 5}):
        made = world.do(reward.create, create_reward(**{"points": 40, **fields}))
        rewards.append(world.do(reward.turn, TurnReward(made.id, State.ON_SALE)).id)
    codes = issued(world, *(f"R-{number}" for number in range(40)))
    return Crowd(world, random.Random(request.node.name), members, rewards, codes)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("acts", [250, pytest.param(2_000, marks=pytest.mark.long)])
def test_everything_at_once_adds_up(crowd: Crowd, acts: int) -> None:
    crowd.chance.seed(acts)
    world, reasons = crowd.world, Counter[str]()

    def act(name: str) -> None:
        try:
            getattr(crowd, name)()
            reasons["done"] += 1
        except Raced:
            reasons["raced"] += 1
        except Fault as fault:
            reasons[fault.reason] += 1
            if fault.reason == "CONFLICT":  # it says to come again, and so do clients
                act(name)

    with ThreadPoolExecutor(ACTORS) as pool:
        for future in [pool.submit(act, crowd.chance.choice(ACTS)) for _ in range(acts)]:
            future.result()
    assert reasons["done"] > acts // 4, reasons
    assert not reasons.keys() & {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}, reasons
    world.clock.now = NOW + timedelta(days=900)
    for sweep in (hold.expire, expiry.mature, expiry.expire, redemption.expire, stored_payment.expire, tier.requalify):
        while world.do(sweep):
            pass
    check_stored_value(world)
    check_mall(world)
    assert world.do(verification.ledger) == []
    assert world.do(verification.tiers, UUID(int=0), 100)[0] == []
