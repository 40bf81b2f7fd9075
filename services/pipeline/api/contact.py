"""Contacts on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import contact_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, wire_instant
from services.pipeline.api.convert import Readers, changes, fields, version
from services.pipeline.domain import keys
from services.pipeline.domain.contact import AccountRole, Contact, Role
from services.pipeline.usecases.contact import CreateContact, UpdateContact

_PREFIX = "DECISION_ROLE_"


def create(request: pb.CreateContactRequest, *, home_region: str) -> CreateContact:
    """Read a request to add a contact."""
    return CreateContact(names.new_id(), fields(request.contact, _readers(home_region)))


def update(request: pb.UpdateContactRequest, *, home_region: str) -> UpdateContact:
    """Read a request to change a contact."""
    contact = request.contact
    id = names.id_of("contacts", contact.name, field="contact.name")  # noqa: A001 - the field's name
    return UpdateContact(id, changes(contact, request.update_mask, _readers(home_region)), version(contact))


def role(wire: pb.DecisionRole.ValueType) -> Role:
    """Read a role."""
    return Role(pb.DecisionRole.Name(wire).removeprefix(_PREFIX))


def render(contact: Contact) -> pb.Contact:
    """Show a contact."""
    return pb.Contact(
        name=names.join("contacts", contact.id),
        display_name=contact.display_name,
        job_title=contact.job_title,
        phone=contact.phone,
        email=contact.email,
        account_roles=[_wire_part(part) for part in contact.account_roles],
        create_time=wire_instant(contact.create_time),
        update_time=wire_instant(contact.update_time),
        org=contact.org,
        etag=etag(contact.version),
    )


def _readers(home_region: str) -> Readers[pb.Contact]:
    return {
        "display_name": lambda contact: contact.display_name,
        "job_title": lambda contact: contact.job_title,
        "phone": lambda contact: keys.e164(contact.phone, region=home_region, field="contact.phone"),
        "email": lambda contact: keys.mailbox(contact.email),
        "account_roles": lambda contact: tuple(
            _part(part, f"contact.account_roles[{index}]") for index, part in enumerate(contact.account_roles)
        ),
        "org": lambda contact: org.parse(contact.org, field="contact.org"),
    }


def _part(wire: pb.AccountRole, field: str) -> AccountRole:
    return AccountRole(names.id_of("accounts", wire.account, field=f"{field}.account"), role(wire.role), wire.influence)


def _wire_part(part: AccountRole) -> pb.AccountRole:
    return pb.AccountRole(
        account=names.join("accounts", part.account),
        role=pb.DecisionRole.Value(_PREFIX + part.role),
        influence=part.influence,
    )
