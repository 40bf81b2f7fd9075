"""What a crowd does with orders: placed, checked out, paid in all ways, given up, sent, refunded, exchanged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from kit.names import join, new_id
from services.orders.domain.address import SealedAddress
from services.orders.domain.cart import Access, Cart, Offered
from services.orders.domain.checkout import Attempt
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.payment_intent import IntentCause, PaymentIntent
from services.orders.domain.provider import RefundStanding, Scene, Standing, Status
from services.orders.domain.quote import Quote, Wanted
from services.orders.domain.refund import Claim, ClaimLine, Refund, RefundKind
from services.orders.domain.shipment import Parcel
from services.orders.domain.shipping import Delivery, MethodKind
from services.orders.usecases import cart, desk, fulfilment, refund
from services.orders.usecases import order as orders
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import provider_refund as back
from services.orders.usecases.basket import Basket, GiftCard
from services.orders.usecases.cart import ChangeCart, MergeCarts, OpenCart, OrderCart
from services.orders.usecases.checkout import Open
from services.orders.usecases.checkout_recovery import Recovery, take_up
from services.orders.usecases.fulfilment import Collect, CreateShipment, StepShipment
from services.orders.usecases.order import CancelOrder, CompleteOrder
from services.orders.usecases.payment import PayOrder, ReceivePayment, pay_orders, receive_payments
from services.orders.usecases.payment_intent import CreateIntent, PaymentSaid, ResolveIntent
from services.orders.usecases.placing import Placement
from services.orders.usecases.provider_refund import RefundSaid
from services.orders.usecases.refund import DecideRefund, ReceiveReturn, RefundOrder, SettleRefund
from services.orders.usecases.revival import Revival
from services.orders.usecases.tendering import TenderOrder, payable, tender_order
from tests.contract.orders.crowd import Crowd, buyer, wait
from tests.support.builders.checkouts import Order as Answer
from tests.support.builders.checkouts import tidily
from tests.support.builders.orders import a_placement, an_item

PROVIDER, MERCHANT = "WECHAT_PAY", "1900000001"
ANN, BOB = "users/ann", "users/bob"
LIMITS = {"CNY": 2500}
STAFF = Access(staff=True)


@dataclass
class Buying(Crowd):
    """A crowd that buys."""

    refunds: list[Refund] = field(default_factory=list)
    intents: list[PaymentIntent] = field(default_factory=list)
    shipments: list[StepShipment] = field(default_factory=list)
    carts: list[UUID] = field(default_factory=list)

    # Placed.

    def order(self) -> None:
        placements = [self._placement() for _ in range(self.chance.choice([1, 1, 3]))]
        if self.reserved and self.rarely(0.5):
            known = self.chance.choice(self.reserved)
            placements[0] = replace(placements[0], reservation=known.id)
        self.some(orders.place_orders, placements)

    def _placement(self) -> Any:
        wanted = self.chance.sample(list(self.products.values()), self.chance.choice([1, 2]))
        items = [
            replace(
                an_item(
                    product=each.id, sku=each.sku, quantity=self.chance.choice([1, 1, 2, 3]), unit_price=333, discount=2
                ),
                components=each.components,
            )
            for each in wanted
        ]
        picked = Delivery(new_id(), MethodKind.PICK_UP, "Shop", (0, 0), "main") if self.rarely(0.3) else None
        made = a_placement(*items)
        quote = replace(made.quote, freight=self.chance.choice([0, 50]), delivery=picked)
        return replace(made, buyer=buyer(self.anybody()), quote=quote)

    def check_out(self) -> None:
        each = self.anything()
        basket = Basket(
            wanted=(Wanted(each.id, self.chance.choice([1, 2])),),
            buyer=buyer(self.anybody()),
            channel="web",
            coupons=(f"coupons/{self.chance.randrange(60)}",) if self.rarely(0.5) else (),
            points=self.chance.choice([0, 100]),
            stored_value=Money(200, "CNY") if self.rarely(0.5) else None,
            gift_cards=(GiftCard("CODE", Money(70, "CNY")),) if self.rarely(0.4) else (),
            reservation=self.chance.choice(self.reserved).id if self.reserved and self.rarely(0.2) else None,
        )
        key = str(new_id())
        wait(self.checkout().place(basket, Open(key, new_id()), store=self.store(key), afterwards=tidily))

    def tender(self) -> None:
        order_id = self.waiting_order().id
        found = self.database.read(payable, order_id)
        left = found.order.payable(self.now)
        part = self.chance.choice([left, left // 2, 50])
        basket = Basket(
            (), found.order.buyer, "web", points=self.chance.choice([0, 0, 60]), stored_value=Money(part, "CNY")
        )

        async def store(held: Attempt) -> Answer:
            self.write(tender_order, TenderOrder.of(held, None))
            return Answer(join("orders", held.order_id))

        opened = Open(str(new_id()), new_id(), pay_within=found.pay_within, pays=order_id)
        wait(
            self.checkout().pay(
                found.tendered(basket), opened, store=store, ours=lambda order, held: True, afterwards=tidily
            )
        )

    def hear_of_the_end(self) -> None:
        order = self.some_order("CANCELLED")
        if order.state is OrderState.CANCELLED:
            self.let_go(order)

    def let_go(self, order: Order) -> None:
        """The peers hear that an order was given up."""
        with self.mutex:
            for coupon, order_id in list(self.locks.items()):
                if order_id == order.id and self.checkouts.get(coupon) is None:
                    del self.locks[coupon]
            for name in order.held_as:
                self.free(name)

    # Paid.

    def pay(self) -> None:
        order = self.waiting_order()
        due = order.payable(self.now) if order.state is OrderState.PENDING_PAYMENT else order.due
        minor = self.chance.choice([due, due, due, due + 1, due // 2])
        self.one(
            pay_orders, PayOrder(order.id, Tender.MANUAL, order.money(minor), str(new_id()), None, partial=minor < due)
        )

    def pay_late(self) -> None:
        order = self.waiting_order()
        minor = self.chance.choice([order.outstanding, order.outstanding // 3])
        payment = Payment(Tender.MANUAL, order.money(minor), f"slip {self.chance.randrange(200)}", self.now)
        self.one(receive_payments, ReceivePayment(order.id, payment))

    def open_cashier(self) -> None:
        order = self.waiting_order()
        part = order.money(100) if self.rarely(0.3) else None
        wanted = CreateIntent(new_id(), order.id, PROVIDER, Scene.NATIVE, part, MERCHANT)
        self.intents.append(self.write(intents.create_intent, wanted))

    def hear_of_payment(self) -> None:
        if not self.intents:
            return
        intent = self.chance.choice(self.intents)
        amount = Money(intent.amount.minor - 1, "CNY") if self.rarely(0.1) else intent.amount
        whose = self.chance.choice(self.intents) if self.rarely(0.05) else intent
        number = f"42{whose.reference}" + ("/2" if self.rarely(0.05) else "")
        status = self.chance.choice([Status.SUCCEEDED] * 5 + [Status.FAILED, Status.PENDING, Status.NOT_FOUND])
        said = Standing(intent.reference, status, number if status is Status.SUCCEEDED else "", amount, MERCHANT)
        self.write(intents.settle_payment, PaymentSaid(PROVIDER, said, MERCHANT))

    def close_cashier(self) -> None:
        if self.intents:
            self.write(intents.close_intent, self.chance.choice(self.intents).id, IntentCause.CANCELLED)

    def decide_payment(self) -> None:
        if self.intents:
            intent = self.chance.choice(self.intents)
            self.write(intents.resolve_intent, ResolveIntent(intent.order, intent.id, self.rarely(0.5), None))

    def look_after_cashiers(self) -> None:
        for due in self.write(intents.due_intents, 20):
            if due.closing is not None:
                self.write(intents.close_intent, due.intent.id, due.closing)
        self.write(intents.hasten_intents)

    def pay_back(self) -> None:
        self.write(back.adopt_refunds, 20)
        for due in self.write(back.due_refunds, 20):
            status = Status.SUCCEEDED if self.calm else self.chance.choice([*[Status.SUCCEEDED] * 4, Status.FAILED])
            said = RefundStanding(due.reference, status, f"50{due.reference}", due.amount, self.now)
            self.write(back.settle_refund, RefundSaid(due.provider, said))

    # Given up.

    def cancel(self) -> None:
        command = CancelOrder(self.waiting_order().id, self.chance.choice(list(CancelReason)), None)
        self.write(self.chance.choice([orders.cancel_order, intents.cancel_order]), command)

    # Sent.

    def pack(self) -> None:
        order = self.paid_order()
        line = self.chance.choice(order.lines)
        lines = ((line.position, self.chance.choice([1, 2])),) if self.rarely(0.7) else ()
        made = self.write(fulfilment.create_shipment, CreateShipment(new_id(), order.id, lines, (), "", ANN))
        self.shipments.append(StepShipment(order.id, made.id, ANN))

    def carry(self) -> None:
        if not self.shipments:
            return
        step = self.chance.choice(self.shipments)
        match self.chance.randrange(6):
            case 0:
                self.write(fulfilment.cancel, step)
            case 1:
                self.write(fulfilment.give_back, step)
            case 2 | 3:
                parcel = Parcel("SF", str(new_id()))
                shipment = self.database.read(fulfilment.get_shipment, step.order_id, step.shipment_id)
                picked = shipment.kind is MethodKind.PICK_UP
                self.write(fulfilment.ship, replace(step, parcels=() if picked else (parcel,)))
            case 4:
                self.write(fulfilment.deliver, step)
            case _:
                round_ = self.write(fulfilment.renew_code, step).code_round
                collected = Collect(step.order_id, step.shipment_id, ANN, round_ if self.rarely(0.8) else None)
                outcome = self.write(fulfilment.collect, collected)
                if isinstance(outcome, Fault):
                    raise outcome

    def redirect(self) -> None:
        sealed = SealedAddress(new_id(), "a key", b"wrapped", b"sealed", "")
        self.write(desk.change_address, desk.ChangeAddress(self.paid_order().id, "CN", sealed, ANN))

    def hold_up(self) -> None:
        order = self.paid_order()
        if self.rarely(0.3):
            self.write(desk.hold_order, desk.HoldOrder(order.id, "odd", ANN))
        else:
            self.write(desk.release_order, desk.ReleaseOrder(order.id, "fine", ANN))

    def complete(self) -> None:
        self.write(orders.complete_order, CompleteOrder(self.paid_order().id, None))

    # Given back.

    def refund(self) -> None:
        order = self.paid_order()
        line = self.chance.choice(order.lines)
        claim = self.chance.choice(
            [
                None,
                Claim.units((line.position, 1)),
                Claim.units((line.position, 2)),
                Claim((ClaimLine(line.position, amount=self.chance.choice([1, 100])),), currency="CNY"),
                Claim((), 20),
            ]
        )
        self._ask_back(order, claim, RefundKind.REFUND, restock=self.rarely(0.4))

    def send_back(self) -> None:
        order = self.paid_order()
        claim = Claim.units((self.chance.choice(order.lines).position, 1)) if self.rarely(0.7) else None
        self._ask_back(order, claim, RefundKind.RETURN)

    def exchange(self) -> None:
        order = self.paid_order()
        claim = Claim.units((self.chance.choice(order.lines).position, 1))
        wanted = replace(self._placement(), buyer=order.buyer)
        (replacement,) = self.some(orders.place_orders, [wanted])
        self._ask_back(order, claim, RefundKind.EXCHANGE, replacement=replacement.id)

    def _ask_back(self, order: Order, claim: Claim | None, kind: RefundKind, **others: Any) -> None:
        asked = RefundOrder(new_id(), order.id, claim, "", str(new_id()), None, kind=kind, by=ANN, **others)
        self.refunds.append(self.write(refund.refund_order, replace(asked, limits=LIMITS)))

    def decide_refund(self) -> None:
        if self.refunds:
            known = self.chance.choice(self.refunds)
            how: Callable[..., Refund] = refund.reject_refund if self.rarely(0.2) else refund.approve_refund
            self.write(how, DecideRefund(known.order, known.id, BOB, "", None))

    def take_back(self) -> None:
        waiting = [each for each in self.refunds if each.of_goods]
        if waiting:
            known = self.chance.choice(waiting)
            damaged = ((known.lines[0].position, 1),) if self.rarely(0.2) else ()
            self.write(refund.receive_return, ReceiveReturn(known.order, known.id, damaged, "", None))

    def settle_refund(self) -> None:
        if self.refunds:
            known = self.chance.choice(self.refunds)
            self.write(refund.settle_refund, SettleRefund(known.order, known.id, 1, "by hand", None))

    # Carts.

    def fill_cart(self) -> None:
        member = self.anybody() if self.rarely(0.6) else None
        made = self.write(cart.open_cart, OpenCart(new_id(), member, "web", STAFF))
        self.carts.append(made.id)
        offered = Offered(self.anything().id, Money(333, "CNY"))
        change = ChangeCart(made.id, STAFF, lambda each, now: each.add(offered, 1, now))
        self.write(cart.change_cart, change)

    def merge_carts(self) -> None:
        if self.carts:
            guest = self.chance.choice(self.carts)
            self.write(cart.merge_carts, MergeCarts(guest, Access(secret=True), self.anybody(), new_id(), {}))

    def order_cart(self) -> None:
        if not self.carts:
            return
        found: Cart = self.database.read(cart.get_cart, self.chance.choice(self.carts), STAFF)
        known = {each.id: each for each in self.products.values()}
        items = [
            replace(
                an_item(product=line.product, quantity=line.quantity, unit_price=333),
                components=known[line.product].components,
            )
            for line in found.active
        ]
        if items:
            placed = replace(
                a_placement(*items), quote=Quote("CNY", tuple(items)), buyer=buyer(found.member or new_id())
            )
            made: Order = self.write(cart.order_cart, OrderCart(found.id, found.version, b"", Placement(placed)))
            if made.id not in self.placed:
                self.placed.append(made.id)

    # Replicas.

    def repair(self) -> None:
        """A round of a replica."""
        recovery = Recovery(
            take_up=lambda: self.call(lambda: self.write(take_up), own=True),
            book=self.book(),
            holders=self.holders(),
            revive=self.revive,
        )
        with contextlib.suppress(Fault):
            wait(recovery.round())

    async def revive(self, attempt: Attempt) -> None:
        """As a replica does."""
        await Revival(Transactions(self), book=self.book(), holders=self.holders())(attempt)

    def owed(self) -> dict[str, int]:
        """What the orders that are alive say that the peers hold for them, by its name."""
        found: dict[str, int] = {}
        for order_id in set(self.placed):
            order = self.read_order(order_id)
            if order.state is not OrderState.CANCELLED:
                found |= {
                    each.reference: each.amount.minor for each in order.payments if each.reference in order.held_as
                }
                if order.hold:
                    found[order.hold] = order.points
        return found


@dataclass(frozen=True)
class Transactions:
    """Where the use-cases run."""

    crowd: Crowd

    async def write(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a use-case in a transaction."""
        return self.crowd.write(lambda unit: fn(unit, *args, **kwargs))

    async def read(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """As `write`."""
        return await self.write(fn, *args, **kwargs)
