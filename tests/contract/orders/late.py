"""An order with a coupon, points, stored value and gift cards that was given up, and whose money comes late: rows,
transactions and stock are those of the service, on its real database; the peers alone are played."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from kit.errors import Fault
from kit.money import Money
from kit.names import join, new_id
from services.orders.domain.checkout import Attempt, Held, Step, StepKind
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment_intent import IntentState, PaymentIntent
from services.orders.domain.provider import Scene, Standing, Status
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import order as orders
from services.orders.usecases import payment_intent as intents
from services.orders.usecases.checkout import Holders
from services.orders.usecases.order import CancelOrder
from services.orders.usecases.payment_intent import CreateIntent, PaymentSaid
from services.orders.usecases.revival import Revival
from tests.contract.orders.test_checkout_machine import World
from tests.support.builders.checkout_peers import Coupons, Purse, number
from tests.support.builders.checkouts import COUPON, FUNDS, Crash, a_basket

PROVIDER, MERCHANT = "WECHAT_PAY", "1900000001"
MONEY = 270
"""What is left of 9.90 with a coupon of 1.00, points worth 3.00, stored value of 2.00, and cards of 0.50 and 0.70."""

OTHER = new_id()
"""Another order, which takes what became free."""

T = TypeVar("T")


@dataclass
class LateWorld(World):
    """Everything that one order touches."""

    order: Order = field(init=False)
    intent: PaymentIntent = field(init=False)
    before: Order = field(init=False)

    def holders(self) -> Holders:
        """The other services, which can hold anew."""
        return {kind: Coupons(self) if kind is StepKind.COUPONS else Members(self, kind) for kind in StepKind}

    def close(self) -> None:
        """The order is placed, its buyer goes to the cashier of a provider, and it is given up meanwhile."""
        placed = asyncio.run(self.buy(a_basket()))
        order_id = UUID(placed.name.removeprefix("orders/"))
        wanted = CreateIntent(new_id(), order_id, PROVIDER, Scene.NATIVE, None, MERCHANT)
        self.intent = self.write(intents.create_intent, wanted)
        self.before = self.read_order(order_id)
        assert self.intent.amount == Money(MONEY, "CNY")
        self.write(orders.cancel_order, CancelOrder(order_id, CancelReason.CUSTOMER, None))
        self.order = self.read_order(order_id)

    def pay(self, intent: PaymentIntent | None = None) -> PaymentIntent:
        """The provider tells that it took the money."""
        of = intent or self.intent
        standing = Standing(of.reference, Status.SUCCEEDED, f"42{of.reference}", of.amount, MERCHANT)
        settled = self.write(intents.settle_payment, PaymentSaid(PROVIDER, standing, MERCHANT))
        assert settled is not None
        return settled

    def hear_of_the_end(self) -> None:
        """The others hear that the order was given up, perhaps once more."""
        for coupon, order_id in list(self.locks.items()):
            if order_id == self.order.id and self.checkouts.get(coupon) is None:
                del self.locks[coupon]
        for name in self.order.held_as:
            self.free(name)

    def free(self, name: str) -> None:
        """Members gives back what it holds by this name."""
        kind = self.kinds()[name]
        self.funds[kind] += self.holds.pop(name, 0)

    def kinds(self) -> dict[str, StepKind]:
        """What is held by which name."""
        return {
            number(row.order_id, step): step.kind
            for row in self.attempts().values()
            for step in row.steps
            if step.kind is not StepKind.COUPONS
        }

    def attempts(self) -> dict[UUID, Attempt]:
        """The attempts as they are stored, with those to bring the order back."""
        found = dict(super().attempts())

        def read(unit: OrdersUnit) -> list[Attempt | None]:
            query = text("select order_id from checkouts where pays = any(cast(:ids as uuid[]))")
            rows = unit.connection.execute(query, {"ids": list(self.orders)}).all()
            return [unit.checkouts.get(UUID(str(row[0]))) for row in rows]

        return found | {each.order_id: each for each in self.lasting.database.read(read) if each is not None}

    async def revive(self, attempt: Attempt) -> None:
        """As a replica does."""
        await Revival(Transactions(self), book=self.book(), holders=self.holders())(attempt)

    def replicas(self, seconds: int, *, each: int = 5) -> None:
        """So much time passes, and a replica looks as often as it may find something."""
        for _ in range(0, seconds, each):
            self.pass_time(each)
            with contextlib.suppress(Crash):
                asyncio.run(self.recover())

    def read_order(self, order_id: UUID) -> Order:
        """An order as it is stored."""
        return self.lasting.database.read(lambda unit: unit.orders.get([order_id]))[order_id]

    def read_intent(self) -> PaymentIntent:
        """The intent as it is stored."""
        found = self.lasting.database.read(lambda unit: unit.payment_intents.get(self.intent.id))
        assert found is not None
        return found

    def returned(self) -> list[int]:
        """What goes back through the provider."""

        def read(unit: OrdersUnit) -> list[int]:
            query = text("select amount from provider_refunds where order_id = :id")
            return list(unit.connection.execute(query, {"id": self.order.id}).scalars())

        return self.lasting.database.read(read)

    def told(self) -> list[str]:
        """What is published about the order."""

        def read(unit: OrdersUnit) -> list[str]:
            query = text("select type from outbox where aggregateid = :name order by sequence")
            return list(unit.connection.execute(query, {"name": join("orders", self.order.id)}).scalars())

        return [kind.rpartition(".")[2] for kind in self.lasting.database.read(read)]

    def wrong(self) -> list[str]:
        """What the books of the order say that can't be."""
        checks = self.lasting.database.read(lambda unit: unit.verifications.of_order(self.order.id, unit.now))
        return [str(each) for each in checks if not each.ok]

    @property
    def decided(self) -> bool:
        """Whether the money pays the order, or goes back."""
        return self.read_intent().state in {IntentState.SUCCEEDED, IntentState.RETURNED}

    def check_alive(self) -> None:
        """The order lives, as it was before it was given up, and all that it holds is of one attempt."""
        order, before = self.read_order(self.order.id), self.before
        assert (order.state, self.read_intent().state) == (OrderState.PAID, IntentState.SUCCEEDED)
        assert (order.lines, order.total, order.points, order.points_value) == (
            before.lines,
            before.total,
            before.points,
            before.points_value,
        )
        assert (order.refunded, order.outstanding, order.cancel_reason) == (0, 0, None)
        (attempt,) = [row for row in self.attempts().values() if row.intent and row.state == "PLACED"]
        names = {number(attempt.order_id, step) for step in attempt.steps if step.kind is not StepKind.COUPONS}
        assert set(self.holds) == set(order.held_as) == names
        assert not names & set(before.held_as)
        assert (self.locks, self.checkouts[COUPON]) == ({COUPON: order.id}, attempt.order_id)
        assert [kind for kind in self.told() if kind == "OrderPaid"] == ["OrderPaid"]
        assert (self.returned(), self.left(), self.wrong()) == ([], 99, [])

    def check_closed(self) -> None:
        """The order stays closed, its money goes back whole, and nothing is held."""
        order = self.read_order(self.order.id)
        assert (order.state, self.read_intent().state) == (OrderState.CANCELLED, IntentState.RETURNED)
        assert order == self.order
        assert self.returned() == [MONEY]
        assert {each.state for each in self.attempts().values()} <= {"PLACED", "RELEASED"}
        assert (self.holds, self.wrong()) == ({}, [])
        assert COUPON not in self.locks or self.locks[COUPON] == OTHER
        assert "OrderPaid" not in self.told()


