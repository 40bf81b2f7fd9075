"""What is compared of orders, as SQL: each statement answers (subject, expected, actual), for all orders or for one.

`{only}` narrows a statement to one order, by the column that the statement's `only` says. Both sides of a comparison
are read in one snapshot, so it is right while others sell.
"""

from __future__ import annotations

from typing import NamedTuple

from services.orders.domain.verification import Kind


class Comparison(NamedTuple):
    """A statement, and by which column it is narrowed to one order; none for what is not of one order."""

    kind: Kind
    statement: str
    only: str = "o.id"


_PAID = "o.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'COMPLETED')"
_GIVEN = "r.state in ('PENDING', 'SUCCEEDED')"

_TOTAL = """
    select 'orders/' || o.id, cast(o.freight + coalesce(l.amount, 0) as text), cast(o.total as text)
    from orders o
    left join (select order_id, sum(amount) as amount from order_lines group by order_id) l on l.order_id = o.id
    where true {only}
"""

_SHARES = """
    select 'orders/' || o.id || '/lines/' || l.position, l.quantity || ' units, ' || l.amount,
           coalesce(s.units, 0) || ' units, ' || coalesce(s.amount, 0)
    from orders o
    join order_lines l on l.order_id = o.id
    cross join lateral (
        select sum(cast(each.value ->> 0 as bigint)) as units,
               sum(cast(each.value ->> 0 as bigint) * cast(each.value ->> 1 as bigint)) as amount
        from jsonb_array_elements(l.shares) as each (value)
    ) s
    where true {only}
"""

_DISCOUNT = """
    select 'orders/' || o.id || '/lines/' || l.position,
           cast(greatest(0, l.unit_price * l.quantity + l.added_tax - l.amount) as text),
           cast(l.unit_price * l.quantity + l.added_tax - l.amount as text)
    from orders o
    join order_lines l on l.order_id = o.id
    where l.unit_price is not null {only}
"""

# What points are worth beyond the lines pays the freight.
_POINTS = """
    select 'orders/' || o.id, o.points || ' worth ' || o.points_value,
           case when s.worth = o.points_value then s.points else greatest(s.points, o.points) end || ' worth '
           || s.worth + least(greatest(o.points_value - s.worth, 0), o.freight)
    from orders o
    join (
        select l.order_id, sum(cast(each.value ->> 0 as bigint) * cast(each.value ->> 2 as bigint)) as worth,
               sum(cast(each.value ->> 0 as bigint) * cast(each.value ->> 3 as bigint)) as points
        from order_lines l
        cross join jsonb_array_elements(l.shares) as each (value)
        group by l.order_id
    ) s on s.order_id = o.id
    where true {only}
"""

# Before it is paid, an order has never got more than it waits for.
_PAYMENTS = f"""
    select 'orders/' || o.id,
           case when {_PAID} then o.total - o.points_value
                else least(coalesce(p.money, 0), o.total - o.points_value) end
           || ' and points worth ' || case when {_PAID} then o.points_value else 0 end,
           coalesce(p.money, 0) || ' and points worth ' || coalesce(p.points, 0)
    from orders o
    left join (
        select order_id, coalesce(sum(amount) filter (where tender <> 'POINTS'), 0) as money,
               coalesce(sum(amount) filter (where tender = 'POINTS'), 0) as points
        from payments group by order_id
    ) p on p.order_id = o.id
    where true {{only}}
"""  # noqa: S608 - constants

_REFUNDED_ORDERS = f"""
    select 'orders/' || o.id,
           coalesce(g.amount, 0) || ', ' || coalesce(g.points, 0) || ' points, freight ' || coalesce(g.freight, 0),
           o.refunded || ', ' || o.refunded_points || ' points, freight ' || o.refunded_freight
    from orders o
    left join (
        select order_id, sum(amount + credit) as amount, sum(points) as points, sum(freight) as freight
        from refunds r where {_GIVEN} group by order_id
    ) g on g.order_id = o.id
    where true {{only}}
"""  # noqa: S608 - constants

