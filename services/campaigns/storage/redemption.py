"""Redemptions of coupons as rows: what came of each, and which coupons are its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.campaigns.domain.redemption import Refused, State

_CLAIM = text("""
    insert into redemptions (redemption_id, state, reason, update_time)
    select redemption_id, :state, '', cast(:now as timestamptz) from unnest(cast(:ids as uuid[])) as redemption_id
    on conflict do nothing returning redemption_id
""")

_REVOKE = text("""
    insert into redemptions (redemption_id, state, reason, update_time)
    select redemption_id, :state, '', cast(:now as timestamptz) from unnest(cast(:ids as uuid[])) as redemption_id
    on conflict (redemption_id) do update set state = excluded.state, update_time = excluded.update_time
    where redemptions.state not in ('REVOKING', 'REVOKED')
    returning redemption_id
""")

_REFUSE = text("""
    update redemptions r set state = :state, reason = u.reason
    from unnest(cast(:ids as uuid[]), cast(:reasons as text[])) as u (redemption_id, reason)
    where r.redemption_id = u.redemption_id
""")

_REVOKING = text("""
    select redemption_id from redemptions where state = 'REVOKING'
    order by redemption_id limit :limit for no key update skip locked
""")

_END = text("update redemptions set state = :state where redemption_id = any(cast(:ids as uuid[]))")

_ATTACH = text("""
    insert into redemption_coupons (coupon_id, redemption_id)
    select * from unnest(cast(:coupons as uuid[]), cast(:ids as uuid[]))
""")

_COUPONS = text("""
    select coupon_id, redemption_id from redemption_coupons where redemption_id = any(cast(:ids as uuid[]))
""")

_REVOKED = text("""
    select coupon_id from redemption_coupons join redemptions using (redemption_id)
    where coupon_id = any(cast(:coupons as uuid[])) and state in ('REVOKING', 'REVOKED')
""")


class Redemptions:
    """The stored redemptions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, redemptions: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that redemptions are delivered; answers those of which nothing was kept before."""
        given = {"ids": sorted(redemptions), "state": State.DELIVERED.value, "now": now}
        return set(self._connection.execute(_CLAIM, given).scalars())

    def refuse(self, refused: Sequence[Refused]) -> None:
        """Keep that claimed redemptions can't be delivered."""
        if refused:
            columns = {"ids": [each.redemption for each in refused], "reasons": [each.reason for each in refused]}
            self._connection.execute(_REFUSE, {**columns, "state": State.REFUSED.value})

    def attach(self, coupons: Mapping[UUID, UUID]) -> None:
        """Keep which coupons are of which redemptions."""
        if coupons:
            self._connection.execute(_ATTACH, {"coupons": list(coupons), "ids": list(coupons.values())})

    def revoke(self, redemptions: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that redemptions are taken back; answers those of which that is news, locked."""
        given = {"ids": sorted(redemptions), "state": State.REVOKING.value, "now": now}
        return set(self._connection.execute(_REVOKE, given).scalars())

    def revoking(self, limit: int) -> set[UUID]:
        """Redemptions that orders still have coupons of, locked; those that somebody else works on are left out."""
        return set(self._connection.execute(_REVOKING, {"limit": limit}).scalars())

    def coupons(self, redemptions: Collection[UUID]) -> dict[UUID, UUID]:
        """The coupons of redemptions, each with its redemption."""
        return {row[0]: row[1] for row in self._connection.execute(_COUPONS, {"ids": list(redemptions)})}

    def revoked(self, coupons: Collection[UUID]) -> set[UUID]:
        """Which of the coupons are of redemptions that are taken back."""
        return set(self._connection.execute(_REVOKED, {"coupons": list(coupons)}).scalars())

    def end(self, redemptions: Sequence[UUID]) -> None:
        """Keep that nothing of redemptions is left to be taken back."""
        if redemptions:
            self._connection.execute(_END, {"ids": list(redemptions), "state": State.REVOKED.value})
