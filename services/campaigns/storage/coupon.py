"""Coupons as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, insert, or_, select, text, true
from sqlalchemy import and_ as both

from kit.org import condition
from kit.page import Page
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import Terms
from services.campaigns.storage.coupon_template import terms_of
from services.campaigns.storage.query import newest_first, one_of
from services.campaigns.storage.tables import coupon_templates
from services.campaigns.storage.tables import coupons as table

Pair = tuple[UUID, UUID]
"""A template and a member."""

_SAVE = text("""
    update coupons c set state = u.state, order_id = u.order_id, lock_expire_time = u.lock_expire_time,
                         use_time = u.use_time, expire_time = u.expire_time, version = u.version,
                         checkout_id = u.checkout_id
    from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:orders as uuid[]),
                cast(:lock_expire_times as timestamptz[]), cast(:use_times as timestamptz[]),
                cast(:expire_times as timestamptz[]), cast(:versions as bigint[]), cast(:checkouts as uuid[]))
         as u (id, state, order_id, lock_expire_time, use_time, expire_time, version, checkout_id)
    where c.id = u.id
""")

_WITHIN = f"coupons.template_id in (select t.id from coupon_templates t where {condition('t.org')})"  # noqa: S608 - constants


def _newest_of_each(query: Select[Any], org: str, page: Page) -> Select[Any]:
    """A page of the coupons of a part: of each of its templates the newest, by their index, and of these the newest.

    How many of all coupons a part has can't be told by how many templates it has, and by that the planner would choose
    to go through the coupons of others.
    """
    within = text(condition("part.org")).bindparams(org=org)
    part = coupon_templates.alias("part")
    newest = query.where(table.c.template_id == part.c.id).lateral("newest")
    return (
        select(newest)
        .select_from(part)
        .join(newest, true())
        .where(within)
        .order_by(newest.c.id.desc())
        .limit(page.fetch)
    )


_CAUSED = text("""
    select c.* from coupons c
    join unnest(cast(:templates as uuid[]), cast(:members as uuid[]), cast(:causes as text[]))
         as u (template_id, member_id, cause) using (template_id, member_id, cause)
    where c.cause <> ''
""")

_HELD = text("""
    select template_id, member_id, count(*) from coupons
    join unnest(cast(:templates as uuid[]), cast(:members as uuid[])) as u (template_id, member_id)
         using (template_id, member_id)
    where state <> 'VOID' group by template_id, member_id
""")

_FORGET = text("""
    update coupons set cause = ''
    where (origin_id = any(cast(:members as uuid[]))
           or (member_id = any(cast(:members as uuid[])) and origin_id is null))
      and cause <> '' and cause not like 'automations/%' and cause not like 'members/%'