@dataclass(frozen=True)
class Transactions:
    """Where the use-cases run; they may break."""

    world: LateWorld

    async def write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a use-case in a transaction."""
        return await self.world.call(lambda: self.world.write(lambda unit: fn(unit, *args, **kwargs)), own=True)

    async def read(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """As `write`."""
        return await self.write(fn, *args, **kwargs)


@dataclass(frozen=True)
class Members(Purse):
    """What was held for the order before is given back first."""

    world: LateWorld

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold it."""

        def act() -> Held:
            if step.renews and number(attempt.order_id, step) not in self.world.known:
                self.world.free(step.renews)
            return self._hold(attempt, step)

        return await self.world.call(act)


def gone(world: LateWorld, what: str) -> None:
    """Others take what became free when the order was given up."""
    if what == "stock":
        world.sell_out()
        return
    world.hear_of_the_end()
    if what == "coupon":
        world.locks[COUPON], world.checkouts[COUPON] = OTHER, None
    elif what:
        world.funds[StepKind(what)] -= FUNDS


def open_world(lasting: Any) -> LateWorld:
    """A world whose order is closed."""
    world = LateWorld(lasting=lasting)
    world.close()
    return world


def refusal(act: Callable[[], object]) -> str:
    """Why something is refused."""
    try:
        act()
    except Fault as fault:
        return fault.reason
    return ""
