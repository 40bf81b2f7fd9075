"""What orders listens to, and what it does by the clock.

A won opportunity that makes no sense (no lines, two currencies) can't become an order: its Fault is not transient, so
it goes to the dead letters with its reason and its neighbours go on. Missing stock or products are no such case.
"""

from __future__ import annotations

from collections.abc import Sequence

from kehu.pipeline.v1.events_pb2 import OpportunityWon, WonLine

from kit import names
from kit.money import Money
from kit.worker import Received, Subscriptions
from services.orders.usecases import checkout, expiry, opportunity
from services.orders.usecases.opportunity import Deal, DealLine

_EXPIRED_AT_ONCE = 500

subscriptions = Subscriptions("orders")


@subscriptions.on("pipeline", OpportunityWon, queue="orders.deals")
def order_deals(unit: opportunity.Work, events: Sequence[Received]) -> None:
    """A won opportunity becomes an order at the agreed prices."""
    opportunity.order_deals(unit, [_deal(event.message) for event in events])


@subscriptions.every(seconds=2)
def expire_orders(unit: expiry.Work) -> None:
    """Cancel the orders whose time to pay is over; what they held is free again."""
    expiry.expire_orders(unit, _EXPIRED_AT_ONCE)


@subscriptions.every(seconds=600)
def forget_attempts(unit: checkout.Work) -> None:
    """Forget attempts to check out that are long over."""
    expiry.forget_attempts(unit)


def _deal(won: OpportunityWon) -> Deal:
    return Deal(
        order_id=names.new_id(),
        opportunity=names.id_of("opportunities", won.opportunity, field="opportunity"),
        account=names.id_of("accounts", won.account, field="account"),
        lines=tuple(_line(line, f"lines[{index}]") for index, line in enumerate(won.lines)),
    )


def _line(line: WonLine, path: str) -> DealLine:
    price = line.unit_price
    return DealLine(
        product=names.id_of("products", line.product, field=f"{path}.product"),
        quantity=line.quantity,
        unit_price=Money.from_wire(price.units, price.nanos, price.currency_code, field=f"{path}.unit_price"),
    )
