"""A crowd with coupons: what everybody who does something by chance shares, and what they do. Rows, transactions and
handlers are those of the service, on its real database; the events of its peers are made up, told late and repeated."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from kit import names
from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from kit.worker import Received
from services.campaigns.consumer import subscriptions, take_members, take_orders, take_redemptions
from services.campaigns.domain.automation import State as Turned
from services.campaigns.domain.coupon_template import Limits, Returns
from services.campaigns.domain.pricing import Line
from services.campaigns.usecases import automation, coupon, coupon_template, pricing, profile, segment
from services.campaigns.usecases.coupon import Filter, Issue, Lock, Settle, Void
from tests.contract.campaigns.conftest import World
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import asleep_for, bought_at_least
from tests.support.builders.merges import Story

_NEWEST = "select id, member_id, origin_id from coupons where state = any(:states) order by id desc limit 12"
_RULES = [bought_at_least(1), bought_at_least(2), bought_at_least(4), asleep_for(2)]

T = TypeVar("T")
Handler = Callable[[Any, Sequence[Received]], None]


class NothingThere(Exception):
    """There is nothing yet that this could be done to."""


@dataclass(frozen=True)
class Sale:
    """An order with the coupons that it was given."""

    member: UUID
    coupons: list[UUID]
    id: UUID = field(default_factory=uuid4)

    @property
    def names(self) -> list[str]:
        """The names of its coupons."""
        return [build.name("coupons", each) for each in self.coupons]


@dataclass
class Crowd:
    """What has been made so far, for others to go on with. Lists only grow, so that actors may share them."""

    world: World
    twins: tuple[UUID, UUID]
    """Two names of one person, from before the beginning and for ever."""
    chance: random.Random = field(default_factory=random.Random)
    story: Story = field(default_factory=Story)
    templates: list[UUID] = field(default_factory=list)
    changing: list[UUID] = field(default_factory=list)
    """Those of the templates that are changed on the way."""
    segments: list[UUID] = field(default_factory=list)
    automations: list[UUID] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    redeemed: list[tuple[UUID, UUID]] = field(default_factory=list)
    told: dict[Handler, list[Received]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Why events were not taken in; that is what ends among the dead letters."""
    mutex: threading.RLock = field(default_factory=threading.RLock)

    def anybody(self) -> UUID:
        """Some name of somebody, of those who came last."""
        return self.chance.choice([*self.story.people[-8:], *self.twins])

    def pick(self, things: Sequence[T]) -> T:
        """One of them. Raises NothingThere."""
        if not things:
            raise NothingThere
        return self.chance.choice(things)

    def one(self, usecase: Callable[..., Any], command: Any) -> Any:
        """Run a command of a set; its Fault is raised."""
        (outcome,) = self.world.do(usecase, [command])
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def hear(self, handler: Handler, events: Sequence[Received]) -> None:
        """Take in events."""
        if not events:
            return
        try:
            self.world.do(handler, events)
        except Fault as fault:
            if not fault.transient:
                self.refused.append(f"{fault.reason}: {[event.type for event in events]}")
            raise

    def happened(self, handler: Handler, *events: Received) -> None:
        """Something happened elsewhere: it is told now, or left to be told later."""
        self.told.setdefault(handler, []).extend(events)
        if self.chance.random() < 0.7:
            self.hear(handler, events)

    def hear_everything(self) -> None:
        """Everything that happened is told once more."""
        for handler, events in self.told.items():
            for event in events:
                self.hear(handler, [event])


