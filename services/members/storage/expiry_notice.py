"""How far members were told of points that are about to expire, a row per programme."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

_NOBODY = UUID(int=0)

_BEGIN = text("""
    insert into expiry_notices (programme, expire_time, member)
    values (:programme, cast(:start as timestamptz), cast(:member as uuid)) on conflict do nothing
""")

_CLAIM = text("""
    select expire_time, member from expiry_notices where programme = :programme for update skip locked
""")

_SAVE = text("""
    update expiry_notices set expire_time = cast(:time as timestamptz), member = cast(:member as uuid)
    where programme = :programme
""")


class ExpiryNoticeStore:
    """Keeps the position in the order of expiry up to which members were told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, programme: str, start: datetime) -> tuple[datetime, UUID] | None:
        """The position, locked; None when another replica has it."""
        self._connection.execute(_BEGIN, {"programme": programme, "start": start, "member": _NOBODY})
        row = self._connection.execute(_CLAIM, {"programme": programme}).one_or_none()
        return (row.expire_time, row.member) if row else None

    def save(self, programme: str, position: tuple[datetime, UUID]) -> None:
        """Keep a new position."""
        self._connection.execute(_SAVE, {"programme": programme, "time": position[0], "member": position[1]})
