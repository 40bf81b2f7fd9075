"""Keys of what is personal: wrap them anew under another master key, hash anew by other look-up keys, and seal the rows
of before there were any.

All go in batches, each a transaction of its own, and can be stopped and begun again at any moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.vault import Vault, WrappedKey
from services.members.domain.loyalty_card import LoyaltyCard, issued
from services.members.domain.member import Identifier, Identity, Member, Profile
from services.members.storage import person

_OTHERS = text("""
    select member, key_id, wrapped from member_keys
    where member > coalesce(cast(:after as uuid), '00000000-0000-0000-0000-000000000000') and key_id <> :primary
    order by member limit :limit for update
""")

_REWRAP = text("""
    update member_keys k set key_id = :primary, wrapped = n.wrapped
    from unnest(cast(:members as uuid[]), cast(:wrapped as bytea[])) as n (member, wrapped)
    where k.member = n.member
""")

_PLAIN = text("""
    select m.id, m.display_name, m.enroll_time, m.create_time,
           array(select i.kind from identifiers i where i.member = m.id order by i.kind, i.channel) as kinds,
           array(select i.channel from identifiers i where i.member = m.id order by i.kind, i.channel) as channels,
           array(select i.value from identifiers i where i.member = m.id order by i.kind, i.channel) as texts
    from members m where m.sealed is null and m.erase_time is null
    order by m.id limit :limit for update of m
""")

_SEAL = text("""
    with keys as (
        insert into member_keys (member, key_id, wrapped)
        select id, key_id, wrapped from unnest(cast(:ids as uuid[]), cast(:key_ids as text[]),
                                               cast(:wrapped as bytea[])) as k (id, key_id, wrapped)
    )
    update members m set display_name = '', sealed = n.sealed, lookup_keys = cast(:current as text[])
    from unnest(cast(:ids as uuid[]), cast(:sealed as bytea[])) as n (id, sealed) where m.id = n.id
""")

_FOUND_BY_OTHERS = text("""
    select m.id, m.create_time, m.sealed, k.key_id, k.wrapped
    from members m left join member_keys k on k.member = m.id
    where m.id > coalesce(cast(:after as uuid), '00000000-0000-0000-0000-000000000000')
          and m.lookup_keys <> cast(:current as text[]) and (m.sealed is not null or m.erase_time is not null)
    order by m.id limit :limit for update of m
""")

_UNHASH = text("delete from identifiers where member = any(cast(:ids as uuid[]))")
_HASH = text("""
    insert into identifiers (kind, channel, value, member)
    select * from unnest(cast(:kinds as text[]), cast(:channels as text[]), cast(:values as text[]),
                         cast(:members as uuid[]))
""")
_FOUND = text("""
    update members m set birth_digest = n.birth_digest, lookup_keys = cast(:current as text[])
    from unnest(cast(:ids as uuid[]), cast(:births as text[])) as n (id, birth_digest) where m.id = n.id
""")


def rewrap(connection: Connection, vault: Vault, *, after: UUID | None, limit: int) -> list[UUID]:
    """Wrap keys under the primary master key, those of the members that follow `after`; answers whose.

    Raises Unreadable when the master key of one of them is missing.
    """
    query = {"after": after, "primary": vault.primary, "limit": limit}
    rows = connection.execute(_OTHERS, query).all()
    if rows:
        fresh = [vault.rewrapped(WrappedKey(row.key_id, bytes(row.wrapped)), row.member.bytes) for row in rows]
        connection.execute(
            _REWRAP,
            {
                "primary": vault.primary,
                "members": [row.member for row in rows],
                "wrapped": [key.wrapped for key in fresh],
            },
        )
    return [row.member for row in rows]


def rehash(connection: Connection, vault: Vault, *, after: UUID | None, limit: int) -> list[UUID]:
    """Let members be found by the look-up keys that are current and by no others, those that follow `after`; answers
    whose.

    Raises Unreadable when the master key of one of them is missing.
    """
    query = {"after": after, "current": vault.lookups, "limit": limit}
    rows = connection.execute(_FOUND_BY_OTHERS, query).all()
    if rows:
        members = [_member(vault, row) for row in rows]
        _hash(connection, vault, {member.id: member.identifiers() for member in members})
        births = [person.birth_digest(vault, member.profile.birthday) for member in members]
        found = {"ids": [member.id for member in members], "births": births, "current": vault.lookups}
        connection.execute(_FOUND, found)
    return [row.id for row in rows]


def seal_plain(connection: Connection, vault: Vault, *, limit: int) -> int:
    """Seal members that were enrolled before there were keys; answers how many."""
    members = {row.id: (row, _plain(row)) for row in connection.execute(_PLAIN, {"limit": limit}).all()}
    if not members:
        return 0
    sealed = {key: person.seal(vault, member) for key, (_, member) in members.items()}
    connection.execute(
        _SEAL,
        {
            "ids": list(sealed),
            "key_ids": [each.key.key_id for each in sealed.values()],
            "wrapped": [each.key.wrapped for each in sealed.values()],
            "sealed": [each.text for each in sealed.values()],
            "current": vault.lookups,
        },
    )
    _hash(connection, vault, {key: _identifiers(row) for key, (row, _) in members.items()})
    return len(members)


def _hash(connection: Connection, vault: Vault, leading: Mapping[UUID, Iterable[Identifier]]) -> None:
    """Let these lead to locked members, by the hashes that are current, and nothing else."""
    connection.execute(_UNHASH, {"ids": list(leading)})
    owned = sorted(
        (each, member)
        for member, identifiers in leading.items()
        for identifier in identifiers
        for each in person.stored(vault, identifier)
    )
    connection.execute(
        _HASH,
        {
            "kinds": [each.kind for each, _ in owned],
            "channels": [each.channel for each, _ in owned],
            "values": [each.value for each, _ in owned],
            "members": [member for _, member in owned],
        },
    )


def _member(vault: Vault, row: Row[Any]) -> Member:
    """As much of a member as leads to it; nothing does to who was erased."""
    profile, cards = Profile(), cast("tuple[LoyaltyCard, ...]", ())
    if row.sealed is not None and row.wrapped is not None:
        key = WrappedKey(row.key_id, bytes(row.wrapped))
        profile, cards = person.unseal(vault, row.id, person.Sealed(bytes(row.sealed), key))
    return Member(row.id, profile, row.create_time, row.create_time, row.create_time, cards=cards)


def _identifiers(row: Row[Any]) -> list[Identifier]:
    return [Identifier(*each) for each in zip(row.kinds, row.channels, row.texts, strict=True)]


def _plain(row: Row[Any]) -> Member:
    found = _identifiers(row)
    contacts = {identifier.kind: identifier.value for identifier in found}
    card = contacts.get("card", "")
    profile = Profile(
        display_name=row.display_name,
        phone=contacts.get("phone", ""),
        email=contacts.get("email", ""),
        card_number=card,
        identities=tuple(sorted(Identity(each.channel, each.value) for each in found if each.kind == "external")),
    )
    cards = issued((), card, row.create_time) if card else ()
    return Member(row.id, profile, row.enroll_time, row.create_time, row.create_time, cards=cards)
