"""What members and campaigns told of buyers: the newest version of each subject counts, whatever order it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.price_list import Standing
from services.orders.storage.families import root

_TIERS = text("""
    insert into buyer_tiers (member_id, tier, version)
    select distinct on (member_id) member_id, tier, version
    from unnest(cast(:members as uuid[]), cast(:tiers as text[]), cast(:versions as bigint[]))
        as told (member_id, tier, version)
    order by member_id, version desc
    on conflict (member_id) do update set tier = excluded.tier, version = excluded.version
    where buyer_tiers.version < excluded.version
""")
_SEGMENTS = text("""
    insert into buyer_segments (member_id, segment_id, inside, version)
    select distinct on (member_id, segment_id) member_id, segment_id, inside, version
    from unnest(cast(:members as uuid[]), cast(:segments as uuid[]), cast(:inside as boolean[]),
                cast(:versions as bigint[])) as told (member_id, segment_id, inside, version)
    order by member_id, segment_id, version desc
    on conflict (member_id, segment_id) do update set inside = excluded.inside, version = excluded.version
    where buyer_segments.version < excluded.version
""")
_FORGET = text("""
    with tiers as (delete from buyer_tiers where member_id = any(cast(:members as uuid[])))
    delete from buyer_segments where member_id = any(cast(:members as uuid[]))
""")
_STANDING = text(f"""
    with standing as (select {root("cast(:member as uuid)")} as id)
    select coalesce((select b.tier from buyer_tiers b where b.member_id = s.id), '') as tier,
           array(select b.segment_id from buyer_segments b where b.member_id = s.id and b.inside) as segments
    from standing s
""")  # noqa: S608 - constants


class BuyerStore:
    """The buyers of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell_tiers(self, told: Sequence[tuple[UUID, str, int]]) -> None:
        """Remember the tiers of members, each with the version of what told it."""
        members, tiers, versions = (list(column) for column in zip(*sorted(told), strict=True))
        self._connection.execute(_TIERS, {"members": members, "tiers": tiers, "versions": versions})

    def tell_segments(self, told: Sequence[tuple[UUID, UUID, bool, int]]) -> None:
        """Remember who is in which segment, or not, each with the version of what told it."""
        members, segments, inside, versions = (list(column) for column in zip(*sorted(told), strict=True))
        columns = {"members": members, "segments": segments, "inside": inside, "versions": versions}
        self._connection.execute(_SEGMENTS, columns)

    def forget(self, members: Sequence[UUID]) -> None:
        """Forget all that is known of members."""
        self._connection.execute(_FORGET, {"members": list(members)})

    def standing(self, member: UUID) -> Standing:
        """What is known of whoever stands for a member."""
        row = self._connection.execute(_STANDING, {"member": member}).one()
        return Standing(row.tier, frozenset(UUID(str(segment)) for segment in row.segments))
