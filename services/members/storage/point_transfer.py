"""What members gave to each other as rows, and the policy that limits it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from kit.page import Page
from services.members.domain.point_transfer import PointTransfer, Policy

_POLICY = "select daily_limit, minimum, update_time, version from point_transfer_policy"
_READ_POLICY = text(_POLICY)
_LOCK_POLICY = text(f"{_POLICY} for update")
_SAVE_POLICY = text("""
    update point_transfer_policy set daily_limit = :daily_limit, minimum = :minimum,
        update_time = cast(:update_time as timestamptz), version = :version
""")

_GIVEN = text("""
    select member, sum(points) from point_transfers
    where member = any(cast(:members as uuid[])) and day = :day group by member
""")

_PAGE = text("""
    select id, member, recipient, points, day, create_time from point_transfers
    where member = :member and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")

_ADD = text("""
    insert into point_transfers (id, member, recipient, points, day, create_time)
    select * from unnest(cast(:ids as uuid[]), cast(:members as uuid[]), cast(:recipients as uuid[]),
                         cast(:points as bigint[]), cast(:days as text[]), cast(:times as timestamptz[]))
""")


class PointTransferStore:
    """Keeps transfers and their policy. Whoever adds one has locked both members' wallets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def policy(self) -> Policy:
        """The policy."""
        return Policy(*self._connection.execute(_READ_POLICY).one())

    def lock_policy(self) -> Policy:
        """The policy, locked until the end of the transaction."""
        return Policy(*self._connection.execute(_LOCK_POLICY).one())

    def save_policy(self, policy: Policy) -> None:
        """Keep a changed policy."""
        self._connection.execute(
            _SAVE_POLICY,
            {
                "daily_limit": policy.daily_limit,
                "minimum": policy.minimum,
                "update_time": policy.update_time,
                "version": policy.version,
            },
        )

    def given(self, members: Collection[UUID], day: str) -> dict[UUID, int]:
        """How many points members have given away in a day; who gave none is missing."""
        rows = self._connection.execute(_GIVEN, {"members": list(members), "day": day}).all()
        return {member: int(points) for member, points in rows}

    def page(self, member: UUID, page: Page) -> list[PointTransfer]:
        """What a member gave away before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        query = {"member": member, "before": before, "limit": page.fetch}
        return [PointTransfer(*row) for row in self._connection.execute(_PAGE, query).all()]

    def add(self, transfers: Sequence[PointTransfer]) -> None:
        """Keep new transfers."""
        if not transfers:
            return
        self._connection.execute(
            _ADD,
            {
                "ids": [each.id for each in transfers],
                "members": [each.member for each in transfers],
                "recipients": [each.recipient for each in transfers],
                "points": [each.points for each in transfers],
                "days": [each.day for each in transfers],
                "times": [each.create_time for each in transfers],
            },
        )