class Customers(Crowd):
    """Who has coupons, and uses them."""

    def issue(self) -> None:
        self.one(coupon.issue, self._order())

    def issue_many(self) -> None:
        self.world.do(coupon.issue, [self._order() for _ in range(4)])

    def _order(self) -> Issue:
        cause = self.chance.choice(["", "", "birthday", "sorry, Ms Li"])  # by hand
        return Issue(names.new_id(), self.chance.choice(self.templates), self.anybody(), cause)

    def look(self) -> None:
        member = self.anybody()
        self.world.do(coupon.page, Page(5), Filter(member=member))
        self.world.do(profile.get, member, None)

    def quote(self) -> None:
        picked = frozenset(row[0] for row in self.world.rows(_NEWEST, states=["ISSUED", "LOCKED"])[: self._few()])
        order = pricing.Order(self.anybody(), "USD", [Line("products/1", 2, 999)], picked)
        self.world.do(pricing.quote, [order])

    def check_out(self) -> None:
        found = self.world.rows(_NEWEST, states=["ISSUED"])
        picked, owner, origin = self.pick(found)
        more = [each for each, of, _ in found if of == owner and each != picked]
        sale = Sale(self.chance.choice([owner, owner, origin or self.anybody()]), [picked, *more[: self._few()]])
        self._lock(sale, None)
        self.sales.append(sale)

    def check_out_again(self) -> None:
        self._lock(self.pick(self.sales), self.chance.choice([None, uuid4()]))

    def _lock(self, sale: Sale, checkout: UUID | None) -> None:
        until = self.world.now + timedelta(hours=self.chance.choice([1, 30, 700]))
        self.one(coupon.lock, Lock(sale.coupons, sale.id, sale.member, until, checkout))

    def pay(self) -> None:
        sale = self._sale()
        cents = self.chance.choice([0, 900])
        event = build.order_paid(sale.member, order=sale.id, cents=cents, pay_time=self.world.now, coupons=sale.names)
        self.happened(take_orders, event)

    def buy(self) -> None:
        """Without any coupon; told of whoever bought, or, when that is known there already, of whom it is now."""
        sale = Sale(self.anybody(), [])
        how: dict[str, Any] = {"order": sale.id, "pay_time": self.world.now}
        paid = build.order_paid(sale.member, imported=self.chance.random() < 0.2, **how)
        refunded = build.order_refunded(self.story.root(sale.member), sale.id, cents=400, pay_time=self.world.now)
        self.happened(take_orders, *[paid, refunded][: self.chance.choice([1, 2])])

    def cancel(self) -> None:
        sale = self._sale()
        self.happened(take_orders, build.order_cancelled(sale.id, sale.names))

    def refund(self) -> None:
        sale = self._sale()
        self.happened(
            take_orders,
            build.order_refunded(
                sale.member, sale.id, cents=0, pay_time=self.world.now, version=4, returned=sale.names
            ),
        )

    def use(self) -> None:
        sale = self._sale()
        self.world.do(coupon.use, Settle(sale.coupons, sale.id))

    def unlock(self) -> None:
        sale = self._sale()
        self.world.do(coupon.unlock, Settle(sale.coupons, sale.id))

    def hear_of_orders(self) -> None:
        self._hear_again(take_orders)

    def hear_of_members(self) -> None:
        self._hear_again(take_members)

    def hear_of_redemptions(self) -> None:
        self._hear_again(take_redemptions)

    def _hear_again(self, handler: Handler) -> None:
        known = self.told.get(handler, [])[-40:]
        self.hear(handler, [self.pick(known) for _ in range(self.chance.choice([1, 2, 5]))])

    def _few(self) -> int:
        return self.chance.choice([0, 0, 1, 2])

    def _sale(self) -> Sale:
        """One of the last, most often."""
        return self.pick(self.sales[-4:] if self.chance.random() < 0.8 else self.sales)

    def redeem(self) -> None:
        redemption, member = uuid4(), self.anybody()
        item = build.name("couponTemplates", self.chance.choice([*self.templates, uuid4()]))
        self.redeemed.append((redemption, member))
        self.happened(
            take_redemptions, build.redeemed(member, redemption, item, quantity=self.chance.choice([1, 1, 2]))
        )

    def give_back(self) -> None:
        redemption, member = self.pick(self.redeemed)
        self.happened(take_redemptions, build.redemption_refunded(member, redemption))

    def join(self) -> None:
        self._link(Story.merge)

    def part(self) -> None:
        self._link(Story.undo)

    def _link(self, happen: Callable[[Story, UUID, UUID], None]) -> None:
        with self.mutex:
            known = len(self.story.told)
            happen(self.story, *self.chance.sample(self.story.people[-8:], 2))
            new = self.story.told[known:]
        self.happened(take_members, *new)

    def come_and_go(self) -> None:
        """Somebody is new, and at times somebody is forgotten."""
        self.story.people.append(uuid4())
        if self.chance.random() < 0.7:
            self.happened(take_members, build.erased(self.chance.choice(self.story.people[-8:])))


class House(Crowd):
    """Who makes the offers."""

    def void(self) -> None:
        picked, *_ = self.pick(self.world.rows(_NEWEST, states=["ISSUED", "LOCKED"]))
        self.world.do(coupon.void, Void(picked, None))

    def change_template(self) -> None:
        field_ = self.chance.choice(["issue", "per_member", "budget", "on_full_refund", "extension_days"])
        limits = Limits(self.chance.choice([20, 60, None]), self.chance.choice([1, 3]), Money(30_000, "USD"))
        returns = Returns(self.chance.choice([True, False]), self.chance.choice([0, 3]))
        update = coupon_template.Update(
            self.chance.choice(self.changing), None, frozenset({field_}), "", None, limits, returns=returns
        )
        self.world.do(coupon_template.update, update)

    def change_rule(self) -> None:
        rule = self.chance.choice(_RULES)
        self.world.do(segment.update, segment.Update(self.chance.choice(self.segments), None, None, rule))
        self.world.do(segment.preview, rule)

    def turn_automation(self) -> None:
        state = self.chance.choice([Turned.ACTIVE, Turned.ACTIVE, Turned.PAUSED])
        self.world.do(automation.turn, automation.Turn(self.chance.choice(self.automations), None, state))

    def let_time_pass(self) -> None:
        self.world.now += timedelta(hours=self.chance.choice([1, 5, 26]))

    def sweep(self) -> None:
        """One of the timers; another replica may be at the same one."""
        self.world.do(self.chance.choice(subscriptions.timers).chore)
