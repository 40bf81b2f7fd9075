"""Orders with their lines and payments: rows to domain and back, always many at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Row, Uuid, any_, bindparam, cast, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from kit.errors import conflict
from kit.money import Money
from kit.page import Page
from services.orders.domain.allocation import NOTHING, Part, Share
from services.orders.domain.line import OrderLine
from services.orders.domain.order import Buyer, Order, OrderQuery
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.product import Component
from services.orders.storage.snapshots import delivery_of, delivery_text, taxation_of, taxation_text
from services.orders.storage.tables.core import orders

# Lines and payments come with their order, as JSON in the order of their positions.
_LINES = """
    (select cast(json_agg(json_build_array(l.position, l.product_id, l.sku, l.title, l.quantity, l.unit_price,
                                           l.amount, l.shares, l.refunded_quantity, l.category, l.tax, l.added_tax,
                                           l.ahead, l.ahead_value, l.ahead_points, l.components) order by l.position)
             as text)
     from order_lines l where l.order_id = orders.id)"""
_PAYMENTS = """
    (select cast(json_agg(json_build_array(p.tender, p.amount, p.reference, p.pay_time, p.refunded) order by p.position)
             as text)
     from payments p where p.order_id = orders.id)"""

_WHOLE = (*orders.c, literal_column(_LINES).label("lines"), literal_column(_PAYMENTS).label("payments"))
_IDS = ARRAY(Uuid)
_GET = select(*_WHOLE).where(orders.c.id == any_(cast(bindparam("ids", type_=_IDS), _IDS)))

# Locks are taken in the order of the key. Of an order that another transaction changed while this one waited, the
# statement answers the newest row, but its lines and payments as they were before: then `seen` is not its version.
_SEEN = literal_column("(select o.version from orders o where o.id = orders.id)", BigInteger).label("seen")
_LOCK = _GET.add_columns(_SEEN).order_by(orders.c.id).with_for_update(of=orders)

# What can still be paid at a provider is closed there first; a provider that is away for long holds nobody's stock.
_OVERDUE = text("""
    select id from orders where state = 'PENDING_PAYMENT' and expire_time <= cast(:now as timestamptz)
      and (expire_time <= cast(:now as timestamptz) - interval '30 minutes'
           or not exists (select 1 from payment_intents i where i.order_id = orders.id and i.state = 'PENDING'))
    order by expire_time limit :limit for update skip locked
""")

_IMPORTED = text("""
    select channel, external_id, id, fingerprint from orders
    where (channel, external_id) in (select * from unnest(cast(:channels as text[]), cast(:external_ids as text[])))
      and external_id is not null
""")

_OF_OPPORTUNITIES = text("""
    select opportunity_id from orders
    where opportunity_id = any(cast(:ids as uuid[])) and opportunity_id is not null
