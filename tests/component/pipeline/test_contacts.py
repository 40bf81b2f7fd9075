"""CreateContact, GetContact, ListContacts, UpdateContact."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.pipeline.v1 import contact_pb2 as pb

from tests.component.pipeline.calls import Stub, add_account, add_contact
from tests.support.rpc import refused


async def test_a_contact_plays_parts_in_several_accounts(pipeline: Stub) -> None:
    here, there = await add_account(pipeline), await add_account(pipeline)
    parts = [
        pb.AccountRole(account=there.name, role=pb.DECISION_ROLE_CHAMPION, influence=2),
        pb.AccountRole(account=here.name, role=pb.DECISION_ROLE_ECONOMIC_BUYER, influence=5),
        pb.AccountRole(account=here.name, role=pb.DECISION_ROLE_USER),
    ]
    contact = await add_contact(
        pipeline, account_roles=parts, phone="138 0013 8000", email="Fang@Example.com", job_title="Owner"
    )
    assert (contact.phone, contact.email) == ("+8613800138000", "fang@example.com")
    assert list(contact.account_roles) == parts
    assert await pipeline.GetContact(pb.GetContactRequest(name=contact.name)) == contact
    for account, expected in ((here.name, [contact.name]), ((await add_account(pipeline)).name, [])):
        answer = await pipeline.ListContacts(pb.ListContactsRequest(account=account))
        assert [each.name for each in answer.contacts] == expected


async def test_an_update_replaces_the_parts_as_a_whole(pipeline: Stub) -> None:
    account = await add_account(pipeline)
    contact = await add_contact(pipeline, account.name, email="fang@example.com")
    request = pb.UpdateContactRequest(
        contact=pb.Contact(name=contact.name, etag=contact.etag), update_mask=FieldMask(paths=["account_roles"])
    )
    after = await pipeline.UpdateContact(request)
    assert (list(after.account_roles), after.email) == ([], "fang@example.com")
    assert (await refused(pipeline.UpdateContact(request))).code == grpc.StatusCode.ABORTED


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": ""}, "contact.display_name"),
        ({"phone": "call me"}, "contact.phone"),
        ({"phone": "1" * 41}, "contact.phone"),
        ({"email": "nobody"}, "contact.email"),
        ({"email": "a\0@b.cn"}, "contact.email"),
        ({"account_roles": [pb.AccountRole()]}, "contact.account_roles[0].account"),
        (
            {"account_roles": [pb.AccountRole(account=f"accounts/{uuid4()}", influence=6)]},
            "contact.account_roles[0].influence",
        ),
        ({"account_roles": [pb.AccountRole(account=f"accounts/{'-' * 36}")]}, "contact.account_roles[0].account"),
    ],
)
async def test_what_is_no_contact_is_refused_on_its_field(pipeline: Stub, fields: dict[str, Any], field: str) -> None:
    refusal = await refused(add_contact(pipeline, **fields))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_one_part_stands_there_once(pipeline: Stub) -> None:
    account = await add_account(pipeline)
    parts = [pb.AccountRole(account=account.name, role=pb.DECISION_ROLE_USER, influence=each) for each in (1, 2)]
    assert (await refused(add_contact(pipeline, account_roles=parts))).fields == ["contact.account_roles"]


async def test_a_part_is_in_an_account_that_is_there(pipeline: Stub) -> None:
    refusal = await refused(add_contact(pipeline, f"accounts/{uuid4()}"))
    assert refusal.code == grpc.StatusCode.NOT_FOUND
    contact = await add_contact(pipeline)
    part = pb.AccountRole(account=f"accounts/{uuid4()}")
    request = pb.UpdateContactRequest(contact=pb.Contact(name=contact.name, account_roles=[part]))
    assert (await refused(pipeline.UpdateContact(request))).metadata == {"name": part.account}
