"""Parts of the organisation as paths, and what a request names of them."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from kehu.pipeline.v1 import account_pb2 as pb
from kehu.pipeline.v1 import lead_pb2

from kit import org
from kit.errors import Fault
from kit.rpc.call import Call, Identity, Method
from kit.rpc.reach import UUIDS, Confined, Named, Rules

RULES = Rules(
    by_name=frozenset({"GetAccount", "UpdateAccount"}),
    parts={"ListAccounts": "org"},
    moves={"UpdateAccount": "account"},
)
ACCOUNT = f"accounts/{uuid.uuid4()}"


@pytest.mark.parametrize(
    ("path", "inside"), [("/cn", True), ("/cn/east", True), ("/cnx", False), ("/c", False), ("", False)]
)
def test_a_part_is_a_path_and_no_beginning_of_a_word(path: str, inside: bool) -> None:
    assert org.within(path, "/cn") is inside
    assert org.within(path, "")


@pytest.mark.parametrize(("text", "path"), [("/cn/east", "/cn/east"), ("/cn/", "/cn"), ("/", ""), ("", "")])
def test_a_path_is_kept_without_a_slash_at_its_end(text: str, path: str) -> None:
    assert org.parse(text) == path


@pytest.mark.parametrize("text", ["cn", "/cn//east", "/c n", "/cn\x00", "/a" * 11, "/" + "x" * 64])
def test_what_is_no_path_is_refused_on_its_field(text: str) -> None:
    with pytest.raises(Fault) as refused:
        org.parse(text, field="account.org")
    assert [violation.field for violation in refused.value.violations] == ["account.org"]


def asked(request: object, method: str) -> list[Named]:
    """What a caller of `/cn/east` is asked for, when everything is seen. Raises a Fault as the call would."""
    looked: list[Named] = []

    class Edge:
        async def read(self, _usecase: object, part: str, named: Named) -> None:
            assert part == "/cn/east"
            looked.append(named)

    call = Call(Method(f"kehu.X/{method}", "x", type(request), type(request)), Identity("li", (), "/cn/east"), 0.0)  # type: ignore[arg-type]
    asyncio.run(Confined(RULES, {"accounts": UUIDS}, Edge()).narrow(call, request))  # type: ignore[arg-type]
    return looked


def test_all_that_a_request_names_is_looked_at_wherever_it_stands() -> None:
    other = f"accounts/{uuid.uuid4()}"
    request = pb.UpdateAccountRequest(account=pb.Account(name=ACCOUNT, parent=other, owner="reps/x"))

    assert asked(request, "UpdateAccount") == [{"accounts": [name.partition("/")[2] for name in (ACCOUNT, other)]}]


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        (
            pb.UpdateAccountRequest(account=pb.Account(industry=ACCOUNT)),
            "UpdateAccount",
        ),  # only in a text
        (pb.GetAccountRequest(), "GetAccount"),
        (lead_pb2.ConvertLeadRequest(account=ACCOUNT), "ConvertLead"),  # nobody has said how it is confined
        (pb.ListAccountsRequest(org="/cn"), "ListAccounts"),
        (pb.UpdateAccountRequest(account=pb.Account(name=ACCOUNT, org="/cn/eastern")), "UpdateAccount"),
    ],
)
def test_what_reaches_beyond_the_part_is_refused(request_: object, method: str) -> None:
    with pytest.raises(Fault) as refused:
        asked(request_, method)
    assert refused.value.reason == "ORG_SCOPE_MISSING"


def test_a_list_is_narrowed_to_the_callers_part_or_to_less() -> None:
    whole, less = pb.ListAccountsRequest(), pb.ListAccountsRequest(org="/cn/east/shanghai/")

    assert asked(whole, "ListAccounts") == asked(less, "ListAccounts") == []
    assert (whole.org, less.org) == ("/cn/east", "/cn/east/shanghai")
