"""What members gave to each other as rows, and the policy that limits it."""

# ruff: noqa: S608 - the statements are put together from constants only

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.page import Page
from services.members.domain.point_transfer import PointTransfer, Policy
from services.members.domain.programme import DEFAULT

# The default programme's policy is a row of its own table; those of the others are kept by programme.
_OWN, _OTHERS = "point_transfer_policy", "programme_transfer_policies"
_COLUMNS = "daily_limit, minimum, update_time, version"
_SET = "daily_limit = :daily_limit, minimum = :minimum, update_time = cast(:update_time as timestamptz)"
_READ = {
    True: text(f"select {_COLUMNS}, '{DEFAULT}' from {_OWN} where :programme = '{DEFAULT}'"),
    False: text(f"select {_COLUMNS}, programme from {_OTHERS} where programme = :programme"),
}
_LOCK = {own: text(f"{query} for update") for own, query in _READ.items()}
_SAVE = {
    True: text(f"update {_OWN} set {_SET}, version = :version where :programme = '{DEFAULT}'"),
    False: text(f"update {_OTHERS} set {_SET}, version = :version where programme = :programme"),
}
_BEGIN = text(f"""
    insert into {_OTHERS} (programme, {_COLUMNS})
    values (:programme, :daily_limit, :minimum, cast(:update_time as timestamptz), :version) on conflict do nothing
""")

_GIVEN = text("""
    select member, sum(points) from point_transfers
    where member = any(cast(:members as uuid[])) and day = :day and programme = :programme group by member
""")

_PAGE = text("""
    select id, member, recipient, points, day, create_time, programme from point_transfers
    where member = :member and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")

_ADD = text("""
    insert into point_transfers (id, member, recipient, points, day, create_time, programme)
    select * from unnest(cast(:ids as uuid[]), cast(:members as uuid[]), cast(:recipients as uuid[]),
                         cast(:points as bigint[]), cast(:days as text[]), cast(:times as timestamptz[]),
                         cast(:programmes as text[]))
""")


class PointTransferStore:
    """Keeps transfers and their policies. Whoever adds one has locked both members' wallets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def policy(self, programme: str) -> Policy | None:
        """The policy for points of a programme, if somebody has made one."""
        row = self._connection.execute(_READ[programme == DEFAULT], {"programme": programme}).one_or_none()
        return None if row is None else Policy(*row)

    def lock_policy(self, first: Policy) -> Policy:
        """The policy of its programme, or this one if there was none, locked until the end of the transaction."""
        own = first.programme == DEFAULT
        if not own:
            self._connection.execute(_BEGIN, _values(first))
        return Policy(*self._connection.execute(_LOCK[own], {"programme": first.programme}).one())

    def save_policy(self, policy: Policy) -> None:
        """Keep a changed policy."""
        self._connection.execute(_SAVE[policy.programme == DEFAULT], _values(policy))

    def given(self, members: Collection[UUID], day: str, programme: str) -> dict[UUID, int]:
        """How many points of a programme members have given away in a day; who gave none is missing."""
        query = {"members": list(members), "day": day, "programme": programme}
        return {member: int(points) for member, points in self._connection.execute(_GIVEN, query).all()}

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
                "programmes": [each.programme for each in transfers],
            },
        )


def _values(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in policy.__slots__}
