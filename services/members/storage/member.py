"""Members and their identifiers as rows. What is personal is sealed; an identifier is stored as its keyed hash."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.sql.elements import TextClause

from kit.idempotency import Raced
from kit.org import condition
from kit.page import Page
from kit.vault import Vault, WrappedKey
from services.members.domain.loyalty_card import LoyaltyCard
from services.members.domain.member import Identifier, Member, Profile
from services.members.storage import person
from services.members.storage.person import Sealed

_FIND = text("""
    select i.kind, i.channel, i.value, coalesce(m.merged_into, m.id) from identifiers i
    join unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[])) as k (kind, channel, value)
        using (kind, channel, value)
    join members m on m.id = i.member
""")

# ruff: noqa: S608 - the statements are put together from constants only
_MEMBERS = """
    select m.id, m.merged_into, m.absorbs, m.home_store, m.org, m.tags, m.enroll_time, m.create_time, m.update_time,
           m.version, m.erase_time, m.sealed, k.key_id, k.wrapped
    from members m left join member_keys k on k.member = m.id
"""
_READ = text(f"""
    with asked as (
        select id as asked, coalesce(merged_into, id) as root from members where id = any(cast(:ids as uuid[]))
    )
    {_MEMBERS.replace("select", "select a.asked,", 1)} join asked a on a.root = m.id
""")
_MERGED = text(f"{_MEMBERS} where m.merged_into = any(cast(:ids as uuid[])) order by m.id")
_LOCK = text("""
    select id from members
    where id = any(array(select coalesce(merged_into, id) from members where id = any(cast(:ids as uuid[]))))
    order by id for update
""")
_BEFORE = "m.id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
_PRESENT = "m.erase_time is null and m.merged_into is null"
# In the words of the partial indexes, or they would not be used.
_TAGGED = "m.tags <> '{}' and m.tags @> array[cast(:tag as text)]"

_ADD = text("""
    insert into members (id, display_name, home_store, org, enroll_time, create_time, update_time, version, sealed,
                         birth_digest, lookup_keys)
    select m.id, '', m.home_store, m.org, m.enroll_time, m.create_time, m.update_time, m.version, m.sealed,
           m.birth_digest, cast(:lookup_keys as text[])
    from unnest(
        cast(:ids as uuid[]), cast(:home_stores as text[]), cast(:orgs as text[]), cast(:enroll_times as timestamptz[]),
        cast(:create_times as timestamptz[]), cast(:update_times as timestamptz[]), cast(:versions as bigint[]),
        cast(:sealed as bytea[]), cast(:births as text[]))
        as m (id, home_store, org, enroll_time, create_time, update_time, version, sealed, birth_digest)
""")

_ADD_KEYS = text("""
    insert into member_keys (member, key_id, wrapped)
    select * from unnest(cast(:ids as uuid[]), cast(:key_ids as text[]), cast(:wrapped as bytea[]))
""")

_SAVE = text("""
    update members m
    set display_name = '', home_store = n.home_store, org = n.org, update_time = n.update_time, version = n.version,
        sealed = n.sealed, birth_digest = n.birth_digest, tags = array(select jsonb_array_elements_text(n.tags)),
        erase_time = n.erase_time,
        lookup_keys = array(select key from unnest(m.lookup_keys) key where key = any(cast(:lookup_keys as text[])))
    from unnest(cast(:ids as uuid[]), cast(:home_stores as text[]), cast(:orgs as text[]),
                cast(:update_times as timestamptz[]), cast(:versions as bigint[]), cast(:sealed as bytea[]),
                cast(:births as text[]), cast(cast(:tags as text[]) as jsonb[]), cast(:erase_times as timestamptz[]))
        as n (id, home_store, org, update_time, version, sealed, birth_digest, tags, erase_time)
    where m.id = n.id
""")

_KEYS = text("select member, key_id, wrapped from member_keys where member = any(cast(:ids as uuid[]))")
# All that leads to them goes, too, whichever look-up keys it was hashed by.
_DESTROY = text("""
    with leads as (delete from identifiers where member = any(cast(:ids as uuid[])))
    delete from member_keys where member = any(cast(:ids as uuid[]))
""")

_FORGET = text("""
    delete from identifiers i
    using unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[]), cast(:members as uuid[]))
        as k (kind, channel, value, member)
    where (i.kind, i.channel, i.value, i.member) = (k.kind, k.channel, k.value, k.member)
""")

_CLAIM = text("""
    insert into identifiers (kind, channel, value, member)
    select * from unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[]),
                         cast(:members as uuid[]))
    on conflict do nothing
