"""Checkouts and their steps: one open attempt per request at most, each ended once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select, text, tuple_

from kit.money import Money
from kit.page import Page
from services.orders.domain.checkout import Attempt, CheckoutState, Step, StepKind, StepState
from services.orders.storage import parts
from services.orders.storage.tables.checkouts import checkouts

_COLUMNS = """order_id, open_time, hold_until, member_id, store, state, reason, rounds, drive_time, update_time,
              end_time, pays, intent_id"""

# The update changes nothing; it makes the row that is there the answer, and locks it.
_OPEN = text(f"""
    insert into checkouts (request_key, {_COLUMNS})
    values (:request_key, :order_id, cast(:open_time as timestamptz), cast(:hold_until as timestamptz), :member,
            :store, 'OPEN', '', 0, cast(:drive_time as timestamptz), cast(:open_time as timestamptz), null, :pays,
            :intent)
    on conflict (request_key) where state = 'OPEN' do update set request_key = excluded.request_key
    returning {_COLUMNS}
""")  # noqa: S608 - constants only

_LOCK_OPEN = text("""
    select order_id from checkouts where order_id = any(cast(:ids as uuid[])) and state = 'OPEN'
    order by order_id for update
""")

_PLACE = text("""
    update checkouts set state = 'PLACED', drive_time = null, end_time = cast(:now as timestamptz),
           update_time = cast(:now as timestamptz)
    where order_id = any(cast(:ids as uuid[])) and state = 'OPEN'
""")

_LOCK = text(f"select {_COLUMNS} from checkouts where order_id = :order_id for update")  # noqa: S608 - constants only
_GET = text(f"""
    select {_COLUMNS} from checkouts where order_id = :order_id
    union all select {_COLUMNS} from checkouts where pays = :order_id
    order by open_time desc limit 1
""")  # noqa: S608 - constants only

# Whoever reads a due attempt has it until its transaction ends; others pass it over.
_DUE = text(f"""
    select {_COLUMNS} from checkouts
    where state in ('OPEN', 'ABANDONED') and drive_time <= cast(:now as timestamptz)
    order by drive_time limit :limit for update skip locked
""")  # noqa: S608 - constants only

_STEPS = text("""
    select order_id, position, kind, state, coupons, points, amount, currency, hold, renews, answered, attempts,
           releases, reason, ask_time, update_time
    from checkout_steps where order_id = any(cast(:ids as uuid[])) order by order_id, position
""")

_SAVE = text("""
    update checkouts set state = :state, reason = :reason, rounds = :rounds,
           drive_time = cast(:drive_time as timestamptz), update_time = cast(:update_time as timestamptz),
           end_time = cast(:end_time as timestamptz)
    where order_id = :order_id
""")

_SAVE_STEPS = text("""
    insert into checkout_steps (order_id, position, kind, state, coupons, points, amount, currency, hold, renews,
                                answered, attempts, releases, reason, ask_time, update_time)
    select :order_id, s.position, s.kind, s.state, cast(s.coupons as jsonb), s.points, s.amount, s.currency, s.hold,
           s.renews, s.answered, s.attempts, s.releases, s.reason, s.ask_time, s.update_time
    from unnest(cast(:positions as int[]), cast(:kinds as text[]), cast(:states as text[]), cast(:coupons as text[]),
                cast(:points as bigint[]), cast(:amounts as bigint[]), cast(:currencies as text[]),
                cast(:holds as text[]), cast(:renewed as text[]), cast(:answered as boolean[]),
                cast(:attempts as int[]), cast(:releases as int[]), cast(:reasons as text[]),
                cast(:ask_times as timestamptz[]), cast(:update_times as timestamptz[]))
        as s (position, kind, state, coupons, points, amount, currency, hold, renews, answered, attempts, releases,
              reason, ask_time, update_time)
    on conflict (order_id, position) do update
    set state = excluded.state, amount = excluded.amount, currency = excluded.currency, hold = excluded.hold,
        answered = excluded.answered, attempts = excluded.attempts, releases = excluded.releases,
        reason = excluded.reason, ask_time = excluded.ask_time, update_time = excluded.update_time
""")

_UNFINISHED = text("""
    select state, count(*), min(open_time) from checkouts
    where state in ('OPEN', 'ABANDONED') and drive_time is not null group by state
""")

# A part at a time: what is long over is many rows after a flash sale.
_PRUNE = text("""
    delete from checkouts where order_id in (
        select order_id from checkouts
        where open_time < cast(:before as timestamptz)
          and (state in ('PLACED', 'RELEASED') or drive_time is null)
        order by open_time limit :limit for update skip locked)
