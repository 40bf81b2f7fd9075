"""The SQL of orders with their lines and payments, always for many at once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Uuid, any_, bindparam, cast, literal_column, select, text
from sqlalchemy.dialects.postgresql import ARRAY

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

WHOLE = (*orders.c, literal_column(_LINES).label("lines"), literal_column(_PAYMENTS).label("payments"))
_IDS = ARRAY(Uuid)
GET = select(*WHOLE).where(orders.c.id == any_(cast(bindparam("ids", type_=_IDS), _IDS)))

# Locks are taken in the order of the key. Of an order that another transaction changed while this one waited, the
# statement answers the newest row, but its lines and payments as they were before: then `seen` is not its version.
_SEEN = literal_column("(select o.version from orders o where o.id = orders.id)", BigInteger).label("seen")
LOCK = GET.add_columns(_SEEN).order_by(orders.c.id).with_for_update(of=orders)

# What can still be paid at a provider is closed there first; a provider that is away for long holds nobody's stock.
OVERDUE = text("""
    select id from orders where state = 'PENDING_PAYMENT' and expire_time <= cast(:now as timestamptz)
      and (expire_time <= cast(:now as timestamptz) - interval '30 minutes'
           or not exists (select 1 from payment_intents i where i.order_id = orders.id and i.state = 'PENDING'))
    order by expire_time limit :limit for update skip locked
""")

IMPORTED = text("""
    select channel, external_id, id, fingerprint from orders
    where (channel, external_id) in (select * from unnest(cast(:channels as text[]), cast(:external_ids as text[])))
      and external_id is not null
""")

OF_OPPORTUNITIES = text("""
    select opportunity_id from orders
    where opportunity_id = any(cast(:ids as uuid[])) and opportunity_id is not null
""")


def part_of_store(row: str) -> str:
    """SQL for the part of the organisation that an order belongs to, that of the store of a row, or null. A name counts
    as its code."""
    code = f"case when {row}.store like 'stores/%' then substr({row}.store, 8) else {row}.store end"
    part = f"select s.org from stores s where s.code = {code}"  # noqa: S608 - constants
    return f"case when {row}.store <> '' then ({part}) end"


_ORDER_ROWS = f"""
    insert into orders (id, state, member_id, account_id, opportunity_id, channel, external_id, currency, total,
                        coupons, hold, points, points_value, refunded, refunded_points, backordered, imported,
                        fingerprint, place_time, expire_time, pay_time, version, update_time, store, freight,
                        freight_tax, activity, refund_policy, delivery, taxation, location, awaiting, instalments, org)
    select o.id, o.state, o.member_id, o.account_id, o.opportunity_id, o.channel, o.external_id, o.currency, o.total,
           cast(o.coupons as jsonb), o.hold, o.points, o.points_value, 0, 0, o.backordered, o.imported,
           o.fingerprint, o.place_time, o.expire_time, o.pay_time, o.version, o.update_time, o.store, o.freight,
           o.freight_tax, o.activity, o.refund_policy, cast(o.delivery as jsonb), cast(o.taxation as jsonb),
           o.location, o.awaiting, cast(o.instalments as jsonb), coalesce(nullif(o.org, ''), {part_of_store("o")}, '')
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
        cast(:awaiting as boolean[]), cast(:instalments as text[]), cast(:orgs as text[])
    ) as o (id, state, member_id, account_id, opportunity_id, channel, external_id, currency, total, coupons, hold,
            points, points_value, backordered, imported, fingerprint, place_time, expire_time, pay_time, version,
            update_time, store, freight, freight_tax, activity, refund_policy, delivery, taxation, location,
            awaiting, instalments, org)"""  # noqa: S608 - constants

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

ADD = text(f"with o as ({_ORDER_ROWS} returning id, counter), l as ({_LINE_ROWS}) select id, counter from o")  # noqa: S608 - constants

ADD_CONTENT = text(f"with l as ({_LINE_ROWS}) {_PAYMENT_ROWS}")

SAVE = text(f"""
    with p as ({_PAYMENT_ROWS})
    update orders o
    set state = u.state, refunded = u.refunded, refunded_points = u.refunded_points, pay_time = u.pay_time,
        cancel_time = u.cancel_time, cancel_reason = u.cancel_reason, version = u.version, update_time = u.update_time,
        complete_time = u.complete_time, refunded_freight = u.refunded_freight,
        refunded_freight_value = u.refunded_freight_value, refunded_freight_points = u.refunded_freight_points,
        location = u.location, awaiting = u.awaiting, expire_time = u.expire_time
    from unnest(
        cast(:ids as uuid[]), cast(:states_before as text[]), cast(:versions_before as bigint[]),
        cast(:states as text[]), cast(:refunded as bigint[]), cast(:refunded_points as bigint[]),
        cast(:pay_times as timestamptz[]), cast(:cancel_times as timestamptz[]), cast(:cancel_reasons as text[]),
        cast(:versions as bigint[]), cast(:update_times as timestamptz[]), cast(:complete_times as timestamptz[]),
        cast(:refunded_freights as bigint[]), cast(:refunded_freight_values as bigint[]),
        cast(:refunded_freight_points as bigint[]), cast(:locations as text[]), cast(:awaiting as boolean[]),
        cast(:expire_times as timestamptz[])
    ) as u (id, state_before, version_before, state, refunded, refunded_points, pay_time, cancel_time, cancel_reason,
            version, update_time, complete_time, refunded_freight, refunded_freight_value, refunded_freight_points,
            location, awaiting, expire_time)
    where o.id = u.id and o.state = u.state_before and o.version = u.version_before
