"""Contacts: add, change, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.page import Page
from services.pipeline.domain.account import Account
from services.pipeline.domain.contact import Contact
from services.pipeline.domain.keys import Key
from services.pipeline.usecases.work import Store, Work, require_version


class Contacts(Store[Contact], Protocol):
    """The contacts."""

    def page(self, page: Page, *, account: UUID | None, org: str) -> list[Contact]:
        """A page of those who have a part in one account, and of those whom a part of the organisation knows, where
        given."""


class Keys(Protocol):
    """The keys by which people and organisations are known again."""

    def lock_keys(self, keys: Sequence[Key]) -> None:
        """Let nobody else take in the same person or organisation until the transaction ends."""


class ContactWork(Work, Protocol):
    """A transaction over contacts."""

    @property
    def contacts(self) -> Contacts:
        """The contacts."""

    @property
    def accounts(self) -> Store[Account]:
        """The accounts."""

    @property
    def leads(self) -> Keys:
        """What conversions wait for."""


@dataclass(frozen=True, slots=True)
class CreateContact:
    """Add a contact."""

    id: UUID
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpdateContact:
    """Give some fields new values."""

    id: UUID
    changes: Mapping[str, Any] = field(repr=False)
    version: int | None = None


def create(unit: ContactWork, command: CreateContact) -> Contact:
    """Add a contact. Raises NOT_FOUND for an account that isn't there."""
    contact = Contact(id=command.id, create_time=unit.now, update_time=unit.now, **command.fields).checked()
    _require_accounts(unit, contact)
    unit.leads.lock_keys(contact.keys)
    unit.contacts.add(contact)
    return contact


def update(unit: ContactWork, command: UpdateContact) -> Contact:
    """Change a contact. Raises NOT_FOUND for an account that isn't there."""
    contact = unit.contacts.lock(command.id)
    require_version("contacts", contact.id, seen=command.version, present=contact.version)
    contact = contact.revised(command.changes, unit.now)
    _require_accounts(unit, contact)
    unit.contacts.save(contact)
    return contact


def get(unit: ContactWork, id: UUID) -> Contact:  # noqa: A002 - the field's name
    """One contact."""
    return unit.contacts.get(id)


def page(unit: ContactWork, page: Page, *, account: UUID | None, org: str = "") -> list[Contact]:
    """A page of contacts."""
    return unit.contacts.page(page, account=account, org=org)


def _require_accounts(unit: ContactWork, contact: Contact) -> None:
    for account in sorted({part.account for part in contact.account_roles}):
        unit.accounts.get(account)