""")

_ORDER_ROWS = """
    insert into orders (id, state, member_id, account_id, opportunity_id, channel, external_id, currency, total,
                        coupons, hold, points, points_value, refunded, refunded_points, backordered, imported,
                        fingerprint, place_time, expire_time, pay_time, version, update_time, store, freight,
                        freight_tax, activity, refund_policy, delivery, taxation, location, awaiting)
    select o.id, o.state, o.member_id, o.account_id, o.opportunity_id, o.channel, o.external_id, o.currency, o.total,
           cast(o.coupons as jsonb), o.hold, o.points, o.points_value, 0, 0, o.backordered, o.imported,
           o.fingerprint, o.place_time, o.expire_time, o.pay_time, o.version, o.update_time, o.store, o.freight,
           o.freight_tax, o.activity, o.refund_policy, cast(o.delivery as jsonb), cast(o.taxation as jsonb),
           o.location, o.awaiting
    from unnest(
        cast(:ids as uuid[]), cast(:states as text[]), cast(:members as uuid[]), cast(:accounts as uuid[]),
        cast(:opportunities as uuid[]), cast(:channels as text[]), cast(:external_ids as text[]),
        cast(:currencies as text[]), cast(:totals as bigint[]), cast(:coupons as text[]), cast(:holds as text[]),
        cast(:points as bigint[]), cast(:points_values as bigint[]), cast(:backordered as boolean[]),
        cast(:imported as boolean[]), cast(:fingerprints as bytea[]), cast(:place_times as timestamptz[]),
        cast(:expire_times as timestamptz[]), cast(:pay_times as timestamptz[]), cast(:versions as bigint[]),
        cast(:update_times as timestamptz[]), cast(:stores as text[]), cast(:freights as bigint[]),
        cast(:freight_taxes as bigint[]), cast(:activities as text[]), cast(:refund_policies as text[]),
        cast(:deliveries as text[]), cast(:taxations as text[]), cast(:locations as text[]),
        cast(:awaiting as boolean[])
    ) as o (id, state, member_id, account_id, opportunity_id, channel, external_id, currency, total, coupons, hold,
            points, points_value, backordered, imported, fingerprint, place_time, expire_time, pay_time, version,
            update_time, store, freight, freight_tax, activity, refund_policy, delivery, taxation, location,
            awaiting)"""

_LINE_ROWS = """
    insert into order_lines (order_id, position, product_id, sku, title, quantity, unit_price, amount, shares,
                             refunded_quantity, category, tax, added_tax, components, place_time)
    select l.order_id, l.position, l.product_id, l.sku, l.title, l.quantity, l.unit_price, l.amount,
           cast(l.shares as jsonb), 0, l.category, l.tax, l.added_tax, cast(l.components as jsonb), l.place_time
    from unnest(
        cast(:line_orders as uuid[]), cast(:positions as int[]), cast(:products as uuid[]), cast(:skus as text[]),
        cast(:titles as text[]), cast(:quantities as bigint[]), cast(:unit_prices as bigint[]),
        cast(:amounts as bigint[]), cast(:shares as text[]), cast(:categories as text[]),
        cast(:taxes as bigint[]), cast(:added_taxes as bigint[]), cast(:components as text[]),
        cast(:line_times as timestamptz[])
    ) as l (order_id, position, product_id, sku, title, quantity, unit_price, amount, shares, category, tax,
            added_tax, components, place_time)"""

_PAYMENT_ROWS = """
    insert into payments (order_id, position, tender, amount, reference, pay_time, refunded)
    select *, 0 from unnest(
        cast(:payment_orders as uuid[]), cast(:payment_positions as int[]), cast(:tenders as text[]),
        cast(:paid as bigint[]), cast(:references as text[]), cast(:paid_times as timestamptz[]))"""

_ADD = text(f"with o as ({_ORDER_ROWS} returning id, counter), l as ({_LINE_ROWS}) select id, counter from o")  # noqa: S608 - constants

# Another import may store the same order at the same moment; then its row is the one.
_ADD_IMPORTED = text(
    f"{_ORDER_ROWS} on conflict (channel, external_id) where external_id is not null do nothing returning id"
)
_ADD_CONTENT = text(f"with l as ({_LINE_ROWS}) {_PAYMENT_ROWS}")

_SAVE = text(f"""
    with p as ({_PAYMENT_ROWS})
    update orders o
    set state = u.state, refunded = u.refunded, refunded_points = u.refunded_points, pay_time = u.pay_time,
        cancel_time = u.cancel_time, cancel_reason = u.cancel_reason, version = u.version, update_time = u.update_time,
        complete_time = u.complete_time, refunded_freight = u.refunded_freight,
        refunded_freight_value = u.refunded_freight_value, refunded_freight_points = u.refunded_freight_points,
        location = u.location, awaiting = u.awaiting
    from unnest(
        cast(:ids as uuid[]), cast(:states_before as text[]), cast(:versions_before as bigint[]),
        cast(:states as text[]), cast(:refunded as bigint[]), cast(:refunded_points as bigint[]),
        cast(:pay_times as timestamptz[]), cast(:cancel_times as timestamptz[]), cast(:cancel_reasons as text[]),
        cast(:versions as bigint[]), cast(:update_times as timestamptz[]), cast(:complete_times as timestamptz[]),
        cast(:refunded_freights as bigint[]), cast(:refunded_freight_values as bigint[]),
        cast(:refunded_freight_points as bigint[]), cast(:locations as text[]), cast(:awaiting as boolean[])
    ) as u (id, state_before, version_before, state, refunded, refunded_points, pay_time, cancel_time, cancel_reason,
            version, update_time, complete_time, refunded_freight, refunded_freight_value, refunded_freight_points,
            location, awaiting)
    where o.id = u.id and o.state = u.state_before and o.version = u.version_before
