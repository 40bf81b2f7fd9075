"""Ingest, the round: some orders of a shop on their way to where their platform says that they should stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain import ingest
from services.orders.domain.ingest import (
    LINES_CHANGED,
    SKU_UNKNOWN,
    STATUS_UNKNOWN,
    TOTAL_DIFFERS,
    Ingested,
    PlatformOrder,
    PlatformRefund,
    Shop,
    Snag,
)
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.product import Product
from services.orders.domain.wangdiantong import Meaning
from services.orders.usecases import order, told_refunds
from services.orders.usecases.erasure import forgotten
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.payment import ReceivePayment, receive_payments
from services.orders.usecases.refund import refund_rest
from services.orders.usecases.told_refunds import ToldRefund, give_back_told

_UNPAID_FOR = timedelta(days=30)
"""How long goods are kept for an order that its platform neither tells paid nor given up."""
_LEFT = frozenset({Meaning.SHIPPED, Meaning.COMPLETED})
_OVER = frozenset({Meaning.CANCELLED, Meaning.REFUNDED})
_PAID = frozenset({Meaning.PAID, *_LEFT})


class Goods(Protocol):
    """What the codes of shops stand for."""

    def goods(self, shop: str, skus: Sequence[str]) -> Mapping[str, UUID]:
        """The products that codes of a shop stand for; those that nobody knows are missing."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(order.Work, told_refunds.Work, Protocol):
    """What a round needs of a unit of work."""

    @property
    def ingest(self) -> Goods:
        """What the codes of shops stand for."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def orders(self) -> order.Orders:
        """The stored orders."""

    @property
    def refunds(self) -> told_refunds.Refunds:
        """The stored refunds."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


