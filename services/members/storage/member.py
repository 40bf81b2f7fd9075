"""Members and their identifiers as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.idempotency import Raced
from kit.page import Page
from services.members.domain.member import Identifier, Identity, Member, Profile

_FIND = text("""
    select i.kind, i.channel, i.value, i.member from identifiers i
    join unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[])) as k (kind, channel, value)
        using (kind, channel, value)
""")

_COLUMNS = "m.id, m.display_name, m.home_store, m.enroll_time, m.create_time, m.update_time, m.version"
_IDENTIFIERS = """
    array(select i.kind from identifiers i where i.member = m.id order by i.kind, i.channel) as kinds,
    array(select i.channel from identifiers i where i.member = m.id order by i.kind, i.channel) as channels,
    array(select i.value from identifiers i where i.member = m.id order by i.kind, i.channel) as texts
"""
_READ = text(f"select {_COLUMNS}, {_IDENTIFIERS} from members m where m.id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants only
_LOCK = text("select id from members where id = any(cast(:ids as uuid[])) order by id for update")
_PAGE = text(f"""
    select {_COLUMNS}, {_IDENTIFIERS} from members m
    where m.id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by m.id desc limit :limit
""")  # noqa: S608 - constants only

_ADD = text("""
    insert into members (id, display_name, home_store, enroll_time, create_time, update_time, version)
    select * from unnest(
        cast(:ids as uuid[]), cast(:display_names as text[]), cast(:home_stores as text[]),
        cast(:enroll_times as timestamptz[]), cast(:create_times as timestamptz[]),
        cast(:update_times as timestamptz[]), cast(:versions as bigint[]))
""")

_SAVE = text("""
    update members m
    set display_name = n.display_name, home_store = n.home_store, update_time = n.update_time, version = n.version
    from unnest(cast(:ids as uuid[]), cast(:display_names as text[]), cast(:home_stores as text[]),
                cast(:update_times as timestamptz[]), cast(:versions as bigint[]))
        as n (id, display_name, home_store, update_time, version)
    where m.id = n.id
""")

_FORGET = text("""
    delete from identifiers i
    using unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[])) as k (kind, channel, value)
    where (i.kind, i.channel, i.value) = (k.kind, k.channel, k.value)
""")

_CLAIM = text("""
    insert into identifiers (kind, channel, value, member)
    select * from unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[]),
                         cast(:members as uuid[]))
    on conflict do nothing
""")


class MemberStore:
    """Keeps members."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, identifiers: Collection[Identifier]) -> dict[Identifier, UUID]:
        """Whose these identifiers are; free ones are missing."""
        if not identifiers:
            return {}
        rows = self._connection.execute(_FIND, _keys(identifiers)).all()
        return {Identifier(kind, channel, value): member for kind, channel, value, member in rows}

    def read(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, without a lock; unknown ones are missing."""
        return {row.id: _member(row) for row in self._connection.execute(_READ, {"ids": list(members)}).all()}

    def lock(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, locked until the end of the transaction."""
        if not members:
            return {}
        self._connection.execute(_LOCK, {"ids": list(members)})
        # A second statement, for only that sees the identifiers that were committed while the first one waited.
        return self.read(members)

    def page(self, page: Page) -> list[Member]:
        """Members before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        return [_member(row) for row in self._connection.execute(_PAGE, {"before": before, "limit": page.fetch}).all()]

    def add(self, members: Sequence[Member]) -> None:
        """Keep new members. Raises `Raced` when an identifier was taken meanwhile."""
        self._connection.execute(
            _ADD,
            {
                **_columns(members),
                "enroll_times": [member.enroll_time for member in members],
                "create_times": [member.create_time for member in members],
            },
        )
        self._claim((identifier, member.id) for member in members for identifier in member.profile.identifiers())

    def save(self, changes: Sequence[tuple[Member, Member]]) -> None:
        """Keep changed members, each given as it was and as it is. Raises `Raced` as `add` does."""
        if not changes:
            return
        self._connection.execute(_SAVE, _columns([after for _, after in changes]))
        gone: list[Identifier] = []
        new: list[tuple[Identifier, UUID]] = []
        for before, after in changes:
            was, becomes = before.profile.identifiers(), after.profile.identifiers()
            gone += was - becomes
            new += [(identifier, after.id) for identifier in becomes - was]
        if gone:
            self._connection.execute(_FORGET, _keys(gone))
        self._claim(new)

    def _claim(self, owned: Iterable[tuple[Identifier, UUID]]) -> None:
        """Enter identifiers in sorted order, so that two transactions can't wait for each other."""
        ordered = sorted(owned)
        if not ordered:
            return
        columns = _keys([identifier for identifier, _ in ordered]) | {"members": [member for _, member in ordered]}
        if self._connection.execute(_CLAIM, columns).rowcount != len(ordered):
            raise Raced


def _keys(identifiers: Collection[Identifier]) -> dict[str, object]:
    return {
        "kinds": [identifier.kind for identifier in identifiers],
        "channels": [identifier.channel for identifier in identifiers],
        "values": [identifier.value for identifier in identifiers],
    }


def _columns(members: Sequence[Member]) -> dict[str, object]:
    return {
        "ids": [member.id for member in members],
        "display_names": [member.profile.display_name for member in members],
        "home_stores": [member.profile.home_store for member in members],
        "update_times": [member.update_time for member in members],
        "versions": [member.version for member in members],
    }


def _member(row: Row[tuple[object, ...]]) -> Member:
    found = [Identifier(*each) for each in zip(row.kinds, row.channels, row.texts, strict=True)]
    contacts = {identifier.kind: identifier.value for identifier in found}
    profile = Profile(
        display_name=row.display_name,
        phone=contacts.get("phone", ""),
        email=contacts.get("email", ""),
        card_number=contacts.get("card", ""),
        home_store=row.home_store,
        identities=tuple(sorted(Identity(each.channel, each.value) for each in found if each.kind == "external")),
    )
    return Member(row.id, profile, row.enroll_time, row.create_time, row.update_time, row.version)
