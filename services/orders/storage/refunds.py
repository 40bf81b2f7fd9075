"""Refunds and how their money goes back: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Text, Uuid, any_, bindparam, cast, func, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from kit.money import Money
from kit.page import Page
from services.orders.domain.payment import Tender
from services.orders.domain.refund import Payout, PayoutState, Refund, RefundKind, RefundLine, RefundQuery, RefundState
from services.orders.storage import parts
from services.orders.storage.tables.core import refunds

_PAYOUTS = """
    (select cast(json_agg(json_build_array(p.payment, p.tender, p.amount, p.state, p.reference) order by p.payment)
             as text)
     from refund_payments p where p.refund_id = refunds.id)"""
_WHOLE = (*refunds.c, literal_column(_PAYOUTS).label("payouts"))
_IDS = ARRAY(Uuid)
_GET = select(*_WHOLE).where(refunds.c.id == any_(cast(bindparam("ids", type_=_IDS), _IDS)))
_OF_REQUESTS = select(*_WHOLE).where(
    tuple_(refunds.c.order_id, refunds.c.request_id).in_(
        select(
            func.unnest(cast(bindparam("orders", type_=_IDS), _IDS)),
            func.unnest(cast(bindparam("requests", type_=ARRAY(Text)), ARRAY(Text))),
        )
    )
)
_WORTH_AWAITING_GOODS = text("""
    select cast(coalesce(sum(amount + points_value), 0) as bigint) from refunds
    where order_id = :order and state = 'AWAITING_GOODS'
""")
_LOCK = text("select id from refunds where id = any(cast(:ids as uuid[])) order by id for update")

_ADD = text("""
    insert into refunds (id, order_id, request_id, currency, amount, points, points_value, lines, reason, refund_time,
                         kind, state, freight, tax, requested_by, effect_time, replacement, version, restock,
                         credit, note)
    select r.id, r.order_id, r.request_id, r.currency, r.amount, r.points, r.points_value, cast(r.lines as jsonb),
           r.reason, r.refund_time, r.kind, r.state, r.freight, r.tax, r.requested_by, r.effect_time, r.replacement,
           r.version, r.restock, r.credit, r.note
    from unnest(
        cast(:ids as uuid[]), cast(:orders as uuid[]), cast(:requests as text[]), cast(:currencies as text[]),
        cast(:amounts as bigint[]), cast(:points as bigint[]), cast(:values as bigint[]), cast(:lines as text[]),
        cast(:reasons as text[]), cast(:times as timestamptz[]), cast(:kinds as text[]), cast(:states as text[]),
        cast(:freights as bigint[]), cast(:taxes as bigint[]), cast(:requesters as text[]),
        cast(:effects as timestamptz[]), cast(:replacements as uuid[]), cast(:versions as bigint[]),
        cast(:restocking as boolean[]), cast(:credits as bigint[]), cast(:notes as text[])
    ) as r (id, order_id, request_id, currency, amount, points, points_value, lines, reason, refund_time, kind, state,
            freight, tax, requested_by, effect_time, replacement, version, restock, credit, note)
""")

_ADD_PAYOUTS = text("""
    insert into refund_payments (refund_id, payment, order_id, tender, amount, state, reference, update_time)
    select * from unnest(
        cast(:refunds as uuid[]), cast(:payments as int[]), cast(:orders as uuid[]), cast(:tenders as text[]),
        cast(:amounts as bigint[]), cast(:states as text[]), cast(:references as text[]),
        cast(:times as timestamptz[]))
""")

_SAVE = text("""
    update refunds r
    set state = u.state, amount = u.amount, points = u.points, points_value = u.points_value,
        lines = cast(u.lines as jsonb), tax = u.tax, decided_by = u.decided_by, decide_time = u.decide_time,
        note = u.note, effect_time = u.effect_time, version = u.version, credit = u.credit
    from unnest(
        cast(:ids as uuid[]), cast(:states as text[]), cast(:amounts as bigint[]), cast(:points as bigint[]),
        cast(:values as bigint[]), cast(:lines as text[]), cast(:taxes as bigint[]), cast(:deciders as text[]),
        cast(:decide_times as timestamptz[]), cast(:notes as text[]), cast(:effects as timestamptz[]),
        cast(:versions as bigint[]), cast(:credits as bigint[])
    ) as u (id, state, amount, points, points_value, lines, tax, decided_by, decide_time, note, effect_time, version,
            credit)
    where r.id = u.id