class Round:
    """Some orders of a shop on their way to where they should stand."""

    def __init__(self, unit: Work, shop: Shop, wanted: Sequence[tuple[Ingested, PlatformOrder]]) -> None:
        self._unit = unit
        self._shop = shop
        self._wanted = wanted
        ids = sorted(known.order for known, _ in wanted if known.order)
        found = unit.orders.lock(ids) if ids else {}
        self._orders = {known.tid: found[known.order] for known, _ in wanted if known.order in found}
        self._snags: dict[str, list[Snag]] = {known.tid: list(_oddities(known, told)) for known, told in wanted}
        self._odd = {tid for tid, snags in self._snags.items() if snags}
        """What is told of these can't be taken at its word; only that they are over."""

    def place(self) -> None:
        """Place what is unknown so far and not over yet."""
        fresh = [
            told
            for known, told in self._wanted
            if known.order is None and told.meaning not in _OVER and known.tid not in self._odd
        ]
        codes = [line.sku for told in fresh for line in told.lines]
        stands = self._unit.ingest.goods(self._shop.code, codes) if codes else {}
        products = self._unit.products.get(sorted(set(stands.values()))) if stands else {}
        goods = {code: products[product] for code, product in stands.items() if product in products}
        ready = []
        for told in fresh:
            unknown = dict.fromkeys(line.sku for line in told.lines if line.sku not in goods)
            self._snags[told.tid] += [Snag(SKU_UNKNOWN, code) for code in unknown]
            if not unknown:
                ready.append(told)
        gone = forgotten(self._unit, [told.member for told in ready])
        outcomes = place_orders(self._unit, [self._placement(told, goods, gone) for told in ready]) if ready else []
        for told, outcome in zip(ready, outcomes, strict=True):
            self._note(told.tid, outcome)

    def pay(self) -> None:
        """What its platform tells paid is paid here: the platform has the money."""
        paid = [
            told
            for told, here in self._here()
            if here.state is OrderState.PENDING_PAYMENT and told.meaning in _PAID and told.tid not in self._odd
        ]
        commands = [
            ReceivePayment(here.id, Payment(Tender.IMPORTED, here.money(here.due), told.tid, self._unit.now))
            for told, here in ((told, self._orders[told.tid]) for told in paid)
        ]
        outcomes = receive_payments(self._unit, commands) if commands else []
        for told, outcome in zip(paid, outcomes, strict=True):
            self._note(told.tid, outcome)

    def give_back(self) -> None:
        """What its platform gave back is given back here, each refund once for ever."""
        paid = [
            (told, here)
            for told, here in self._here()
            if here.state not in {OrderState.PENDING_PAYMENT, OrderState.CANCELLED} and told.tid not in self._odd
        ]
        named = [(told, each, self._refund(told, each, here)) for told, here in paid for each in told.refunds]
        if not named:
            return
        here_by_id = {here.id: here for _, here in paid}
        after, refusals = give_back_told(self._unit, here_by_id, [wanted for _, _, wanted in named])
        for (told, each, _), refusal in zip(named, refusals, strict=True):
            if refusal is not None:
                self._snags[told.tid].append(Snag(refusal.reason, each.number))
        self._orders |= {told.tid: after[here.id] for told, here in paid}

    def _refund(self, told: PlatformOrder, each: PlatformRefund, here: Order) -> ToldRefund:
        return ToldRefund(
            here.id,
            ingest.claim_of(each, told, self._shop.currency),
            reason=f"refund {each.number} of {self._shop.code}",
            request_id=f"{self._shop.code}/{each.number}",
        )

    def end(self) -> None:
        """Cancel, give back whole, or complete what its platform tells so."""
        over = [(told, here) for told, here in self._here() if told.meaning in _OVER]
        waiting = [here for _, here in over if here.state is OrderState.PENDING_PAYMENT]
        if waiting:
            order.give_up(self._unit, waiting, CancelReason.MERCHANT)
        open_ = {OrderState.PAID, OrderState.PARTIALLY_REFUNDED, OrderState.COMPLETED}
        left = {known.tid for known, _ in self._wanted if known.told and known.told.meaning in _LEFT}
        for restock in (True, False):
            paid = [here for told, here in over if here.state in open_ and (told.tid not in left) is restock]
            if paid:
                refund_rest(self._unit, paid, reason=f"given back by {self._shop.code}", restock=restock)
        self._complete()
        self._snags_of_ended()

    def outcome(self) -> Iterator[Ingested]:
        """What is known now."""
        for known, told in self._wanted:
            here, snags = self._orders.get(known.tid), self._snags[known.tid]
            yield known.tell(told, order=here, snags=snags, now=self._unit.now)

    def _complete(self) -> None:
        changes: list[tuple[Order, Order]] = []
        facts: list[object] = []
        for told, here in self._here():
            open_ = here.complete_time is None and here.state in {OrderState.PAID, OrderState.PARTIALLY_REFUNDED}
            if told.meaning is Meaning.COMPLETED and open_ and told.tid not in self._odd:
                completed, fact = here.complete(self._unit.now)
                changes.append((here, completed))
                facts.append(fact)
        if changes:
            self._unit.orders.save(changes)
            self._unit.emit(fact for fact in facts if fact is not None)

    def _snags_of_ended(self) -> None:
        """An order that was given up here can't be paid by its platform any more: somebody has to decide."""
        for told, here in self._here():
            if here.state is OrderState.CANCELLED and told.meaning in _PAID:
                self._snags[told.tid].append(Snag("ORDER_STATE_INVALID", here.state.value))

    def _here(self) -> list[tuple[PlatformOrder, Order]]:
        return [(told, self._orders[told.tid]) for _, told in self._wanted if told.tid in self._orders]

    def _placement(self, told: PlatformOrder, goods: Mapping[str, Product], gone: Collection[UUID]) -> PlaceOrder:
        return PlaceOrder(
            order_id=self._unit.new_id(),
            buyer=Buyer(member=told.member if told.member not in gone else None),  # the order is a figure of nobody
            channel=self._shop.channel,
            quote=ingest.quote_of(self._shop, told, goods),
            coupons=(),
            tender=None,
            held=False,
            pay_within=_UNPAID_FOR,
            store=self._shop.code,
        )

    def _note(self, tid: str, outcome: Order | Fault) -> None:
        if isinstance(outcome, Order):
            self._orders[tid] = outcome
        else:
            self._snags[tid].append(Snag(outcome.reason, str(outcome.metadata.get("product", ""))))


def _oddities(known: Ingested, told: PlatformOrder) -> Iterator[Snag]:
    """What stands in the way before anything is tried."""
    if told.meaning is None:
        yield Snag(STATUS_UNKNOWN, str(told.status))
    if told.total is not None and told.total != told.worth:
        yield Snag(TOTAL_DIFFERS, ingest.shown(told.total - told.worth))
    if known.order is not None and known.told is not None and not told.same_goods(known.told):
        yield Snag(LINES_CHANGED)
