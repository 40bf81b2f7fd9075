"""New orders of another system's history, stored in one statement with their lines and payments.

An import knows little of an order: all else is the same for every one of them and stands in the statement, for what is
sent with each row costs more than all that is done with it. Its payment is its total.
"""

# ruff: noqa: S608 - the statement is put together from constants only
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.storage.order_rows import shares_json
from services.orders.storage.order_statements import part_of_store

# Another import may store the same order at the same moment; then its row is the one.
ADD = text(f"""
    with o as (
        insert into orders (id, state, member_id, channel, external_id, currency, total, coupons, hold, points,
                            points_value, refunded, refunded_points, backordered, imported, fingerprint, place_time,
                            pay_time, version, update_time, store, org)
        select o.id, '{OrderState.PAID.value}', o.member_id, o.channel, o.external_id, o.currency, o.total, '[]', '', 0,
               0, 0, 0, false, true, o.fingerprint, o.place_time, o.place_time, 1, cast(:now as timestamptz), o.store,
               coalesce({part_of_store("o")}, '')
        from unnest(
            cast(:ids as uuid[]), cast(:members as uuid[]), cast(:channels as text[]), cast(:external_ids as text[]),
            cast(:currencies as text[]), cast(:totals as bigint[]), cast(:fingerprints as bytea[]),
            cast(:place_times as timestamptz[]), cast(:stores as text[])
        ) as o (id, member_id, channel, external_id, currency, total, fingerprint, place_time, store)
        on conflict (channel, external_id) where external_id is not null do nothing
        returning id, external_id, total, place_time, org
    ), l as (
        insert into order_lines (order_id, position, product_id, sku, title, quantity, amount, shares,
                                 refunded_quantity, category, place_time)
        select l.order_id, l.position, l.product_id, l.sku, l.title, l.quantity, l.amount, cast(l.shares as jsonb), 0,
               l.category, o.place_time
        from unnest(
            cast(:line_orders as uuid[]), cast(:positions as int[]), cast(:products as uuid[]), cast(:skus as text[]),
            cast(:titles as text[]), cast(:quantities as bigint[]), cast(:amounts as bigint[]),
            cast(:shares as text[]), cast(:categories as text[])
        ) as l (order_id, position, product_id, sku, title, quantity, amount, shares, category)
        join o on o.id = l.order_id
    ), p as (
        insert into payments (order_id, position, tender, amount, reference, pay_time, refunded)
        select id, 1, '{Tender.IMPORTED.value}', total, external_id, place_time, 0 from o where total > 0
    )
    select id, org from o
""")


def columns(added: Sequence[Order]) -> dict[str, object]:
    """What the statement asks for, of new orders of one transaction as `domain.imports.order_of` makes them."""
    lines = [(order.id, line) for order in added for line in order.lines]
    return {
        "now": added[0].update_time,
        "ids": [order.id for order in added],
        "members": [order.buyer.member for order in added],
        "channels": [order.channel for order in added],
        "external_ids": [order.external_id for order in added],
        "currencies": [order.currency for order in added],
        "totals": [order.total for order in added],
        "fingerprints": [order.fingerprint for order in added],
        "place_times": [order.place_time for order in added],
        "stores": [order.store for order in added],
        "line_orders": [order_id for order_id, _ in lines],
        "positions": [line.position for _, line in lines],
        "products": [line.product for _, line in lines],
        "skus": [line.sku for _, line in lines],
        "titles": [line.title for _, line in lines],
        "quantities": [line.quantity for _, line in lines],
        "amounts": [line.amount for _, line in lines],
        "shares": [shares_json(line.shares) for _, line in lines],
        "categories": [line.category for _, line in lines],
    }