""")

_SAVE_PAYOUTS = text("""
    update refund_payments p set state = u.state, reference = u.reference, update_time = cast(:now as timestamptz)
    from unnest(cast(:refunds as uuid[]), cast(:payments as int[]), cast(:states as text[]),
                cast(:references as text[])) as u (refund_id, payment, state, reference)
    where p.refund_id = u.refund_id and p.payment = u.payment
""")
# The note of a credit that came back from a replacement names its exchange; nobody wrote that.
_FORGET = text("""
    update refunds r set reason = '', note = '' from orders o
    where o.id = r.order_id and o.member_id = any(cast(:members as uuid[])) and (r.reason <> '' or r.note <> '')
      and r.credit >= 0
""")


class RefundStore:
    """The refunds of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, made: Sequence[Refund]) -> None:
        """Store new refunds, and how their money goes back."""
        self._connection.execute(_ADD, {**_columns(made), **_fixed_columns(made)})
        self._add_payouts([(refund, payout) for refund in made for payout in refund.payouts])

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Refund]:
        """Those of the refunds that exist."""
        rows = self._connection.execute(_GET, {"ids": list(ids)})
        return {refund.id: refund for refund in map(_refund, rows)}

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Refund]:
        """As `get`; nobody else changes them until the transaction ends."""
        self._connection.execute(_LOCK, {"ids": list(ids)})
        return self.get(ids)

    def save(self, changes: Sequence[tuple[Refund, Refund]], now: datetime) -> None:
        """Store locked refunds as (before, after), and how their money goes back."""
        after = [new for _, new in changes]
        decisions = {
            "deciders": [refund.decided_by for refund in after],
            "decide_times": [refund.decide_time for refund in after],
            "notes": [refund.note for refund in after],
        }
        self._connection.execute(_SAVE, {**_columns(after), **decisions})
        self._add_payouts([(new, payout) for old, new in changes if not old.payouts for payout in new.payouts])
        changed = [
            (new, payout)
            for old, new in changes
            for payout, was in zip(new.payouts, old.payouts, strict=False)
            if payout != was
        ]
        if changed:
            columns = {
                "refunds": [refund.id for refund, _ in changed],
                "payments": [payout.payment for _, payout in changed],
                "states": [payout.state.value for _, payout in changed],
                "references": [payout.reference for _, payout in changed],
                "now": now,
            }
            self._connection.execute(_SAVE_PAYOUTS, columns)

    def of_request(self, order_id: UUID, request_id: str) -> Refund | None:
        """The refund that a request of the order made."""
        query = select(*_WHOLE).where(refunds.c.order_id == order_id, refunds.c.request_id == request_id)
        row = self._connection.execute(query).one_or_none()
        return _refund(row) if row else None

    def cancellation(self, order_id: UUID) -> Refund | None:
        """What the order gave back when it was last given up; nobody else changes it while the order is locked."""
        given = (RefundState.PENDING.value, RefundState.SUCCEEDED.value)
        query = select(*_WHOLE).where(
            refunds.c.order_id == order_id,
            refunds.c.kind == RefundKind.CANCELLATION.value,
            refunds.c.state.in_(given),
        )
        row = self._connection.execute(query).one_or_none()
        return _refund(row) if row else None

    def worth_awaiting_goods(self, order_id: UUID) -> int:
        """What the order's refunds that wait for goods will give back, in minor units, points at their worth."""
        worth: int = self._connection.execute(_WORTH_AWAITING_GOODS, {"order": order_id}).scalar_one()
        return worth

    def of_requests(self, requests: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Refund]:
        """The refunds that requests made, by order and request."""
        columns = {"orders": [order for order, _ in requests], "requests": [request for _, request in requests]}
        rows = self._connection.execute(_OF_REQUESTS, columns)
        return {(found.order, found.request_id): found for found in map(_refund, rows)}

    def page(self, query: RefundQuery, page: Page) -> list[Refund]:
        """The refunds of a page and one more if there are more, the latest first."""
        statement = select(*_WHOLE).order_by(refunds.c.refund_time.desc(), refunds.c.id.desc()).limit(page.fetch)
        if query.order is not None:
            statement = statement.where(refunds.c.order_id == query.order)
        if query.state is not None:
            statement = statement.where(refunds.c.state == query.state.value)
        if query.org:
            self._connection.execute(parts.PLAN_ANEW)
            statement = statement.where(parts.of_order("refunds", query.org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(refunds.c.refund_time, refunds.c.id) < at)
        return [_refund(row) for row in self._connection.execute(statement)]

    def _add_payouts(self, added: Sequence[tuple[Refund, Payout]]) -> None:
        if added:
            self._connection.execute(_ADD_PAYOUTS, _payout_columns(added))

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete why refunds of the orders of members were asked for, and what was said about them."""
        self._connection.execute(_FORGET, {"members": list(members)})


def _fixed_columns(made: Sequence[Refund]) -> dict[str, object]:
    return {
        "orders": [refund.order for refund in made],
        "requests": [refund.request_id or None for refund in made],
        "currencies": [refund.amount.currency for refund in made],
        "reasons": [refund.reason for refund in made],
        "times": [refund.refund_time for refund in made],
        "kinds": [refund.kind.value for refund in made],
        "freights": [refund.freight for refund in made],
        "requesters": [refund.requested_by for refund in made],
        "replacements": [refund.replacement for refund in made],
        "notes": [refund.note for refund in made],
        "restocking": [refund.restock for refund in made],
    }


def _columns(made: Sequence[Refund]) -> dict[str, object]:
    return {
        "ids": [refund.id for refund in made],
        "amounts": [refund.amount.minor for refund in made],
        "points": [refund.points for refund in made],
        "values": [refund.points_value.minor for refund in made],
        "lines": [_lines_json(refund.lines) for refund in made],
        "states": [refund.state.value for refund in made],
        "taxes": [refund.tax for refund in made],
        "effects": [refund.effect_time for refund in made],
        "versions": [refund.version for refund in made],
        "credits": [refund.credit for refund in made],
    }


def _lines_json(lines: Sequence[RefundLine]) -> str:
    return json.dumps([[line.position, line.quantity, line.amount.minor] for line in lines])


def _payout_columns(payouts: Sequence[tuple[Refund, Payout]]) -> dict[str, object]:
    return {
        "refunds": [refund.id for refund, _ in payouts],
        "payments": [payout.payment for _, payout in payouts],
        "orders": [refund.order for refund, _ in payouts],
        "tenders": [payout.tender.value for _, payout in payouts],
        "amounts": [payout.amount.minor for _, payout in payouts],
        "states": [payout.state.value for _, payout in payouts],
        "references": [payout.reference for _, payout in payouts],
        "times": [refund.effect_time or refund.refund_time for refund, _ in payouts],
    }


def _refund(row: Row[*tuple[Any, ...]]) -> Refund:
    return Refund(
        id=row.id,
        order=row.order_id,
        request_id=row.request_id or "",
        lines=tuple(RefundLine(position, units, Money(amount, row.currency)) for position, units, amount in row.lines),
        amount=Money(row.amount, row.currency),
        points=row.points,
        points_value=Money(row.points_value, row.currency),
        reason=row.reason,
        refund_time=row.refund_time,
        kind=RefundKind(row.kind),
        state=RefundState(row.state),
        freight=row.freight,
        tax=row.tax,
        requested_by=row.requested_by,
        decided_by=row.decided_by,
        decide_time=row.decide_time,
        note=row.note,
        effect_time=row.effect_time,
        replacement=row.replacement,
        version=row.version,
        restock=row.restock,
        credit=row.credit,
        payouts=tuple(_payout(row.currency, *payout) for payout in json.loads(row.payouts)) if row.payouts else (),
    )


def _payout(currency: str, payment: int, tender: str, amount: int, state: str, reference: str) -> Payout:
    return Payout(payment, Tender(tender), Money(amount, currency), PayoutState(state), reference)
