"""Redemptions as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, select, text

from kit import errors
from kit.money import Money
from kit.page import Page
from services.members.domain.redemption import Delivery, Redemption, State
from services.members.domain.reward import Share, Taken
from services.members.storage.tables.mall import redemptions as table

_READ = text("select * from redemptions where id = any(cast(:ids as uuid[]))")

_PAID = text("select payment, id from redemptions where payment = any(cast(:payments as text[]))")

_GIVEN_BACK = text("select refund_payment, id from redemptions where refund_payment = any(cast(:payments as text[]))")

_DUE = text("""
    select id, member from redemptions where state = 'HELD' and expire_time <= cast(:now as timestamptz)
    order by expire_time limit :limit
""")

_REPAID = text("""
    select r.id, r.member from redemptions r
    join purchases p on p.member = r.member and 'orders/' || p."order" = r.payment and p.net = 0
    where r.state = 'CONFIRMED' and r.refusal <> ''
          and not exists (select from redemptions other where other.refund_payment = r.payment)
    order by r.id limit :limit
""")

_WAITING = text("select count(*) from redemptions where state = 'CONFIRMED' and refusal <> ''")

# What a member has of a reward follows from the redemptions themselves, and so survives a merge of members.
_TAKEN = text("""
    select s.reward, s.member, s.day, t.total, t.today
    from unnest(cast(:rewards as uuid[]), cast(:members as uuid[]), cast(:days as text[])) as s (reward, member, day)
    cross join lateral (
        select coalesce(sum(quantity), 0) as total, coalesce(sum(quantity) filter (where r.day = s.day), 0) as today
        from redemptions r
        where r.member = s.member and r.reward = s.reward and r.state in ('HELD', 'CONFIRMED', 'FULFILLED')
    ) t
""")

_ADD = text("""
    insert into redemptions (id, member, reward, quantity, points, cash, currency, hold, day, store, state, payment,
        voucher_code, tracking_number, pickup_store, digest, refund_payment, restocked, create_time, expire_time,
        confirm_time, fulfil_time, end_time, version, programme, refusal)
    select u.*
    from unnest(cast(:id as uuid[]), cast(:member as uuid[]), cast(:reward as uuid[]), cast(:quantity as integer[]),
        cast(:points as bigint[]), cast(:cash as bigint[]), cast(:currency as text[]), cast(:hold as uuid[]),
        cast(:day as text[]), cast(:store as text[]), cast(:state as text[]), cast(:payment as text[]),
        cast(:voucher_code as text[]), cast(:tracking_number as text[]), cast(:pickup_store as text[]),
        cast(:digest as text[]), cast(:refund_payment as text[]), cast(:restocked as boolean[]),
        cast(:create_time as timestamptz[]), cast(:expire_time as timestamptz[]), cast(:confirm_time as timestamptz[]),
        cast(:fulfil_time as timestamptz[]), cast(:end_time as timestamptz[]), cast(:version as bigint[]),
        cast(:programme as text[]), cast(:refusal as text[])) as u
""")

_SAVE = text("""
    update redemptions r set hold = u.hold, state = u.state, payment = u.payment, voucher_code = u.voucher_code,
        tracking_number = u.tracking_number, pickup_store = u.pickup_store, digest = u.digest,
        refund_payment = u.refund_payment, restocked = u.restocked, confirm_time = u.confirm_time,
        fulfil_time = u.fulfil_time, end_time = u.end_time, version = u.version, refusal = u.refusal
    from unnest(cast(:id as uuid[]), cast(:hold as uuid[]), cast(:state as text[]), cast(:payment as text[]),
        cast(:voucher_code as text[]), cast(:tracking_number as text[]), cast(:pickup_store as text[]),
        cast(:digest as text[]), cast(:refund_payment as text[]), cast(:restocked as boolean[]),
        cast(:confirm_time as timestamptz[]), cast(:fulfil_time as timestamptz[]), cast(:end_time as timestamptz[]),
        cast(:version as bigint[]), cast(:refusal as text[]))
        as u (id, hold, state, payment, voucher_code, tracking_number, pickup_store, digest, refund_payment, restocked,
              confirm_time, fulfil_time, end_time, version, refusal)
    where r.id = u.id and r.version < u.version
