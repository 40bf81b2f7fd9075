"""Refunds that others tell of, by numbers of their own: each is given back once for ever. Set-oriented: however many
they are, they are a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, request_id_reused
from services.orders.domain.events import OrderRefunded
from services.orders.domain.order import Order
from services.orders.domain.refund import Claim, Refund, RefundKind
from services.orders.usecases import consequences, holding, refund_ports

Request = tuple[UUID, str]
"""An order, and the number of a refund of it."""


class Refunds(refund_ports.Refunds, Protocol):
    """The stored refunds."""

    def of_requests(self, requests: Sequence[Request]) -> dict[Request, Refund]:
        """The refunds that requests made, by order and request."""


class Work(refund_ports.Work, Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""


@dataclass(frozen=True, slots=True)
class ToldRefund:
    """Of an order, what is claimed was given back, or, without a claim, all that is left; `request_id` is its
    number."""

    order: UUID
    claim: Claim | None
    reason: str
    request_id: str

    @property
    def request(self) -> Request:
        """How it is known."""
        return self.order, self.request_id


def give_back_told(
    unit: Work, locked: Mapping[UUID, Order], told: Sequence[ToldRefund]
) -> tuple[dict[UUID, Order], list[Fault | None]]:
    """Give back what was told of locked orders, one after the other; nobody has to approve it. What was given back
    before changes nothing, unless it was told otherwise then. Answers the orders, and for each why it is refused."""
    known = unit.refunds.of_requests([each.request for each in told])
    after, refusals = dict(locked), list[Fault | None]()
    given: list[tuple[Refund, OrderRefunded]] = []
    for each in told:
        try:
            refunded = _given(unit, after[each.order], each, known.get(each.request))
        except Fault as fault:
            refusals.append(fault)
            continue
        refusals.append(None)
        if refunded is not None:
            after[each.order], made, fact = refunded
            known[each.request] = made
            given.append((made, fact))
    _store(
        unit, [(locked[order_id], order) for order_id, order in after.items() if order is not locked[order_id]], given
    )
    return after, refusals


def _given(
    unit: Work, order: Order, told: ToldRefund, known: Refund | None
) -> tuple[Order, Refund, OrderRefunded] | None:
    if known is None:
        claim = order.rest() if told.claim is None else told.claim
        return order.refund(unit.new_id(), claim, reason=told.reason, request_id=told.request_id, now=unit.now)
    if (known.claim, known.kind) != (told.claim or known.claim, RefundKind.REFUND):
        raise request_id_reused(told.request_id)
    return None


def _store(unit: Work, changes: Sequence[tuple[Order, Order]], given: Sequence[tuple[Refund, OrderRefunded]]) -> None:
    if not changes:
        return
    unit.refunds.add([made for made, _ in given])
    unit.orders.save(changes)
    refunded = [order for _, order in changes]
    units = [holding.GivenBack(before, after) for before, after in changes]
    holding.give_back(unit, units, consequences.refunded(unit, refunded))
    unit.emit(fact for _, fact in given)