# The first units of a line are those that were given back; what was given by amount is ahead of the others.
_REFUNDED_LINES = f"""
    select 'orders/' || o.id || '/lines/' || l.position,
           coalesce(g.units, 0) || ' units, ' || coalesce(g.amount, 0),
           l.refunded_quantity || ' units, ' || coalesce(s.amount, 0) + l.ahead
    from orders o
    join order_lines l on l.order_id = o.id
    left join (
        select r.order_id, cast(each.value ->> 0 as int) as position, sum(cast(each.value ->> 1 as bigint)) as units,
               sum(cast(each.value ->> 2 as bigint)) as amount
        from refunds r
        cross join jsonb_array_elements(r.lines) as each (value)
        where {_GIVEN}
        group by r.order_id, cast(each.value ->> 0 as int)
    ) g on g.order_id = l.order_id and g.position = l.position
    left join lateral (
        select sum(greatest(0, least(run.units, l.refunded_quantity - run.before)) * run.amount) as amount
        from (
            select cast(each.value ->> 0 as bigint) as units, cast(each.value ->> 1 as bigint) as amount,
                   sum(cast(each.value ->> 0 as bigint)) over (order by each.n) - cast(each.value ->> 0 as bigint)
                       as before
            from jsonb_array_elements(l.shares) with ordinality as each (value, n)
        ) run
    ) s on l.refunded_quantity > 0
    where (l.refunded_quantity > 0 or l.ahead > 0 or g.order_id is not null) {{only}}
"""  # noqa: S608 - constants

# Payments of before there could be several don't tell what was given back of them.
_REFUNDED_PAYMENTS = f"""
    select 'orders/' || o.id || '/payments/' || p.position,
           cast(case when p.tender = 'POINTS' then coalesce(g.worth, 0) else coalesce(b.amount, 0) end as text),
           cast(p.refunded as text)
    from orders o
    join payments p on p.order_id = o.id and p.refunded is not null
    left join (
        select order_id, sum(points_value) as worth, bool_or(effect_time is null) as old
        from refunds r where {_GIVEN} group by order_id
    ) g on g.order_id = o.id
    left join (
        select b.order_id, b.payment, sum(b.amount) as amount
        from refund_payments b join refunds r on r.id = b.refund_id
        where {_GIVEN} group by b.order_id, b.payment
    ) b on b.order_id = p.order_id and b.payment = p.position
    where not coalesce(g.old, false) {{only}}
"""  # noqa: S608 - constants

# A cancelled order has given everything back but a deposit that is forfeited.
_KEPT = """
    select 'orders/' || o.id || '/kept',
           case when o.instalments ->> 'forfeit' = 'true' and o.cancel_reason in ('CUSTOMER', 'EXPIRED')
                     and p.paid >= cast(o.instalments ->> 'deposit' as bigint)
                then o.instalments ->> 'deposit' else '0' end,
           cast(p.kept as text)
    from orders o
    cross join lateral (
        select sum(amount) as paid, sum(amount - refunded) as kept
        from payments where order_id = o.id and tender <> 'POINTS' and refunded is not null
    ) p
    where o.state = 'CANCELLED' and p.paid is not null {only}
"""

_PAYOUTS = f"""
    select 'orders/' || o.id || '/refunds/' || r.id,
           r.amount || case when coalesce(b.arrived, true) then ' SUCCEEDED' else ' PENDING' end,
           coalesce(b.amount, 0) || ' ' || r.state
    from orders o
    join refunds r on r.order_id = o.id
    left join (
        select order_id, refund_id, sum(amount) as amount, bool_and(state = 'SUCCEEDED') as arrived
        from refund_payments group by order_id, refund_id
    ) b on b.order_id = r.order_id and b.refund_id = r.id
    where {_GIVEN} and r.effect_time is not null {{only}}
"""  # noqa: S608 - constants

_CAPTURED = """
    select 'orders/' || o.id || '/payments/' || p.position, cast(p.amount as text),
           coalesce(cast(i.captured as text), 'nothing')
    from orders o
    join payments p on p.order_id = o.id and p.tender in ('WECHAT_PAY', 'ALIPAY')
    left join payment_intents i
      on i.order_id = o.id and i.provider = p.tender and coalesce(i.transaction, i.reference) = p.reference
    where true {only}
    union all
    select 'paymentIntents/' || i.id, cast(i.captured as text), coalesce(cast(p.amount as text), 'no payment')
    from orders o
    join payment_intents i on i.order_id = o.id and i.state = 'SUCCEEDED'
    left join payments p
      on p.order_id = o.id and p.tender = i.provider and p.reference = coalesce(i.transaction, i.reference)
    where true {only}
"""