""")


class Coupons:
    """The stored coupons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, coupons: Sequence[Coupon]) -> None:
        """Store new coupons."""
        if coupons:
            self._connection.execute(insert(table), [_row(coupon) for coupon in coupons])

    def save(self, coupons: Sequence[Coupon]) -> None:
        """Store changed coupons, which must be locked."""
        if not coupons:
            return
        columns = {
            "ids": [coupon.id for coupon in coupons],
            "states": [coupon.state.value for coupon in coupons],
            "orders": [coupon.order for coupon in coupons],
            "lock_expire_times": [coupon.lock_expire_time for coupon in coupons],
            "use_times": [coupon.use_time for coupon in coupons],
            "expire_times": [coupon.expire_time for coupon in coupons],
            "versions": [coupon.version for coupon in coupons],
            "checkouts": [coupon.checkout for coupon in coupons],
        }
        self._connection.execute(_SAVE, columns)

    def find(self, coupon: UUID) -> Coupon | None:
        """A coupon, if there is one."""
        return next(iter(self._read(select(table).where(table.c.id == coupon))), None)

    def lock(self, coupons: Collection[UUID]) -> dict[UUID, Coupon]:
        """The coupons that exist; nobody else changes them until the transaction ends. Locked in sorted order."""
        query = select(table).where(one_of(table.c.id, coupons)).order_by(table.c.id).with_for_update(key_share=True)
        return {coupon.id: coupon for coupon in self._read(query)}

    def overdue(self, now: datetime, limit: int) -> list[Coupon]:
        """Coupons whose validity or lock has ended, locked; those that somebody else works on are left out."""
        query = (
            select(table)
            .where(
                or_(
                    both(table.c.state == State.ISSUED.value, table.c.expire_time <= now),
                    both(table.c.state == State.LOCKED.value, table.c.lock_expire_time <= now),
                )
            )
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
        )
        return self._read(query)

    def page(
        self,
        page: Page,
        *,
        member: UUID | None = None,
        template: UUID | None = None,
        state: State | None = None,
        org: str = "",
    ) -> list[Coupon]:
        """A page of coupons, newest first; of templates of a part of the organisation, if given."""
        query = newest_first(select(table), table.c.id, page)
        if member is not None:
            query = query.where(table.c.member_id == member)
        if template is not None:
            query = query.where(table.c.template_id == template)
        if state is not None:
            query = query.where(table.c.state == state.value)
        if org and member is None and template is None:
            return self._read(_newest_of_each(query, org, page))
        if org:
            query = query.where(text(_WITHIN).bindparams(org=org))
        return self._read(query)

    def caused(self, wanted: Collection[tuple[UUID, UUID, str]]) -> list[Coupon]:
        """The coupons that were issued from a template to a member for a cause."""
        templates, members, causes = _columns(wanted, 3)
        rows = self._connection.execute(_CAUSED, {"templates": templates, "members": members, "causes": causes})
        return [_coupon(row) for row in rows.mappings()]

    def held(self, pairs: Collection[Pair]) -> dict[Pair, int]:
        """How many coupons of a template a member got, void ones not counted."""
        if not pairs:
            return {}
        templates, members = _columns(pairs, 2)
        rows = self._connection.execute(_HELD, {"templates": templates, "members": members})
        return {(template, member): count for template, member, count in rows}

    def lock_all(self, members: Collection[UUID]) -> dict[UUID, Coupon]:
        """The coupons that were issued to members, whatever their state: of one that an order lets go of meanwhile, a
        query for its state would see what it was. Locked in sorted order."""
        theirs = or_(one_of(table.c.origin_id, members), both(one_of(table.c.member_id, members), _AT_HOME))
        query = select(table).where(theirs).order_by(table.c.id).with_for_update(key_share=True)
        return {coupon.id: coupon for coupon in self._read(query)}

    def forget(self, members: Collection[UUID]) -> None:
        """Clear what people wrote about why coupons, which must be locked, were issued to members; the causes of the
        house stay."""
        self._connection.execute(_FORGET, {"members": list(members)})

    def with_terms(self, coupons: Collection[UUID]) -> dict[UUID, tuple[Coupon, Terms]]:
        """The coupons that exist, with the terms of their templates."""
        terms = [coupon_templates.c[name] for name in _TERMS]
        query = select(table, *terms).join(coupon_templates).where(one_of(table.c.id, coupons))
        rows = self._connection.execute(query).mappings()
        return {row["id"]: (_coupon(row), terms_of(row)) for row in rows}

    def _read(self, query: Select[Any]) -> list[Coupon]:
        return [_coupon(row) for row in self._connection.execute(query).mappings()]


_AT_HOME = table.c.origin_id.is_(None)
_TERMS = ("basis_points", "amount", "minimum_spend", "currency", "stackable", "priority")


def _columns(rows: Collection[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _row(coupon: Coupon) -> dict[str, Any]:
    return {
        "id": coupon.id,
        "template_id": coupon.template,
        "member_id": coupon.member,
        "cause": coupon.cause,
        "issue_time": coupon.issue_time,
        "start_time": coupon.start_time,
        "expire_time": coupon.expire_time,
        "state": coupon.state.value,
        "order_id": coupon.order,
        "lock_expire_time": coupon.lock_expire_time,
        "use_time": coupon.use_time,
        "version": coupon.version,
        "origin_id": coupon.origin,
        "checkout_id": coupon.checkout,
    }


def _coupon(row: RowMapping) -> Coupon:
    return Coupon(
        id=row["id"],
        template=row["template_id"],
        member=row["member_id"],
        cause=row["cause"],
        issue_time=row["issue_time"],
        start_time=row["start_time"],
        expire_time=row["expire_time"],
        state=State(row["state"]),
        order=row["order_id"],
        lock_expire_time=row["lock_expire_time"],
        use_time=row["use_time"],
        version=row["version"],
        origin=row["origin_id"],
        checkout=row["checkout_id"],
    )