""")

_BORN = text("""
    select distinct coalesce(merged_into, id) from members where birth_digest = any(cast(:digests as text[])) order by 1
""")

_ABSORB = text("""
    with kept as (update members set absorbs = true where id = cast(:kept as uuid))
    update members set merged_into = cast(:kept as uuid)
    where id = cast(:gone as uuid) or merged_into = cast(:gone as uuid)
""")

# Those who had been merged into the one that goes back go with it.
_RELEASE = text("""
    with recursive family as (
        select gone from merges where kept = cast(:gone as uuid) and state = 'ACTIVE'
        union
        select m.gone from merges m join family f on m.kept = f.gone where m.state = 'ACTIVE'
    )
    update members set merged_into = case id when cast(:gone as uuid) then null else cast(:gone as uuid) end
    where id = cast(:gone as uuid) or id in (select gone from family)
""")
_ALONE = text("""
    update members m set absorbs = false
    where id = cast(:kept as uuid) and not exists (select 1 from members where merged_into = m.id)
""")


class MemberStore:
    """Keeps members."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._hashes: dict[Identifier, list[Identifier]] = {}

    def find(self, identifiers: Collection[Identifier]) -> dict[Identifier, UUID]:
        """Whose these identifiers are; free ones are missing."""
        if not identifiers:
            return {}
        stored = {each: identifier for identifier in identifiers for each in self._stored(identifier)}
        rows = self._connection.execute(_FIND, _keys(stored)).all()
        return {stored[Identifier(kind, channel, value)]: member for kind, channel, value, member in rows}

    def read(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, without a lock; unknown ones are missing. Who was merged is answered as the other."""
        rows = self._connection.execute(_READ, {"ids": list(members)}).all()
        found = {row.id: self._member(row) for row in rows}
        merged = self._merged(row.id for row in rows if row.absorbs)
        return {row.asked: replace(found[row.id], merged=merged.get(row.id, ())) for row in rows}

    def lock(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, locked until the end of the transaction."""
        if not members:
            return {}
        while True:
            locked = set(self._connection.execute(_LOCK, {"ids": list(members)}).scalars())
            # A second statement, for only that sees what was committed while the first one waited.
            found = self.read(members)
            if locked.issuperset(member.id for member in found.values()):  # else one was merged meanwhile
                return found

    def page(self, page: Page, *, tag: str = "", org: str = "") -> list[Member]:
        """Members before a position, the newest first, of a tag and a part of the organisation."""
        before = UUID(page.after[0]) if page.after else None
        given = {name: value for name, value in (("tag", tag), ("org", org)) if value}
        query = {"before": before, "limit": page.fetch, **given}
        rows = self._connection.execute(_page(*given), query).all()
        merged = self._merged(row.id for row in rows if row.absorbs)
        return [replace(self._member(row), merged=merged.get(row.id, ())) for row in rows]

    def born_on(self, days: Collection[str]) -> list[UUID]:
        """Who has a birthday on one of the days, each as `02-28`."""
        digests = [digest for day in days for digest in person.birth_digests(self._vault, day)]
        return list(self._connection.execute(_BORN, {"digests": digests}).scalars())

    def absorb(self, gone: UUID, kept: UUID) -> None:
        """From now on the one stands for the other. Both are locked."""
        self._connection.execute(_ABSORB, {"gone": gone, "kept": kept})

    def release(self, gone: UUID, kept: UUID) -> None:
        """The member stands for itself again. The merge has been kept as undone before."""
        self._connection.execute(_RELEASE, {"gone": gone})
        self._connection.execute(_ALONE, {"kept": kept})

    def add(self, members: Sequence[Member]) -> None:
        """Keep new members. Raises `Raced` when an identifier was taken meanwhile."""
        sealed = [person.seal(self._vault, member) for member in members]
        self._connection.execute(
            _ADD,
            {
                **self._columns(members, sealed),
                "enroll_times": [member.enroll_time for member in members],
                "create_times": [member.create_time for member in members],
            },
        )
        self._add_keys([member.id for member in members], sealed)
        self._claim((identifier, member.id) for member in members for identifier in member.identifiers())

    def save(self, changes: Sequence[tuple[Member, Member]]) -> None:
        """Keep changed members, each given as it was and as it is. Raises `Raced` as `add` does.

        The key of who was erased is destroyed.
        """
        if not changes:
            return
        members = [after for _, after in changes]
        stored = self._stored_keys([member.id for member in members])
        sealed = [
            person.seal(self._vault, member, stored.get(member.id)) if member.erase_time is None else None
            for member in members
        ]
        self._connection.execute(
            _SAVE,
            {
                **self._columns(members, sealed),
                "tags": [json.dumps(member.tags) for member in members],
                "erase_times": [member.erase_time for member in members],
            },
        )
        erased = [member.id for member in members if member.erase_time is not None]
        if erased:
            self._connection.execute(_DESTROY, {"ids": erased})
        gone: list[tuple[Identifier, UUID]] = []
        new: list[tuple[Identifier, UUID]] = []
        for before, after in changes:
            was, becomes = before.identifiers(), after.identifiers()
            gone += [(identifier, after.id) for identifier in was - becomes]
            new += [(identifier, after.id) for identifier in becomes - was]
        if gone:
            self._connection.execute(_FORGET, self._rows(gone))
        self._claim(new)

    def _merged(self, members: Iterable[UUID]) -> dict[UUID, tuple[Member, ...]]:
        """Who was merged into these members."""
        asked = list(members)
        found: dict[UUID, tuple[Member, ...]] = {}
        for row in self._connection.execute(_MERGED, {"ids": asked}).all() if asked else ():
            found[row.merged_into] = (*found.get(row.merged_into, ()), self._member(row))
        return found

    def _claim(self, owned: Iterable[tuple[Identifier, UUID]]) -> None:
        """Enter identifiers in sorted order, so that two transactions can't wait for each other."""
        rows = self._rows(owned)
        if rows["members"] and self._connection.execute(_CLAIM, rows).rowcount != len(rows["members"]):
            raise Raced

    def _rows(self, owned: Iterable[tuple[Identifier, UUID]]) -> dict[str, list[Any]]:
        """What leads to members, as it is stored, in order."""
        ordered = sorted((each, member) for identifier, member in owned for each in self._stored(identifier))
        return _keys(identifier for identifier, _ in ordered) | {"members": [member for _, member in ordered]}

    def _stored(self, identifier: Identifier) -> list[Identifier]:
        """What the identifier is stored as."""
        stored = self._hashes.get(identifier)
        if stored is None:
            stored = self._hashes[identifier] = person.stored(self._vault, identifier)
        return stored

    def _stored_keys(self, members: Collection[UUID]) -> dict[UUID, WrappedKey]:
        rows = self._connection.execute(_KEYS, {"ids": list(members)}).all()
        return {member: WrappedKey(key_id, bytes(wrapped)) for member, key_id, wrapped in rows}

    def _add_keys(self, ids: Sequence[UUID], sealed: Sequence[Sealed]) -> None:
        self._connection.execute(
            _ADD_KEYS,
            {
                "ids": list(ids),
                "key_ids": [each.key.key_id for each in sealed],
                "wrapped": [each.key.wrapped for each in sealed],
            },
        )

    def _columns(self, members: Sequence[Member], sealed: Sequence[Sealed | None]) -> dict[str, object]:
        return {
            "ids": [member.id for member in members],
            "home_stores": [member.profile.home_store for member in members],
            "orgs": [member.profile.org for member in members],
            "update_times": [member.update_time for member in members],
            "versions": [member.version for member in members],
            "sealed": [each.text if each else None for each in sealed],
            "lookup_keys": self._vault.lookups,
            "births": [person.birth_digest(self._vault, member.profile.birthday) for member in members],
        }

    def _member(self, row: Row[Any]) -> Member:
        profile, cards = Profile(), cast("tuple[LoyaltyCard, ...]", ())
        if row.sealed is not None and row.wrapped is not None:
            key = WrappedKey(row.key_id, bytes(row.wrapped))
            profile, cards = person.unseal(self._vault, row.id, Sealed(bytes(row.sealed), key))
        return Member(
            row.id,
            replace(profile, home_store=row.home_store, org=row.org),
            row.enroll_time,
            row.create_time,
            row.update_time,
            row.version,
            cards,
            tuple(row.tags),
            row.erase_time,
        )


@lru_cache
def _page(*filters: str) -> TextClause:
    clauses = [_BEFORE, _PRESENT, *({"tag": _TAGGED, "org": condition("m.org")}[each] for each in filters)]
    return text(f"{_MEMBERS} where {' and '.join(clauses)} order by m.id desc limit :limit")


def _keys(identifiers: Iterable[Identifier]) -> dict[str, list[Any]]:
    columns = list(zip(*identifiers, strict=True)) or [(), (), ()]
    return {name: list(column) for name, column in zip(("kinds", "channels", "values"), columns, strict=True)}