_RETURNED = """
    select 'orders/' || o.id || '/refunds/' || b.refund_id || '/payments/' || b.payment, cast(b.amount as text),
           cast(f.amount as text)
    from orders o
    join refund_payments b on b.order_id = o.id
    join provider_refunds f on f.refund_id = b.refund_id and f.position = b.payment
    where true {only}
"""

# What exchanges passed on is what it paid for, and what that gave back has come back.
_EXCHANGED = """
    select 'orders/' || o.id || '/payments/' || p.position,
           coalesce(given.credit, 0) || ', ' || coalesce(back.credit, 0) || ' back',
           p.amount || ', ' || p.refunded || ' back'
    from orders o
    join payments p on p.order_id = o.id and p.tender = 'EXCHANGE'
    left join refunds given
      on given.id = cast(split_part(p.reference, '/', 4) as uuid) and given.replacement = o.id
    left join lateral (
        select -sum(r.credit) as credit from refunds r
        where r.order_id = given.order_id and r.replacement = o.id and r.credit < 0 and r.note = p.reference
    ) back on true
    where true {only}
    union all
    select 'orders/' || o.id || '/refunds/' || r.id, cast(r.credit as text),
           coalesce(cast(p.amount as text), 'no payment')
    from orders o
    join refunds r on r.order_id = o.id and r.credit > 0
    left join payments p
      on p.tender = 'EXCHANGE' and p.order_id = r.replacement
     and p.reference = 'orders/' || r.order_id || '/refunds/' || r.id
    where true {only}
"""

# A union that is grouped, and no full join: then one order is found by indexes. What an order
# claims becomes less when promised units are refunded, but never less than what is not refunded.
_STOCK = f"""
    select 'orders/' || o.id || '/products/' || u.product_id,
           case when o.state = 'PENDING_PAYMENT' then u.wanted else u.waiting end || ' held, '
           || case when not {_PAID} then 0
                   when o.awaiting and o.state = 'REFUNDED' then u.claimed - u.waiting
                   when o.awaiting then greatest(u.claimed, u.wanted - u.refunded) - u.waiting
                   else u.wanted - u.waiting end || ' taken, ' || least(u.back, u.taken) || ' back',
           u.held || ' held, ' || u.taken || ' taken, ' || u.back || ' back'
    from orders o
    join (
        select order_id, product_id, sum(wanted) as wanted, sum(waiting) as waiting, sum(held) as held,
               sum(taken) as taken, sum(back) as back, sum(refunded) as refunded, sum(claimed) as claimed
        from (
            select l.order_id, l.product_id, l.quantity as wanted, l.refunded_quantity as refunded, 0 as waiting,
                   0 as claimed, 0 as held, 0 as taken, 0 as back
            from order_lines l where l.product_id is not null and l.components = '[]'
            union all
            select l.order_id, cast(part.value ->> 0 as uuid), l.quantity * cast(part.value ->> 1 as bigint),
                   l.refunded_quantity * cast(part.value ->> 1 as bigint), 0, 0, 0, 0, 0
            from order_lines l cross join jsonb_array_elements(l.components) as part (value)
            union all
            select order_id, product_id, 0, 0, units, 0, 0, 0, 0 from backorders
            union all
            select order_id, product_id, 0, 0, 0,
                   case when kind in ('RESERVED', 'RELEASED') then reserved + backordered else 0 end,
                   reserved + backordered,
                   case when kind in ('COMMITTED', 'FILLED') then -on_hand else 0 end,
                   case when kind = 'RETURNED' then on_hand else 0 end
            from stock_movements where order_id is not null
        ) each
        group by order_id, product_id
    ) u on u.order_id = o.id
    where not o.imported and not o.backordered {{only}}
"""  # noqa: S608 - constants

_PRESALES = """
    select 'presales/' || p.id, cast(coalesce(s.units, 0) as text), cast(p.taken as text)
    from presales p
    left join (
        select presale_id, sum(quantity) as units from presale_orders
        where state in ('RESERVED', 'DEPOSITED', 'PAID') group by presale_id
    ) s on s.presale_id = p.id
"""