""")


class RedemptionStore:
    """Keeps redemptions. Whoever changes one has locked its member's wallet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, redemptions: Collection[UUID]) -> dict[UUID, Redemption]:
        """The redemptions with these ids; unknown ones are missing."""
        rows = self._connection.execute(_READ, {"ids": list(redemptions)}).mappings()
        return {row["id"]: _redemption(row) for row in rows}

    def taken(self, shares: Collection[Share]) -> dict[Share, Taken]:
        """What locked members have of rewards, as far as limits count."""
        if not shares:
            return {}
        rewards, members, days = zip(*shares, strict=True)
        columns = {"rewards": list(rewards), "members": list(members), "days": list(days)}
        rows = self._connection.execute(_TAKEN, columns).all()
        return {Share(reward, member, day): Taken(int(total), int(today)) for reward, member, day, total, today in rows}

    def paid(self, payments: Collection[str]) -> dict[str, UUID]:
        """Which redemptions these payments confirmed; new ones are missing."""
        rows = self._connection.execute(_PAID, {"payments": list(payments)}).all()
        return {row[0]: row[1] for row in rows}

    def given_back(self, payments: Collection[str]) -> dict[str, UUID]:
        """For which redemptions these payments gave cash back; new ones are missing."""
        rows = self._connection.execute(_GIVEN_BACK, {"payments": list(payments)}).all()
        return {row[0]: row[1] for row in rows}

    def with_code(self, digest: str) -> Redemption | None:
        """The redemption whose code has this digest, if there is one."""
        return next(iter(self._find(select(table).where(table.c.digest == digest))), None)

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Redemptions that were not paid in time, with their members; the oldest first."""
        return {row.id: row.member for row in self._connection.execute(_DUE, {"now": now, "limit": limit}).all()}

    def repaid(self, limit: int) -> dict[UUID, UUID]:
        """Redemptions that wait for their cash, and were paid by an order that was refunded in full; with members."""
        return {row.id: row.member for row in self._connection.execute(_REPAID, {"limit": limit}).all()}

    def waiting(self) -> int:
        """How many wait for their cash."""
        return int(self._connection.execute(_WAITING).scalar_one())

    def page(
        self, page: Page, *, member: UUID | None = None, reward: UUID | None = None, state: State | None = None
    ) -> list[Redemption]:
        """Redemptions from a position on, the newest first, one more than the page shows."""
        query = select(table).order_by(table.c.id.desc()).limit(page.fetch)
        if page.after is not None:
            query = query.where(table.c.id < UUID(page.after[0]))
        if member is not None:
            query = query.where(table.c.member == member)
        if reward is not None:
            query = query.where(table.c.reward == reward)
        if state is not None:
            query = query.where(table.c.state == state.value)
        return self._find(query)

    def add(self, redemptions: Sequence[Redemption]) -> None:
        """Keep new redemptions."""
        if redemptions:
            self._connection.execute(_ADD, _columns(redemptions))

    def save(self, redemptions: Sequence[Redemption]) -> None:
        """Keep changed redemptions. Raises a Fault when another change came between."""
        if redemptions and self._connection.execute(_SAVE, _columns(redemptions)).rowcount != len(redemptions):
            raise errors.conflict()

    def _find(self, query: Select[Any]) -> list[Redemption]:
        return [_redemption(row) for row in self._connection.execute(query).mappings()]


def _columns(redemptions: Sequence[Redemption]) -> dict[str, list[Any]]:
    rows = [_row(redemption) for redemption in redemptions]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(redemption: Redemption) -> dict[str, Any]:
    cash, delivery = redemption.cash, redemption.delivery
    return {
        "id": redemption.id,
        "member": redemption.member,
        "reward": redemption.reward,
        "quantity": redemption.quantity,
        "points": redemption.points,
        "cash": cash.minor if cash else None,
        "currency": cash.currency if cash else None,
        "hold": redemption.hold,
        "day": redemption.day,
        "store": redemption.store,
        "state": redemption.state.value,
        "payment": redemption.payment or None,
        "voucher_code": delivery.voucher_code,
        "tracking_number": delivery.tracking_number,
        "pickup_store": delivery.pickup_store,
        "digest": delivery.digest or None,
        "refund_payment": redemption.refund_payment or None,
        "restocked": redemption.restocked,
        "create_time": redemption.create_time,
        "expire_time": redemption.expire_time,
        "confirm_time": redemption.confirm_time,
        "fulfil_time": redemption.fulfil_time,
        "end_time": redemption.end_time,
        "version": redemption.version,
        "programme": redemption.programme,
        "refusal": redemption.refusal,
    }


def _redemption(row: RowMapping) -> Redemption:
    return Redemption(
        id=row["id"],
        member=row["member"],
        reward=row["reward"],
        quantity=row["quantity"],
        points=row["points"],
        cash=None if row["cash"] is None else Money(row["cash"], row["currency"]),
        hold=row["hold"],
        day=row["day"],
        store=row["store"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        state=State(row["state"]),
        payment=row["payment"] or "",
        delivery=Delivery(row["voucher_code"], row["tracking_number"], row["pickup_store"], row["digest"] or ""),
        refund_payment=row["refund_payment"] or "",
        restocked=row["restocked"],
        confirm_time=row["confirm_time"],
        fulfil_time=row["fulfil_time"],
        end_time=row["end_time"],
        version=row["version"],
        programme=row["programme"],
        refusal=row["refusal"],
    )
