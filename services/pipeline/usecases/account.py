"""Accounts: add, change, list; their tree has no cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.page import Page
from services.pipeline.domain import errors
from services.pipeline.domain.account import Account
from services.pipeline.domain.keys import Key
from services.pipeline.usecases.owning import Reps, placed, settled
from services.pipeline.usecases.work import Store, Work, require_version


class Accounts(Store[Account], Protocol):
    """The accounts."""

    def page(self, page: Page, *, parent: UUID | None, owner: UUID | None, org: str) -> list[Account]:
        """A page of those below one parent, of one sales person and of a part of the organisation, where given."""

    def lock_tree(self) -> None:
        """Let nobody else change a parent until the transaction ends."""

    def is_below(self, account: UUID, top: UUID) -> bool:
        """Whether `account` is `top` or stands below it."""


class Keys(Protocol):
    """The keys by which people and organisations are known again."""

    def lock_keys(self, keys: Sequence[Key]) -> None:
        """Let nobody else take in the same person or organisation until the transaction ends."""


class AccountWork(Work, Protocol):
    """A transaction over accounts."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    @property
    def reps(self) -> Reps:
        """The sales people."""

    @property
    def leads(self) -> Keys:
        """What conversions wait for."""


@dataclass(frozen=True, slots=True)
class CreateAccount:
    """Add an account."""

    id: UUID
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpdateAccount:
    """Give some fields new values."""

    id: UUID
    changes: Mapping[str, Any] = field(repr=False)
    version: int | None = None


def create(unit: AccountWork, command: CreateAccount) -> Account:
    """Add an account. Raises NOT_FOUND for a parent or an owner that isn't there."""
    fields = placed(unit, command.fields)
    account = Account(id=command.id, create_time=unit.now, update_time=unit.now, **fields).checked()
    _require_parent(unit, fields)
    unit.leads.lock_keys([Key("company", account.match_key)])
    unit.accounts.add(account)
    return account


def update(unit: AccountWork, command: UpdateAccount) -> Account:
    """Change an account. Raises a Fault for a parent that stands below it."""
    changes = placed(unit, command.changes)
    _require_parent(unit, changes)
    parent = changes.get("parent")
    if parent is not None:
        unit.accounts.lock_tree()
        if unit.accounts.is_below(parent, command.id):
            raise errors.account_cycle(command.id)
    account = unit.accounts.lock(command.id)
    require_version("accounts", account.id, seen=command.version, present=account.version)
    account = account.revised(settled(changes, account.owner), unit.now)
    unit.accounts.save(account)
    return account


def get(unit: AccountWork, id: UUID) -> Account:  # noqa: A002 - the field's name
    """One account."""
    return unit.accounts.get(id)


def page(unit: AccountWork, page: Page, *, parent: UUID | None, owner: UUID | None, org: str = "") -> list[Account]:
    """A page of accounts."""
    return unit.accounts.page(page, parent=parent, owner=owner, org=org)


def _require_parent(unit: AccountWork, fields: Mapping[str, Any]) -> None:
    if fields.get("parent") is not None:
        unit.accounts.get(fields["parent"])