""")


class CheckoutStore:
    """The attempts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, key: str, attempt: Attempt) -> Attempt:
        """The open attempt of a request, or this new one; nobody else changes it until the transaction ends."""
        parameters = {
            "request_key": key,
            "order_id": attempt.order_id,
            "open_time": attempt.open_time,
            "hold_until": attempt.hold_until,
            "member": attempt.member,
            "store": attempt.store,
            "pays": attempt.pays,
            "intent": attempt.intent,
            "drive_time": attempt.drive_time,
        }
        row = self._connection.execute(_OPEN, parameters).one()
        if UUID(str(row.order_id)) != attempt.order_id:
            return self._whole([row])[0]
        self._save_steps(attempt.order_id, attempt.steps)
        return attempt

    def lock(self, order_id: UUID) -> Attempt | None:
        """An attempt that nobody else changes until the transaction ends."""
        attempts = self._whole(self._connection.execute(_LOCK, {"order_id": order_id}).all())
        return attempts[0] if attempts else None

    def get(self, order_id: UUID) -> Attempt | None:
        """An attempt by its own id, or the latest that is about an order."""
        attempts = self._whole(self._connection.execute(_GET, {"order_id": order_id}).all())
        return attempts[0] if attempts else None

    def due(self, now: datetime, limit: int) -> list[Attempt]:
        """Unfinished attempts that nobody goes on with, the longest waiting first; locked, those that others lock are
        passed over."""
        return self._whole(self._connection.execute(_DUE, {"now": now, "limit": limit}).all())

    def page(self, state: CheckoutState | None, page: Page, *, org: str = "") -> list[Attempt]:
        """The attempts of a page and one more if there are more, the latest first."""
        statement = select(checkouts).order_by(*_latest(checkouts.c)).limit(page.fetch)
        if state is not None:
            statement = statement.where(checkouts.c.state == state.value)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(checkouts.c.open_time, checkouts.c.order_id) < at)
        if org:
            statement = parts.of_stores(statement, checkouts, org, _latest).limit(page.fetch)
        return self._whole(self._connection.execute(statement).all())

    def save(self, before: Attempt, after: Attempt) -> None:
        """Store what became of a locked attempt."""
        self._connection.execute(
            _SAVE,
            {
                "order_id": after.order_id,
                "state": after.state.value,
                "reason": after.reason,
                "rounds": after.rounds,
                "drive_time": after.drive_time,
                "update_time": after.update_time,
                "end_time": after.end_time,
            },
        )
        self._save_steps(
            after.order_id, [step for step, was in zip(after.steps, before.steps, strict=True) if step != was]
        )

    def lock_open(self, order_ids: Sequence[UUID]) -> set[UUID]:
        """Which of the attempts are still open; nobody else ends them until the transaction ends."""
        rows = self._connection.execute(_LOCK_OPEN, {"ids": sorted(order_ids)})
        return {UUID(str(row[0])) for row in rows}

    def place(self, order_ids: Sequence[UUID], now: datetime) -> None:
        """End attempts as placed."""
        self._connection.execute(_PLACE, {"ids": list(order_ids), "now": now})

    def unfinished(self) -> dict[CheckoutState, tuple[int, datetime]]:
        """How many attempts are not at their end, and since when the oldest is open, by state."""
        return {CheckoutState(row[0]): (row[1], row[2]) for row in self._connection.execute(_UNFINISHED)}

    def prune(self, before: datetime, limit: int) -> None:
        """Forget attempts that ended and are older, some of them at a time."""
        self._connection.execute(_PRUNE, {"before": before, "limit": limit})

    def _save_steps(self, order_id: UUID, steps: Sequence[Step]) -> None:
        if not steps:
            return
        columns = {
            "positions": [step.position for step in steps],
            "kinds": [step.kind.value for step in steps],
            "states": [step.state.value for step in steps],
            "coupons": [json.dumps(step.coupons) for step in steps],
            "points": [step.points for step in steps],
            "amounts": [step.amount.minor if step.amount else None for step in steps],
            "currencies": [step.amount.currency if step.amount else None for step in steps],
            "holds": [step.hold for step in steps],
            "renewed": [step.renews for step in steps],
            "answered": [step.answered for step in steps],
            "attempts": [step.attempts for step in steps],
            "releases": [step.releases for step in steps],
            "reasons": [step.reason for step in steps],
            "ask_times": [step.ask_time for step in steps],
            "update_times": [step.update_time for step in steps],
        }
        self._connection.execute(_SAVE_STEPS, {"order_id": order_id, **columns})

    def _whole(self, rows: Sequence[Any]) -> list[Attempt]:
        if not rows:
            return []
        ids = [UUID(str(row.order_id)) for row in rows]
        steps: dict[UUID, list[Step]] = {order_id: [] for order_id in ids}
        for row in self._connection.execute(_STEPS, {"ids": ids}):
            steps[UUID(str(row.order_id))].append(_step(row))
        return [_attempt(row, steps[order_id]) for order_id, row in zip(ids, rows, strict=True)]


def _latest(columns: Any) -> tuple[ColumnElement[Any], ...]:
    return columns.open_time.desc(), columns.order_id.desc()


def _attempt(row: Any, steps: Sequence[Step]) -> Attempt:
    return Attempt(
        order_id=UUID(str(row.order_id)),
        open_time=row.open_time,
        hold_until=row.hold_until or row.open_time,
        member=UUID(str(row.member_id)) if row.member_id else None,
        steps=tuple(steps),
        state=CheckoutState(row.state),
        reason=row.reason,
        rounds=row.rounds,
        drive_time=row.drive_time,
        update_time=row.update_time,
        end_time=row.end_time,
        store=row.store,
        pays=UUID(str(row.pays)) if row.pays else None,
        intent=UUID(str(row.intent_id)) if row.intent_id else None,
    )


def _step(row: Any) -> Step:
    coupons = row.coupons if isinstance(row.coupons, list) else json.loads(row.coupons)
    return Step(
        position=row.position,
        kind=StepKind(row.kind),
        coupons=tuple(coupons),
        points=row.points,
        amount=None if row.amount is None else Money(row.amount, row.currency),
        state=StepState(row.state),
        hold=row.hold,
        renews=row.renews,
        answered=row.answered,
        attempts=row.attempts,
        releases=row.releases,
        reason=row.reason,
        ask_time=row.ask_time,
        update_time=row.update_time,
    )
