"""CreateAccount, GetAccount, ListAccounts, UpdateAccount."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.pipeline.v1 import account_pb2 as pb

from tests.component.pipeline.calls import Stub, add_account, add_rep
from tests.support.rpc import refused


async def test_an_account_is_kept_as_it_was_given(pipeline: Stub) -> None:
    top, owner = await add_account(pipeline), await add_rep(pipeline)
    account = await add_account(
        pipeline, display_name="蓝门", parent=top.name, industry="retail", website="https://a.b", owner=owner.name
    )
    assert await pipeline.GetAccount(pb.GetAccountRequest(name=account.name)) == account
    assert (account.display_name, account.parent, account.owner) == ("蓝门", top.name, owner.name)


async def test_accounts_are_listed_by_parent_and_by_owner(pipeline: Stub) -> None:
    top, owner = await add_account(pipeline), await add_rep(pipeline)
    below = await add_account(pipeline, parent=top.name)
    owned = await add_account(pipeline, owner=owner.name)
    for request, expected in (
        (pb.ListAccountsRequest(), [top.name, below.name, owned.name]),
        (pb.ListAccountsRequest(parent=top.name), [below.name]),
        (pb.ListAccountsRequest(owner=owner.name), [owned.name]),
    ):
        answer = await pipeline.ListAccounts(request)
        assert [account.name for account in answer.accounts] == expected


async def test_a_page_token_belongs_to_its_question(pipeline: Stub) -> None:
    top = await add_account(pipeline)
    await add_account(pipeline)
    token = (await pipeline.ListAccounts(pb.ListAccountsRequest(page_size=1))).next_page_token
    refusal = await refused(pipeline.ListAccounts(pb.ListAccountsRequest(parent=top.name, page_token=token)))
    assert refusal.reason == "PAGE_TOKEN_INVALID"


async def test_an_account_never_stands_below_itself(pipeline: Stub) -> None:
    top = await add_account(pipeline)
    middle = await add_account(pipeline, parent=top.name)
    bottom = await add_account(pipeline, parent=middle.name)
    for parent in (bottom.name, middle.name, top.name):
        refusal = await refused(update(pipeline, top.name, parent=parent))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ACCOUNT_CYCLE")
        assert refusal.metadata == {"account": top.name}
    assert (await update(pipeline, bottom.name, parent=top.name)).parent == top.name


async def test_a_parent_can_be_taken_away(pipeline: Stub) -> None:
    top = await add_account(pipeline)
    below = await add_account(pipeline, parent=top.name)
    request = pb.UpdateAccountRequest(account=pb.Account(name=below.name), update_mask=FieldMask(paths=["parent"]))
    assert (await pipeline.UpdateAccount(request)).parent == ""


async def test_an_unknown_field_of_a_mask_is_refused_and_one_that_is_given_is_passed_over(pipeline: Stub) -> None:
    account = await add_account(pipeline)
    changed = pb.Account(name=account.name, industry="retail")
    request = pb.UpdateAccountRequest(account=changed, update_mask=FieldMask(paths=["industry", "create_time"]))
    assert (await pipeline.UpdateAccount(request)).industry == "retail"
    request.update_mask.paths.append("secret")
    assert (await refused(pipeline.UpdateAccount(request))).fields == ["update_mask"]


async def test_a_full_replacement_needs_all_that_is_required(pipeline: Stub) -> None:
    account = await add_account(pipeline, industry="retail")
    request = pb.UpdateAccountRequest(account=pb.Account(name=account.name), update_mask=FieldMask(paths=["*"]))
    assert (await refused(pipeline.UpdateAccount(request))).fields == ["account.display_name"]
    request.account.display_name = "New"
    assert (await pipeline.UpdateAccount(request)).industry == ""


async def test_references_lead_somewhere(pipeline: Stub) -> None:
    nowhere = {"parent": f"accounts/{uuid4()}", "owner": f"reps/{uuid4()}"}
    for field, name in nowhere.items():
        refusal = await refused(add_account(pipeline, **{field: name}))
        assert (refusal.code, refusal.metadata) == (grpc.StatusCode.NOT_FOUND, {"name": name})
    refusal = await refused(add_account(pipeline, parent="accounts/1"))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["account.parent"])


async def update(pipeline: Stub, name: str, **fields: Any) -> pb.Account:
    request = pb.UpdateAccountRequest(account=pb.Account(name=name, **fields))
    answer: pb.Account = await pipeline.UpdateAccount(request)
    return answer
