"""What clients do: buy and pay by JSON and by gRPC, with and without points; earn and hold points; ask for an offer.

Each journey notes what it asks for before it asks, and what it was promised when it was told so. The facts carry the
client's own number, which the rows carry too (`faults/evidence.py` says where).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from google.type.money_pb2 import Money
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from faults.calls import Caller, GivenUp
from faults.record import Record
from faults.shop import Shop, once

_POINTS_SPENT = 10
WITH_POINTS = "orders with points"
"""As the record calls the attempts to place such orders."""


@dataclass(frozen=True)
class Client:
    """Somebody with a shop to buy from and a record to write in."""

    caller: Caller
    shop: Shop
    record: Record
    dice: random.Random

    @property
    def member(self) -> str:
        """Some member."""
        return self.dice.choice(self.shop.members)


Journey = Callable[[Client], Awaitable[None]]


async def order_by_json(client: Client) -> None:
    """Buy and pay."""
    await _order_by_json(client, {})


async def order_with_points(client: Client) -> None:
    """The same, partly with points: a checkout over two services."""
    await _order_by_json(client, {"points": str(_POINTS_SPENT)})


async def order_returned(client: Client) -> None:
    """The same, and one unit comes back."""
    name, number = await _order_by_json(client, {})
    client.record.asked.add(("refund", number))
    back = {"lines": [{"position": 1, "quantity": "1"}], "reason": number, "requestId": once()}
    await client.caller.post(client.record, f"{name}:refund", back)
    client.record.promised.add(("refund", number))


async def _order_by_json(client: Client, more: dict[str, str]) -> tuple[str, str]:
    """The name of the order, and the client's number."""
    number = once()
    lines = [{"product": product, "quantity": str(units)} for product, units in _basket(client)]
    body = {"member": client.member, "channel": client.record.name, "store": number, "lines": lines, **more}
    client.record.asked |= {("order", number), ("paid", number)}
    label = WITH_POINTS if more else ""
    order = await client.caller.post(client.record, "orders", {**body, "requestId": once()}, label=label)
    client.record.promised.add(("order", number))
    paid = {"tender": "TENDER_MANUAL", "amount": order["amountDue"], "reference": number, "requestId": once()}
    await client.caller.post(client.record, f"{order['name']}:pay", paid)
    client.record.promised.add(("paid", number))
    return str(order["name"]), number


async def order_by_grpc(client: Client) -> None:
    """Buy and pay."""
    number = once()
    stub = OrdersServiceStub(client.caller.channel)
    lines = [orders_pb2.RequestedLine(product=product, quantity=units) for product, units in _basket(client)]
    request = orders_pb2.PlaceOrderRequest(
        member=client.member, channel=client.record.name, store=number, lines=lines, request_id=once()
    )
    client.record.asked |= {("order", number), ("paid", number)}
    order = await client.caller.call(client.record, stub.PlaceOrder, request)
    client.record.promised.add(("order", number))
    due = Money()
    due.CopyFrom(order.amount_due)
    payment = orders_pb2.PayOrderRequest(
        name=order.name, tender=orders_pb2.TENDER_MANUAL, amount=due, reference=number, request_id=once()
    )
    await client.caller.call(client.record, stub.PayOrder, payment)
    client.record.promised.add(("paid", number))


async def accrual(client: Client) -> None:
    """Points for something that is no order."""
    source = f"{client.record.name}/{once()}"
    client.record.asked.add(("accrual", source))
    body = {"points": str(client.dice.randint(1, 50)), "source": source, "requestId": once()}
    await client.caller.post(client.record, f"{client.member}/points:accrue", body)
    client.record.promised.add(("accrual", source))


async def hold(client: Client) -> None:
    """Hold points and let them go again."""
    source = f"{client.record.name}/{once()}"
    client.record.asked |= {("hold", source), ("release", source)}
    body = {"hold": {"points": "5"}, "source": source, "requestId": once()}
    held = await client.caller.post(client.record, f"{client.member}/holds", body)
    client.record.promised.add(("hold", source))
    await client.caller.post(client.record, f"{held['name']}:release", {"requestId": once()})
    client.record.promised.add(("release", source))


async def lead(client: Client) -> None:
    """Somebody asks for an offer."""
    number = once()
    note = f"{client.record.name}/{number}"
    client.record.asked.add(("lead", note))
    given = {"displayName": "L", "source": "web", "email": f"{number}@example.com", "note": note}
    await client.caller.post(client.record, "leads:capture", {"lead": given, "requestId": once()})
    client.record.promised.add(("lead", note))


JOURNEYS: tuple[tuple[Journey, int], ...] = (
    (order_by_json, 4),
    (order_by_grpc, 4),
    (order_with_points, 1),
    (order_returned, 2),
    (accrual, 2),
    (hold, 1),
    (lead, 1),
)
"""What there is, and how often each is taken."""


async def some(client: Client) -> None:
    """One journey by chance. What its client had to give up is counted, not raised."""
    journeys, weights = zip(*JOURNEYS, strict=True)
    journey: Journey = client.dice.choices(journeys, weights)[0]
    try:
        await journey(client)
    except GivenUp:
        client.record.given_up += 1


def _basket(client: Client) -> list[tuple[str, int]]:
    products = client.dice.sample(client.shop.products, client.dice.randint(1, 2))
    return [(product, client.dice.randint(1, 3)) for product in products]
