"""Conversion: a lead becomes an account, a contact and an opportunity, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID

from kit import org as parts
from kit.money import Money
from services.pipeline.domain.account import Account
from services.pipeline.domain.contact import AccountRole, Contact, Role
from services.pipeline.domain.keys import Key
from services.pipeline.domain.lead import Lead
from services.pipeline.domain.opportunity import Changed, Opportunity
from services.pipeline.usecases.work import Store, Work, require_version


class Leads(Store[Lead], Protocol):
    """The leads."""

    def lock_keys(self, keys: Sequence[Key]) -> None:
        """Let nobody else take in or convert the same person or organisation until the transaction ends."""


class Accounts(Store[Account], Protocol):
    """The accounts."""

    def matching(self, match_key: str) -> Account | None:
        """The oldest account of this name."""


class Contacts(Store[Contact], Protocol):
    """The contacts."""

    def matching(self, *, email: str, phone: str) -> Contact | None:
        """The oldest contact with this address, else with this number, locked."""


class Opportunities(Protocol):
    """The opportunities."""

    def begin(self, changed: Changed) -> None:
        """Keep a new opportunity, and that it began."""


class ConversionWork(Work, Protocol):
    """A transaction over all that a lead becomes."""

    @property
    def leads(self) -> Leads:
        """The leads."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    @property
    def contacts(self) -> Contacts:
        """The contacts."""

    @property
    def opportunities(self) -> Opportunities:
        """The opportunities."""

    @property
    def reach(self) -> parts.Parts:
        """What belongs where."""


@dataclass(frozen=True, slots=True)
class NewIds:
    """What is made is called by these ids, where it isn't there already."""

    account: UUID
    contact: UUID
    opportunity: UUID


@dataclass(frozen=True, slots=True)
class ConvertLead:
    """Convert a lead into `account` or, without it, the account of the same company. What is used again must be within
    `org`, the part of the organisation that the caller sees."""

    id: UUID
    by: str
    new: NewIds
    account: UUID | None = None
    opportunity_display_name: str = field(default="", repr=False)
    amount: Money | None = None
    close_date: date | None = None
    role: Role = Role.UNSPECIFIED
    influence: int = 0
    version: int | None = None
    org: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a lead became, and which of it was there before."""

    lead: Lead
    account: Account
    contact: Contact
    opportunity: Opportunity
    account_reused: bool
    contact_reused: bool


def convert(unit: ConversionWork, command: ConvertLead) -> Converted:
    """Convert an open lead, once."""
    _lock_keys(unit, unit.leads.get(command.id))
    lead = unit.leads.lock(command.id)
    require_version("leads", lead.id, seen=command.version, present=lead.version)
    lead.require_open()
    contact = unit.contacts.matching(email=lead.email, phone=lead.phone)
    account = _known_account(unit, lead, contact, command.account)
    if command.org:
        _require_reach(unit, command.org, account, contact)
    opened = account or _new_account(unit, lead, command.new.account)
    met = _with_part(unit, contact, lead, AccountRole(opened.id, command.role, command.influence), command.new.contact)
    begun = _opportunity(unit, lead, command, account=opened.id, contact=met.id).begun(command.by)
    unit.opportunities.begin(begun)
    after, facts = lead.converted(account=opened.id, contact=met.id, opportunity=begun.opportunity.id, now=unit.now)
    unit.leads.save(after)
    unit.emit(facts)
    unit.note(after.decided())
    return Converted(
        after, opened, met, begun.opportunity, account_reused=account is not None, contact_reused=contact is not None
    )


def _lock_keys(unit: ConversionWork, lead: Lead) -> None:
    """Before the lead itself: who takes in another one has its keys when waiting for a sales person, and who moves that
    person waits for the leads. A lead keeps its keys as long as it is there."""
    unit.leads.lock_keys([*lead.person_keys, *([lead.company_key] if lead.company_key else [])])


def _require_reach(unit: ConversionWork, org: str, account: Account | None, contact: Contact | None) -> None:
    found = {"accounts": account, "contacts": contact}
    named = {collection: [str(known.id)] for collection, known in found.items() if known is not None}
    beyond = parts.outside(unit, org, named)
    if beyond is not None:
        raise parts.beyond("/".join(beyond), org)


def _known_account(unit: ConversionWork, lead: Lead, contact: Contact | None, wanted: UUID | None) -> Account | None:
    """The account that was asked for, else that of the company, else, where no company is known, the person's."""
    if wanted is not None:
        return unit.accounts.get(wanted)
    if lead.company_key is not None:
        return unit.accounts.matching(lead.company_key.value)
    if contact is not None and contact.account_roles:
        return unit.accounts.get(contact.account_roles[0].account)
    return None


def _new_account(unit: ConversionWork, lead: Lead, id: UUID) -> Account:  # noqa: A002 - the field's name
    account = Account(id, lead.organisation, unit.now, unit.now, owner=lead.owner, org=lead.org)
    unit.accounts.add(account)
    return account


def _with_part(
    unit: ConversionWork,
    known: Contact | None,
    lead: Lead,
    part: AccountRole,
    id: UUID,  # noqa: A002 - the field's name
) -> Contact:
    """The person with a part in the account, kept."""
    if known is None:
        contact = Contact(
            id,
            lead.person,
            unit.now,
            unit.now,
            phone=lead.phone,
            email=lead.email,
            account_roles=(part,),
            org=lead.org,
        )
        unit.contacts.add(contact)
        return contact
    contact = known.joined(part, unit.now)
    if contact is not known:
        unit.contacts.save(contact)
    return contact


def _opportunity(
    unit: ConversionWork, lead: Lead, command: ConvertLead, *, account: UUID, contact: UUID
) -> Opportunity:
    return Opportunity(
        id=command.new.opportunity,
        display_name=command.opportunity_display_name.strip() or lead.organisation,
        account=account,
        create_time=unit.now,
        update_time=unit.now,
        stage_time=unit.now,
        contact=contact,
        owner=lead.owner,
        amount=command.amount,
        close_date=command.close_date,
        lead=lead.id,
        org=lead.org,
    )
