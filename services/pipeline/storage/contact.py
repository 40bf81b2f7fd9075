"""Contacts in their table, with their parts in accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, TextClause, delete, insert, select, text

from kit.org import condition
from kit.page import Page
from services.pipeline.domain.contact import AccountRole, Contact, Role
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import account_roles, contacts

# ruff: noqa: S608 - the statement is put together from constants only
KNOWN = f"""
    select c.id from contacts c where {condition("c.org")}
    union all
    select r.contact from accounts a join account_roles r on r.account = a.id where {condition("a.org")}
"""
"""The contacts whom the part `:org` of the organisation knows: its own, and those of its accounts."""


class ContactStore(ResourceStore[Contact]):
    """Keeps contacts."""

    table = contacts
    collection = "contacts"

    def add(self, resource: Contact) -> None:
        """Keep a new contact and its parts."""
        super().add(resource)
        self._add_parts(resource)

    def save(self, resource: Contact) -> None:
        """Keep a change of a locked contact; its parts are replaced."""
        super().save(resource)
        self._connection.execute(delete(account_roles).where(account_roles.c.contact == resource.id))
        self._add_parts(resource)

    def page(self, page: Page, *, account: UUID | None, org: str = "") -> list[Contact]:
        """A page of those who have a part in one account, and of those whom a part of the organisation knows, where
        given."""
        conditions: list[ColumnElement[bool] | TextClause] = []
        if account is not None:
            members = select(account_roles.c.contact).where(account_roles.c.account == account)
            conditions.append(contacts.c.id.in_(members))
        if org:
            conditions.append(text(f"contacts.id in ({KNOWN})").bindparams(org=org))
        return self._page(page, *conditions)

    def matching(self, *, email: str, phone: str) -> Contact | None:
        """The oldest contact with this address, else with this number, locked; nothing matches nothing."""
        for column, value in ((contacts.c.email, email), (contacts.c.phone, phone)):
            statement = select(contacts).where(column == value, column != "").order_by(contacts.c.id).limit(1)
            found = self._many(statement.with_for_update(key_share=True))
            if found:
                return found[0]
        return None

    def roles_in(self, account: UUID) -> frozenset[Role]:
        """Which roles the contacts of an account cover."""
        rows = self._connection.scalars(
            select(account_roles.c.role).where(account_roles.c.account == account).distinct()
        )
        return frozenset(Role(role) for role in rows)

    def _add_parts(self, contact: Contact) -> None:
        parts = [
            {
                "contact": contact.id,
                "position": position,
                "account": part.account,
                "role": part.role.value,
                "influence": part.influence,
            }
            for position, part in enumerate(contact.account_roles)
        ]
        if parts:
            self._connection.execute(insert(account_roles), parts)

    def _read(self, rows: Sequence[RowMapping]) -> list[Contact]:
        parts: dict[UUID, list[AccountRole]] = {row["id"]: [] for row in rows}
        if parts:
            statement = (
                select(account_roles).where(account_roles.c.contact.in_(list(parts))).order_by(account_roles.c.position)
            )
            for part in self._connection.execute(statement).mappings():
                known = AccountRole(part["account"], Role(part["role"]), part["influence"])
                parts[part["contact"]].append(known)
        return [Contact(**row, account_roles=tuple(parts[row["id"]])) for row in rows]

    def _row(self, resource: Contact) -> Mapping[str, Any]:
        return {name: getattr(resource, name) for name in contacts.c.keys()}  # noqa: SIM118 - columns, not a dict
