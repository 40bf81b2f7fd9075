"""A crowd in a shop: what everybody who does something by chance shares. Rows, transactions and stock are those of the
service, on its real database; the peers alone are played."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault, unavailable
from kit.names import new_id
from services.orders.domain import errors
from services.orders.domain.checkout import ANSWER_WITHIN, Attempt, Held, Step, StepKind
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.product import Product
from services.orders.domain.quote import CouponDecision, Quote
from services.orders.domain.reservation import Reservation
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import Holder, Holders
from services.orders.usecases.offer import find_offers
from services.orders.usecases.placing import Placement, place
from tests.support.builders import checkouts
from tests.support.builders.checkout_peers import Coupons, Purse, number
from tests.support.builders.merges import Story
from tests.support.builders.orders import NOW

LOST = "a peer"
PLENTY = 10_000_000
UNSURE = 0.03
"""How many calls of a peer get lost, or their answers."""

_LATEST = text("select id from orders where state = any(:states) order by update_time desc limit 8")

T = TypeVar("T")


@dataclass
class Crowd(checkouts.World):
    """What has been made so far, for others to go on with. Lists only grow, so that actors may share them."""

    database: Database[OrdersUnit] = field(kw_only=True)
    chance: random.Random = field(default_factory=random.Random)
    story: Story = field(default_factory=Story)
    products: dict[str, Product] = field(default_factory=dict)
    placed: list[UUID] = field(default_factory=list)
    reserved: list[Reservation] = field(default_factory=list)
    kinds: dict[str, StepKind] = field(default_factory=dict)
    calm: bool = False
    mutex: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.funds = dict.fromkeys(StepKind, PLENTY)

    # The database.

    def write(self, usecase: Callable[..., T], *arguments: object) -> T:
        """Run a use-case in a transaction."""
        return self.database.write(usecase, *arguments)

    def one(self, usecase: Callable[..., Sequence[Any]], command: object) -> Any:
        """Run a command of a set; its Fault is raised."""
        (outcome,) = self.write(usecase, [command])
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def some(self, usecase: Callable[..., Sequence[Any]], commands: Sequence[object]) -> list[Any]:
        """Run commands that come at once; what was done. If nothing was, the first Fault is raised."""
        outcomes = self.write(usecase, commands)
        done = [each for each in outcomes if not isinstance(each, Fault)]
        if not done:
            raise outcomes[0]
        self.placed += [each.id for each in done if isinstance(each, Order)]
        return done

    def read_order(self, order_id: UUID) -> Order:
        """An order as it is stored."""
        return self.database.read(lambda unit: unit.orders.get([order_id]))[order_id]

    def select(self, query: Any, **values: object) -> list[Any]:
        """What a query finds."""
        return self.database.read(lambda unit: list(unit.connection.execute(query, values)))

    # Chance.

    def rarely(self, share: float) -> bool:
        """True now and then."""
        return self.chance.random() < share

    def anybody(self) -> UUID:
        """A member."""
        return self.chance.choice(self.story.people)

    def anything(self) -> Product:
        """Something that is for sale."""
        return self.chance.choice(list(self.products.values()))

    def some_order(self, *states: str) -> Order:
        """One of the few that something happened to last, in one of the states; at times any. A Fault if there is
        none."""
        if states and self.rarely(0.9):
            found = [row[0] for row in self.select(_LATEST, states=list(states))]
        else:
            found = self.placed
        if not found:
            raise errors.order_not_found(new_id())
        return self.read_order(self.chance.choice(found))

    def waiting_order(self) -> Order:
        """An order that waits for its payment."""
        return self.some_order("PENDING_PAYMENT")

    def paid_order(self) -> Order:
        """An order that is paid."""
        return self.some_order("PAID", "PARTIALLY_REFUNDED", "COMPLETED")

    def take_time(self, length: timedelta) -> None:
        """Time passes."""
        with self.mutex:
            self.now += length

    # The peers.

    async def call(self, act: Callable[[], T], *, own: bool = False) -> T:
        """A call, which may get lost, or its answer."""
        if own:
            return act()
        with self.mutex:
            if not self.calm and self.rarely(UNSURE):
                raise unavailable(LOST)
            answer = act()
            if not self.calm and self.rarely(UNSURE):
                raise unavailable(LOST)
            return answer

    def holders(self) -> Holders:
        """The other services."""
        return {
            kind: Timely(self, Coupons(self) if kind is StepKind.COUPONS else Members(self, kind)) for kind in StepKind
        }

    def free(self, name: str) -> None:
        """Members gives back what it holds by this name."""
        with self.mutex:
            if name in self.holds:
                self.funds[self.kinds[name]] += self.holds.pop(name)

    async def find(self, asked: Asked) -> Mapping[UUID, Offer]:
        """The products as they are stored."""
        return self.write(find_offers, [asked])[0]

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        """A coupon takes one unit of money off."""

        def act() -> Quote:
            usable = {each: self.locks.get(each) in {None, order_id} for each in coupons}
            decisions = [CouponDecision(each, ok, "" if ok else "COUPON_LOCKED") for each, ok in usable.items()]
            return quote.discounted([100 if coupons else 0] + [0] * (len(quote.items) - 1), decisions)

        return await self.call(act)

    def place(self, placement: Placement) -> None:
        """Store an order. Raises a Fault, and stores nothing, if it can't be."""
        order: Order = self.one(place, placement)
        self.placed.append(order.id)


@dataclass(frozen=True)
class Timely:
    """A peer that is not asked any more once the time for its answer is over."""

    crowd: Crowd
    peer: Holder

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold it, in time. Nobody lets time pass meanwhile."""
        with self.crowd.mutex:
            asked = attempt.step(step.position).ask_time or NOW
            if self.crowd.now >= asked + ANSWER_WITHIN:
                raise unavailable(LOST)
            return await self.peer.hold(attempt, step, store=store, code=code)

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Give it back."""
        with self.crowd.mutex:
            return await self.peer.release(attempt, step)


@dataclass(frozen=True)
class Members(Purse):
    """What was held for an order before is given back first."""

    world: Crowd

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold it."""

        def act() -> Held:
            name = number(attempt.order_id, step)
            self.world.kinds[name] = self.kind
            if step.renews and name not in self.world.known:
                self.world.free(step.renews)
            return self._hold(attempt, step)

        return await self.world.call(act)


def buyer(member: UUID) -> Buyer:
    """A member who buys."""
    return Buyer(member=member)


def wait(work: Any) -> Any:
    """Run what waits for peers, to its end."""
    return asyncio.run(work)


def clock(crowd: list[Crowd]) -> Callable[[], datetime]:
    """The time of a crowd that may be still to come."""
    return lambda: crowd[0].now if crowd else NOW