""")  # noqa: S608 - constants

_SAVE_LINES = text("""
    update order_lines l
    set refunded_quantity = u.refunded_quantity, ahead = u.ahead, ahead_value = u.ahead_value,
        ahead_points = u.ahead_points
    from unnest(
        cast(:orders as uuid[]), cast(:positions as int[]), cast(:refunded as bigint[]), cast(:ahead as bigint[]),
        cast(:ahead_values as bigint[]), cast(:ahead_points as bigint[])
    ) as u (order_id, position, refunded_quantity, ahead, ahead_value, ahead_points)
    where l.order_id = u.order_id and l.position = u.position
""")

_SAVE_PAYMENTS = text("""
    update payments p set refunded = u.refunded
    from unnest(cast(:orders as uuid[]), cast(:positions as int[]), cast(:refunded as bigint[]))
        as u (order_id, position, refunded)
    where p.order_id = u.order_id and p.position = u.position
""")

_REPLACE = text("""
    with l as (delete from order_lines where order_id = any(cast(:ids as uuid[]))),
         p as (delete from payments where order_id = any(cast(:ids as uuid[])))
    update orders o
    set total = u.total, fingerprint = u.fingerprint, place_time = u.place_time, pay_time = u.place_time,
        version = u.version, update_time = u.update_time, store = u.store
    from unnest(
        cast(:ids as uuid[]), cast(:states_before as text[]), cast(:versions_before as bigint[]),
        cast(:totals as bigint[]), cast(:fingerprints as bytea[]), cast(:place_times as timestamptz[]),
        cast(:versions as bigint[]), cast(:update_times as timestamptz[]), cast(:stores as text[])
    ) as u (id, state_before, version_before, total, fingerprint, place_time, version, update_time, store)
    where o.id = u.id and o.state = u.state_before and o.version = u.version_before