_QUOTAS = """
    select 'flashSales/' || s.id, cast(s.quota as text), cast(coalesce(b.quota, 0) as text)
    from flash_sales s
    left join (select sale_id, sum(quota) as quota from flash_sale_buckets group by sale_id) b on b.sale_id = s.id
    union all
    select 'flashSales/' || b.sale_id || '/buckets/' || b.number,
           b.quota || ' in all, ' || coalesce(u.held, 0) || ' held, ' || coalesce(u.sold, 0) || ' sold',
           b.free + b.held + b.sold + b.returned || ' in all, ' || b.held || ' held, ' || b.sold || ' sold'
    from flash_sale_buckets b
    join flash_sales s on s.id = b.sale_id and s.ending is null
    left join (
        select sale_id, bucket, count(*) filter (where not paid) as held, count(*) filter (where paid) as sold
        from flash_sale_units group by sale_id, bucket
    ) u on u.sale_id = b.sale_id and u.bucket = b.number
"""

_UNITS = f"""
    select 'orders/' || o.id || '/units/' || u.n,
           case when {_PAID} then 'sold' when o.state = 'CANCELLED' then 'free' else 'held' end,
           case when u.paid then 'sold' else 'held' end
    from orders o
    join flash_sale_units u on u.order_id = o.id
    where true {{only}}
"""  # noqa: S608 - constants

_CHECKOUTS = """
    select 'orders/' || c.order_id, 'ended',
           case when c.state = 'PLACED' and o.id is null then 'PLACED without an order'
                when c.state in ('OPEN', 'ABANDONED')
                     and c.open_time < cast(:now as timestamptz) - interval '10 minutes'
                then c.state else 'ended' end
    from checkouts c
    left join orders o on o.id = c.order_id
    where c.pays is null {only}
"""

# Of attempts to pay an order that was there: what is held for them is in its payments, or pays it as points; of the
# latest, if one of them brought the order back with everything that it had.
_TENDERED = """
    select 'checkouts/' || c.order_id, 'ended',
           case when c.state = 'PLACED' and exists (
                    select from checkout_steps s
                    where s.order_id = c.order_id and s.kind <> 'COUPONS' and s.hold is distinct from o.hold
                      and not exists (select from checkouts later where later.pays = c.pays and later.state = 'PLACED'
                                      and later.intent_id is not null and later.open_time > c.open_time)
                      and not exists (select from payments p where p.order_id = o.id and p.reference = s.hold))
                then 'PLACED without an effect'
                when c.state in ('OPEN', 'ABANDONED')
                     and c.open_time < cast(:now as timestamptz) - interval '10 minutes'
                then c.state else 'ended' end
    from checkouts c
    left join orders o on o.id = c.pays
    where c.pays is not null {only}
"""

_OVERDUE = """
    select 'orders/' || o.id, 'ended',
           case when o.expire_time < cast(:now as timestamptz) - interval '1 hour' then o.state else 'ended' end
    from orders o
    where o.state = 'PENDING_PAYMENT' {only}
"""

COMPARISONS: tuple[Comparison, ...] = (
    Comparison(Kind.TOTAL, _TOTAL),
    Comparison(Kind.SHARES, _SHARES),
    Comparison(Kind.DISCOUNT, _DISCOUNT),
    Comparison(Kind.POINTS, _POINTS),
    Comparison(Kind.PAYMENTS, _PAYMENTS),
    Comparison(Kind.REFUNDED, _REFUNDED_ORDERS),
    Comparison(Kind.REFUNDED, _REFUNDED_LINES),
    Comparison(Kind.REFUNDED, _REFUNDED_PAYMENTS),
    Comparison(Kind.REFUNDED, _KEPT),
    Comparison(Kind.PAYOUTS, _PAYOUTS),
    Comparison(Kind.CAPTURED, _CAPTURED),
    Comparison(Kind.RETURNED, _RETURNED),
    Comparison(Kind.EXCHANGED, _EXCHANGED),
    Comparison(Kind.STOCK, _STOCK),
    Comparison(Kind.QUOTA, _QUOTAS, only=""),
    Comparison(Kind.QUOTA, _PRESALES, only=""),
    Comparison(Kind.QUOTA, _UNITS),
    Comparison(Kind.CHECKOUT, _CHECKOUTS, only="c.order_id"),
    Comparison(Kind.CHECKOUT, _TENDERED, only="c.pays"),
    Comparison(Kind.OVERDUE, _OVERDUE),
)