""")  # noqa: S608 - constants

SAVE_LINES = text("""
    update order_lines l
    set refunded_quantity = u.refunded_quantity, ahead = u.ahead, ahead_value = u.ahead_value,
        ahead_points = u.ahead_points
    from unnest(
        cast(:orders as uuid[]), cast(:positions as int[]), cast(:refunded as bigint[]), cast(:ahead as bigint[]),
        cast(:ahead_values as bigint[]), cast(:ahead_points as bigint[])
    ) as u (order_id, position, refunded_quantity, ahead, ahead_value, ahead_points)
    where l.order_id = u.order_id and l.position = u.position
""")

SAVE_PAYMENTS = text("""
    update payments p set refunded = u.refunded
    from unnest(cast(:orders as uuid[]), cast(:positions as int[]), cast(:refunded as bigint[]))
        as u (order_id, position, refunded)
    where p.order_id = u.order_id and p.position = u.position
""")

SAVE_POINTS = text("""
    with l as (
        update order_lines l set shares = cast(u.shares as jsonb)
        from unnest(cast(:positions as int[]), cast(:shares as text[])) as u (position, shares)
        where l.order_id = :id and l.position = u.position
    )
    update orders o
    set hold = :hold, points = :points, points_value = :points_value, version = :version,
        update_time = cast(:update_time as timestamptz)
    where o.id = :id and o.state = :state_before and o.version = :version_before
""")

SAVE_RENEWED = text("""
    with p as (
        update payments p set reference = u.reference, pay_time = u.pay_time
        from unnest(cast(:positions as int[]), cast(:references as text[]), cast(:pay_times as timestamptz[]))
            as u (position, reference, pay_time)
        where p.order_id = :id and p.position = u.position
    )
    update orders set hold = :hold where id = :id
""")

REPLACE = text(f"""
    with l as (delete from order_lines where order_id = any(cast(:ids as uuid[]))),
         p as (delete from payments where order_id = any(cast(:ids as uuid[])))
    update orders o
    set total = u.total, fingerprint = u.fingerprint, place_time = u.place_time, pay_time = u.place_time,
        version = u.version, update_time = u.update_time, store = u.store,
        org = case when o.store = u.store then o.org else coalesce({part_of_store("u")}, '') end
    from unnest(
        cast(:ids as uuid[]), cast(:states_before as text[]), cast(:versions_before as bigint[]),
        cast(:totals as bigint[]), cast(:fingerprints as bytea[]), cast(:place_times as timestamptz[]),
        cast(:versions as bigint[]), cast(:update_times as timestamptz[]), cast(:stores as text[])
    ) as u (id, state_before, version_before, total, fingerprint, place_time, version, update_time, store)
    where o.id = u.id and o.state = u.state_before and o.version = u.version_before
    returning o.id, o.org
""")  # noqa: S608 - constants
