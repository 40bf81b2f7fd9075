"""The timeline of an order: one statement over the rows that tell what happened to it anyway."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.page import Page
from services.orders.domain.desk import OrderEvent

# Each part: kind, time, key, actor, subject, detail, text, amount, units. The key's first figures order what happened
# in one transaction.
_PAGE = text("""
    with o as (select * from orders where id = :order), happened as (
        select 'PLACED' as kind, place_time as time, '20' as key, '' as actor, '' as subject,
               case when imported then 'IMPORTED' else '' end as detail, '' as text, total as amount,
               cast(null as bigint) as units
        from o
        union all
        select 'PAID', pay_time, '60', '', '', '', '', total - points_value, null from o where pay_time is not null
        union all
        select 'CANCELLED', cancel_time, '70', '', '', coalesce(cancel_reason, ''), '', null, null
        from o where cancel_time is not null
        union all
        select 'COMPLETED', complete_time, '95', '', '', '', '', null, null from o where complete_time is not null
        union all
        select 'PAYMENT', p.pay_time, '50' || p.position, '', '', p.tender, '', p.amount, null
        from payments p where p.order_id = :order
        union all
        select 'PAYMENT_INTENT', i.create_time, '40' || i.id, '', 'orders/' || i.order_id || '/paymentIntents/' || i.id,
               i.provider, '', i.amount, null
        from payment_intents i where i.order_id = :order
        union all
        select 'PAYMENT_INTENT_ENDED', i.update_time, '41' || i.id, '',
               'orders/' || i.order_id || '/paymentIntents/' || i.id, i.state, '', i.captured, null
        from payment_intents i where i.order_id = :order and i.state <> 'PENDING'
        union all
        select 'REFUND', r.refund_time, '80' || r.id, r.requested_by, 'orders/' || r.order_id || '/refunds/' || r.id,
               r.kind, r.reason, r.amount, null
        from refunds r where r.order_id = :order
        union all
        select 'REFUND_DECIDED', r.decide_time, '81' || r.id, r.decided_by,
               'orders/' || r.order_id || '/refunds/' || r.id,
               case r.state when 'REJECTED' then 'REJECTED' else 'APPROVED' end, r.note, null, null
        from refunds r where r.order_id = :order and r.decide_time is not null
        union all
        select 'REFUND_GIVEN', r.effect_time, '82' || r.id, '', 'orders/' || r.order_id || '/refunds/' || r.id,
               r.kind, '', r.amount, null
        from refunds r where r.order_id = :order and r.effect_time is not null
        union all
        select 'REFUND_PAID_OUT', p.update_time, '83' || p.refund_id || p.payment, '',
               'orders/' || p.order_id || '/refunds/' || p.refund_id, p.tender || ' ' || p.state, '', p.amount, null
        from refund_payments p where p.order_id = :order and p.state <> 'PENDING'
        union all
        select 'STOCK', m.move_time, '30' || lpad(cast(m.id as text), 19, '0'), '',
               'products/' || m.product_id || '/stocks/' || m.location, m.kind, '', null,
               case when m.on_hand <> 0 then m.on_hand when m.reserved <> 0 then m.reserved else m.backordered end
        from stock_movements m where m.order_id = :order
        union all
        select 'CHECKOUT_STEP', s.update_time, '10' || lpad(cast(s.position as text), 9, '0'), '',
               'checkouts/' || s.order_id, s.kind || ' ' || s.state, '', s.amount, null
        from checkout_steps s
        where s.order_id = any(array(select cast(:order as uuid)
                                     union all select c.order_id from checkouts c where c.pays = :order))
        union all
        select a.kind, a.act_time, '90' || a.id, a.actor, a.subject, '', a.text, null, null
        from order_acts a where a.order_id = :order
    )
    select * from happened
    where cast(:before as timestamptz) is null
          or (time, key collate "C") < (cast(:before as timestamptz), cast(:key as text))
    order by time desc, key collate "C" desc limit :limit
""")


class OrderEventStore:
    """The timelines of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, order_id: UUID, page: Page) -> list[OrderEvent]:
        """The events of a page and one more if there are more, the latest first."""
        before, key = (datetime.fromisoformat(page.after[0]), page.after[1]) if page.after else (None, "")
        columns = {"order": order_id, "before": before, "key": key, "limit": page.fetch}
        return [_event(row) for row in self._connection.execute(_PAGE, columns)]


def _event(row: Row[*tuple[Any, ...]]) -> OrderEvent:
    return OrderEvent(
        kind=row.kind,
        time=row.time,
        key=row.key,
        actor=row.actor,
        subject=row.subject,
        detail=row.detail,
        text=row.text,
        amount=row.amount,
        units=row.units,
    )