""")


class OrderStore:
    """The orders of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, placed: Sequence[Order]) -> dict[UUID, int]:
        """Store new orders that are not paid; answers their counters."""
        rows = self._connection.execute(_ADD, {**_order_columns(placed), **_line_columns(placed)})
        return {UUID(str(row[0])): row[1] for row in rows}

    def add_imported(self, imported: Sequence[Order]) -> set[UUID]:
        """Store new orders; answers which were stored: the key of the others became known meanwhile."""
        ordered = sorted(imported, key=lambda order: (order.channel, order.external_id))
        rows = self._connection.execute(_ADD_IMPORTED, _order_columns(ordered))
        stored = {UUID(str(row[0])) for row in rows}
        self._add_content([order for order in ordered if order.id in stored])
        return stored

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""
        rows = self._connection.execute(_GET, {"ids": list(ids)})
        return {order.id: order for order in map(_order, rows)}

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""
        rows = self._connection.execute(_LOCK, {"ids": list(ids)}).all()
        found = {row.id: _order(row) for row in rows if row.seen == row.version}
        return found if len(found) == len(rows) else found | self.get([row.id for row in rows if row.id not in found])

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after), with new payments and what was refunded, only over the state and version
        `before`. Raises a Fault otherwise."""
        after = [new for _, new in changes]
        columns = {
            **_condition(changes),
            "states": [order.state.value for order in after],
            "refunded": [order.refunded for order in after],
            "refunded_points": [order.refunded_points for order in after],
            "pay_times": [order.pay_time for order in after],
            "complete_times": [order.complete_time for order in after],
            "cancel_times": [order.cancel_time for order in after],
            "cancel_reasons": [order.cancel_reason.value if order.cancel_reason else None for order in after],
            "refunded_freights": [order.refunded_freight.amount for order in after],
            "refunded_freight_values": [order.refunded_freight.points_value for order in after],
            "refunded_freight_points": [order.refunded_freight.points for order in after],
            "locations": [order.location for order in after],
            "awaiting": [order.awaiting for order in after],
            **_payment_columns([(new, len(old.payments)) for old, new in changes]),
        }
        if self._connection.execute(_SAVE, columns).rowcount != len(changes):
            raise conflict()
        self._save_lines(changes)
        self._save_payments(changes)

    def replace(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store imported orders as (before, after) with other lines, another total, time and store."""
        after = [new for _, new in changes]
        columns = {
            **_condition(changes),
            "totals": [order.total for order in after],
            "fingerprints": [order.fingerprint for order in after],
            "place_times": [order.place_time for order in after],
            "stores": [order.store for order in after],
        }
        if self._connection.execute(_REPLACE, columns).rowcount != len(changes):
            raise conflict()
        self._add_content(after)

    def page(self, query: OrderQuery, page: Page) -> list[Order]:
        """The orders of a page and one more if there are more, the latest placed first."""
        statement = select(*_WHOLE).order_by(orders.c.place_time.desc(), orders.c.id.desc()).limit(page.fetch)
        filters = (
            (orders.c.member_id, query.member),
            (orders.c.account_id, query.account),
            (orders.c.state, query.state.value if query.state else None),
            (orders.c.channel, query.channel),
        )
        for column, value in filters:
            if value is not None:
                statement = statement.where(column == value)
        if query.start is not None:
            statement = statement.where(orders.c.place_time >= query.start)
        if query.end is not None:
            statement = statement.where(orders.c.place_time < query.end)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(orders.c.place_time, orders.c.id) < at)
        return [_order(row) for row in self._connection.execute(statement)]

    def imported(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[UUID, bytes]]:
        """The ids and fingerprints of the orders that are known by these keys (channel, external id)."""
        columns = {"channels": [channel for channel, _ in keys], "external_ids": [external for _, external in keys]}
        rows = self._connection.execute(_IMPORTED, columns)
        return {(row[0], row[1]): (UUID(str(row[2])), bytes(row[3])) for row in rows}

    def of_opportunities(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the opportunities became orders already."""
        rows = self._connection.execute(_OF_OPPORTUNITIES, {"ids": list(ids)})
        return {UUID(str(row[0])) for row in rows}

    def overdue(self, now: datetime, limit: int) -> list[UUID]:
        """Orders that could be paid until now or earlier; locked, those that others lock are passed over."""
        rows = self._connection.execute(_OVERDUE, {"now": now, "limit": limit})
        return [UUID(str(row[0])) for row in rows]

    def _add_content(self, added: Sequence[Order]) -> None:
        if added:
            paid = [(order, 0) for order in added]
            self._connection.execute(_ADD_CONTENT, {**_line_columns(added), **_payment_columns(paid)})

    def _save_lines(self, changes: Sequence[tuple[Order, Order]]) -> None:
        changed = [
            (new.id, line.position, line.refunded_quantity, *astuple(line.ahead))
            for old, new in changes
            if new.lines is not old.lines
            for line, was in zip(new.lines, old.lines, strict=True)
            if (line.refunded_quantity, line.ahead) != (was.refunded_quantity, was.ahead)
        ]
        if changed:
            keys = ("orders", "positions", "refunded", "ahead", "ahead_values", "ahead_points")
            columns = dict(zip(keys, map(list, zip(*changed, strict=True)), strict=True))
            self._connection.execute(_SAVE_LINES, columns)

    def _save_payments(self, changes: Sequence[tuple[Order, Order]]) -> None:
        changed = [
            (new.id, position, payment.refunded)
            for old, new in changes
            for position, (payment, was) in enumerate(zip(new.payments, old.payments, strict=False), 1)
            if payment.refunded != was.refunded
        ]
        if changed:
            columns = dict(zip(("orders", "positions", "refunded"), map(list, zip(*changed, strict=True)), strict=True))
            self._connection.execute(_SAVE_PAYMENTS, columns)


def _condition(changes: Sequence[tuple[Order, Order]]) -> dict[str, object]:
    """Which rows change, the state and version they must have, and the version they get."""
    return {
        "ids": [new.id for _, new in changes],
        "states_before": [old.state.value for old, _ in changes],
        "versions_before": [old.version for old, _ in changes],
        "versions": [new.version for _, new in changes],
        "update_times": [new.update_time for _, new in changes],
    }


def _order_columns(added: Sequence[Order]) -> dict[str, object]:
    return {
        "ids": [order.id for order in added],
        "states": [order.state.value for order in added],
        "members": [order.buyer.member for order in added],
        "accounts": [order.buyer.account for order in added],
        "opportunities": [order.buyer.opportunity for order in added],
        "channels": [order.channel for order in added],
        "external_ids": [order.external_id or None for order in added],
        "currencies": [order.currency for order in added],
        "totals": [order.total for order in added],
        "coupons": [json.dumps(order.coupons) if order.coupons else "[]" for order in added],
        "holds": [order.hold for order in added],
        "points": [order.points for order in added],
        "points_values": [order.points_value for order in added],
        "backordered": [order.backordered for order in added],
        "imported": [order.imported for order in added],
        "fingerprints": [order.fingerprint for order in added],
        "place_times": [order.place_time for order in added],
        "expire_times": [order.expire_time for order in added],
        "pay_times": [order.pay_time for order in added],
        "versions": [order.version for order in added],
        "update_times": [order.update_time for order in added],
        "stores": [order.store for order in added],
        "freights": [order.freight for order in added],
        "freight_taxes": [order.freight_tax for order in added],
        "activities": [order.activity for order in added],
        "refund_policies": [",".join(order.refund_policy) for order in added],
        "deliveries": [delivery_text(order.delivery) for order in added],
        "taxations": [taxation_text(order.taxation) for order in added],
        "locations": [order.location for order in added],
        "awaiting": [order.awaiting for order in added],
    }


def _line_columns(added: Sequence[Order]) -> dict[str, object]:
    owners = [order for order in added for _ in order.lines]
    lines = [(order.id, line) for order in added for line in order.lines]
    return {
        "line_orders": [order_id for order_id, _ in lines],
        "line_times": [order.place_time for order in owners],
        "positions": [line.position for _, line in lines],
        "products": [line.product for _, line in lines],
        "skus": [line.sku for _, line in lines],
        "titles": [line.title for _, line in lines],
        "quantities": [line.quantity for _, line in lines],
        "unit_prices": [line.unit_price for _, line in lines],
        "amounts": [line.amount for _, line in lines],
        "shares": [_shares_json(line.shares) for _, line in lines],
        "categories": [line.category for _, line in lines],
        "taxes": [line.tax for _, line in lines],
        "added_taxes": [line.added_tax for _, line in lines],
        "components": [_components_json(line.components) for _, line in lines],
    }


def _payment_columns(paid: Sequence[tuple[Order, int]]) -> dict[str, object]:
    """The payments of orders that come after so many that are stored already."""
    payments = [
        (order.id, position, each)
        for order, known in paid
        for position, each in enumerate(order.payments[known:], known + 1)
    ]
    return {
        "payment_orders": [order_id for order_id, _, _ in payments],
        "payment_positions": [position for _, position, _ in payments],
        "tenders": [payment.tender.value for _, _, payment in payments],
        "paid": [payment.amount.minor for _, _, payment in payments],
        "references": [payment.reference for _, _, payment in payments],
        "paid_times": [payment.pay_time for _, _, payment in payments],
    }


def _shares_json(shares: Sequence[Share]) -> str:
    runs = (f"[{share.units},{share.amount},{share.points_value},{share.points}]" for share in shares)
    return f"[{','.join(runs)}]"


def _components_json(components: Sequence[Component]) -> str:
    return json.dumps([[str(part.product), part.quantity] for part in components])


def _order(row: Row[*tuple[Any, ...]]) -> Order:
    lines = tuple(_line(*line) for line in json.loads(row.lines))
    return Order(
        id=row.id,
        counter=row.counter,
        state=OrderState(row.state),
        buyer=Buyer(row.member_id, row.account_id, row.opportunity_id),
        channel=row.channel,
        external_id=row.external_id or "",
        currency=row.currency,
        lines=lines,
        coupons=tuple(row.coupons),
        hold=row.hold,
        points=row.points,
        points_value=row.points_value,
        payments=tuple(_payment(row, lines, *payment) for payment in json.loads(row.payments)) if row.payments else (),
        refunded=row.refunded,
        refunded_points=row.refunded_points,
        backordered=row.backordered,
        imported=row.imported,
        fingerprint=bytes(row.fingerprint),
        place_time=row.place_time,
        expire_time=row.expire_time,
        pay_time=row.pay_time,
        cancel_time=row.cancel_time,
        cancel_reason=CancelReason(row.cancel_reason) if row.cancel_reason else None,
        version=row.version,
        update_time=row.update_time,
        complete_time=row.complete_time,
        store=row.store,
        freight=row.freight,
        freight_tax=row.freight_tax,
        refunded_freight=Part(row.refunded_freight, row.refunded_freight_value, row.refunded_freight_points),
        activity=row.activity,
        refund_policy=tuple(Tender(name) for name in row.refund_policy.split(",")) if row.refund_policy else (),
        delivery=delivery_of(row.delivery),
        taxation=taxation_of(row.taxation),
        location=row.location,
        awaiting=row.awaiting,
    )


def _line(
    position: int,
    product: str | None,
    sku: str,
    title: str,
    quantity: int,
    unit_price: int | None,
    amount: int,
    shares: list[list[int]],
    refunded: int,
    category: str,
    tax: int,
    added_tax: int,
    ahead: int,
    ahead_value: int,
    ahead_points: int,
    components: list[list[Any]],
) -> OrderLine:
    return OrderLine(
        position=position,
        product=UUID(product) if product else None,
        sku=sku,
        title=title,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        shares=tuple(Share(*share) for share in shares),
        refunded_quantity=refunded,
        category=category,
        tax=tax,
        added_tax=added_tax,
        ahead=Part(ahead, ahead_value, ahead_points) if ahead or ahead_value or ahead_points else NOTHING,
        components=tuple(Component(UUID(part), units) for part, units in components),
    )


def _payment(
    row: Row[*tuple[Any, ...]],
    lines: Sequence[OrderLine],
    name: str,
    amount: int,
    reference: str,
    pay_time: str,
    refunded: int | None,
) -> Payment:
    tender = Tender(name)
    if refunded is None:  # of before payments told it: there was one for money, and perhaps one for points
        left = sum(line.left.points_value for line in lines)
        refunded = amount - left if tender is Tender.POINTS else row.refunded
    return Payment(tender, Money(amount, row.currency), reference, datetime.fromisoformat(pay_time), refunded)
