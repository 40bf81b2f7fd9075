"""Accounts on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import account_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, wire_instant
from services.pipeline.api.convert import Readers, changes, fields, optional_id, optional_name, version
from services.pipeline.domain.account import Account
from services.pipeline.usecases.account import CreateAccount, UpdateAccount

_READERS: Readers[pb.Account] = {
    "display_name": lambda account: account.display_name,
    "parent": lambda account: optional_id("accounts", account.parent, field="account.parent"),
    "industry": lambda account: account.industry,
    "website": lambda account: account.website,
    "owner": lambda account: optional_id("reps", account.owner, field="account.owner"),
    "org": lambda account: org.parse(account.org, field="account.org"),
}


def create(request: pb.CreateAccountRequest) -> CreateAccount:
    """Read a request to add an account."""
    return CreateAccount(names.new_id(), fields(request.account, _READERS))


def update(request: pb.UpdateAccountRequest) -> UpdateAccount:
    """Read a request to change an account."""
    account = request.account
    id = names.id_of("accounts", account.name, field="account.name")  # noqa: A001 - the field's name
    return UpdateAccount(id, changes(account, request.update_mask, _READERS), version(account))


def render(account: Account) -> pb.Account:
    """Show an account."""
    return pb.Account(
        name=names.join("accounts", account.id),
        display_name=account.display_name,
        parent=optional_name("accounts", account.parent),
        industry=account.industry,
        website=account.website,
        owner=optional_name("reps", account.owner),
        create_time=wire_instant(account.create_time),
        update_time=wire_instant(account.update_time),
        org=account.org,
        etag=etag(account.version),
    )
