"""Orders, products and imported rows for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kit.money import Money
from kit.names import new_id
from services.orders.domain.imports import ImportLine, ImportRow
from services.orders.domain.line import Item
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.payment import PointsTender, RefundPolicy, Tender
from services.orders.domain.product import Content, Product
from services.orders.domain.quote import Quote
from services.orders.usecases.order import PlaceOrder

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=15)


def a_product(
    *, sku: str = "TEA-1", title: str = "Green tea", price: int = 990, currency: str = "CNY", category: str = ""
) -> Product:
    """A product on sale."""
    return Product.create(new_id(), sku, Content(title, Money(price, currency), category), NOW)


def an_item(
    *,
    product: UUID | None = None,
    quantity: int = 1,
    unit_price: int = 990,
    discount: int = 0,
    sku: str = "TEA-1",
    category: str = "",
    tax: int = 0,
    added_tax: int = 0,
) -> Item:
    """A line as it is bought."""
    return Item(
        product or new_id(), sku, "Green tea", quantity, unit_price, discount, category, tax=tax, added_tax=added_tax
    )


def a_tender(*, points: int = 100, value: int = 100, currency: str = "CNY", member: UUID | None = None) -> PointsTender:
    """Held points."""
    return PointsTender(f"members/{member or new_id()}/holds/{new_id()}", points, Money(value, currency))


def an_order(
    *items: Item,
    currency: str = "CNY",
    buyer: Buyer | None = None,
    channel: str = "web",
    store: str = "",
    coupons: Sequence[str] = (),
    tender: PointsTender | None = None,
    now: datetime = NOW,
    pay_within: timedelta | None = MINUTES,
    freight: int = 0,
    freight_tax: int = 0,
    activity: str = "",
    refund_policy: RefundPolicy = (),
) -> Order:
    """An order that waits for its payment."""
    return Order.place(
        new_id(),
        buyer=buyer or Buyer(member=new_id()),
        channel=channel,
        store=store,
        currency=currency,
        items=items or [an_item()],
        coupons=coupons,
        tender=tender,
        now=now,
        expire_time=now + pay_within if pay_within else None,
        freight=freight,
        freight_tax=freight_tax,
        activity=activity,
        refund_policy=refund_policy,
    )


def paid(order: Order, now: datetime | None = None) -> Order:
    """The order, paid in full."""
    when = now or order.place_time + timedelta(minutes=1)
    return order.pay(Tender.MANUAL, order.money(order.due), reference="receipt 1", now=when)[0]


def a_placement(*items: Item, currency: str = "CNY", held: bool = False) -> PlaceOrder:
    """The command to store a priced order."""
    return PlaceOrder(
        order_id=new_id(),
        buyer=Buyer(member=new_id()),
        channel="web",
        quote=Quote(currency, items or (an_item(),)),
        coupons=(),
        tender=None,
        held=held,
        pay_within=MINUTES,
    )


def an_import_line(
    *,
    title: str = "CD",
    quantity: int = 1,
    amount: int = 1177,
    currency: str = "USD",
    sku: str = "",
    category: str = "",
) -> ImportLine:
    """A line of another system's order."""
    return ImportLine(None, sku, title, quantity, Money(amount, currency), category)


def an_import_row(
    *lines: ImportLine,
    channel: str = "cdnow",
    external_id: str = "1",
    member: UUID | None = None,
    order_time: datetime = datetime(1997, 1, 1, tzinfo=UTC),
    store: str = "",
) -> ImportRow:
    """A paid order of another system."""
    return ImportRow(new_id(), channel, external_id, member, order_time, lines or (an_import_line(),), store)
