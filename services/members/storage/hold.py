"""Holds as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.money import Money
from services.members.domain.hold import Hold, State
from services.members.domain.points import Part

_READ = text("""
    select id, member, points, value, currency, source, create_time, expire_time, state, confirmed, end_time,
           lots, drawn, returned, programme
    from holds where id = any(cast(:ids as uuid[]))
""")

_DUE = text("""
    select id, member from holds where state = 'ACTIVE' and expire_time <= cast(:now as timestamptz)
    order by expire_time limit :limit
""")

# Arrays of arrays must be of one length each, so the parts of all holds come as one list and are gathered by hold.
_PARTS = """
    parts as (
        select hold, array_agg(lot order by n) as lots, array_agg(points order by n) as drawn
        from unnest(cast(:part_holds as uuid[]), cast(:part_lots as uuid[]), cast(:part_points as bigint[]))
            with ordinality as p (hold, lot, points, n)
        group by hold
    )
"""

_ADD = text(f"""
    with {_PARTS}
    insert into holds (id, member, points, value, currency, source, create_time, expire_time, programme, lots,
                       drawn, state, confirmed)
    select h.*, coalesce(p.lots, '{{}}'), coalesce(p.drawn, '{{}}'), 'ACTIVE', 0
    from unnest(cast(:ids as uuid[]), cast(:members as uuid[]), cast(:points as bigint[]), cast(:values as bigint[]),
                cast(:currencies as text[]), cast(:sources as text[]), cast(:create_times as timestamptz[]),
                cast(:expire_times as timestamptz[]), cast(:programmes as text[])) as h (id)
    left join parts p on p.hold = h.id
""")  # noqa: S608 - constants only

_SAVE = text(f"""
    with {_PARTS}
    update holds h
    set state = e.state, confirmed = e.confirmed, end_time = e.end_time, returned = e.returned,
        lots = coalesce(p.lots, h.lots), drawn = coalesce(p.drawn, h.drawn)
    from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:confirmed as bigint[]),
                cast(:end_times as timestamptz[]), cast(:returned as bigint[]))
            as e (id, state, confirmed, end_time, returned)
        left join parts p on p.hold = e.id
    where h.id = e.id
""")  # noqa: S608 - constants only


class HoldStore:
    """Keeps holds. Whoever changes one has locked its member's wallet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, holds: Collection[UUID]) -> dict[UUID, Hold]:
        """The holds with these ids; unknown ones are missing."""
        found = [_hold(row) for row in self._connection.execute(_READ, {"ids": list(holds)}).all()]
        return {hold.id: hold for hold in found}

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Active holds whose time is over, with their members; the oldest first."""
        return {row.id: row.member for row in self._connection.execute(_DUE, {"now": now, "limit": limit}).all()}

    def add(self, holds: Sequence[Hold]) -> None:
        """Keep new holds."""
        if not holds:
            return
        self._connection.execute(
            _ADD,
            {
                "ids": [hold.id for hold in holds],
                "members": [hold.member for hold in holds],
                "points": [hold.points for hold in holds],
                "values": [hold.value.minor for hold in holds],
                "currencies": [hold.value.currency for hold in holds],
                "sources": [hold.source for hold in holds],
                "create_times": [hold.create_time for hold in holds],
                "expire_times": [hold.expire_time for hold in holds],
                "programmes": [hold.programme for hold in holds],
                **_parts(holds),
            },
        )

    def save(self, holds: Sequence[Hold]) -> None:
        """Keep the ends that holds came to."""
        if not holds:
            return
        self._connection.execute(
            _SAVE,
            {
                "ids": [hold.id for hold in holds],
                "states": [hold.state.value for hold in holds],
                "confirmed": [hold.confirmed for hold in holds],
                "end_times": [hold.end_time for hold in holds],
                "returned": [hold.returned for hold in holds],
                **_parts(holds),
            },
        )


def _hold(row: Row[tuple[object, ...]]) -> Hold:
    return Hold(
        id=row.id,
        member=row.member,
        points=row.points,
        value=Money(row.value, row.currency),
        source=row.source,
        create_time=row.create_time,
        expire_time=row.expire_time,
        state=State(row.state),
        confirmed=row.confirmed,
        end_time=row.end_time,
        parts=tuple(map(Part, row.lots, row.drawn)),
        returned=row.returned,
        programme=row.programme,
    )


def _parts(holds: Sequence[Hold]) -> dict[str, object]:
    return {
        "part_holds": [hold.id for hold in holds for _ in hold.parts],
        "part_lots": [part.lot for hold in holds for part in hold.parts],
        "part_points": [part.points for hold in holds for part in hold.parts],
    }
