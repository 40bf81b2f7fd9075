"""Whatever changes something in members by hand is written down in the trail, unless it is said why not."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from google.api import annotations_pb2

from services.members import server
from services.members.api import audit
from tests.support.reach import methods_of

MEMBER = "the member's own act: what came of it is a row that says when and what for"
MONEY = "a document of its own, with store, source and reference; the ledger's entries name it"
NOTHING = "nothing is written"

EXCUSED = {
    **dict.fromkeys(
        (
            *("CreateCheckIn", "MakeUpCheckIn", "ClaimReceipt", "CreateReferralCode", "AttachReferral"),
            *("GiveGiftCard", "CancelGiveGiftCard", "TakeGiftCard", "RedeemGiftCard", "TransferPoints", "UseBenefit"),
            *("CreateRedemption", "ConfirmRedemption", "CancelRedemption", "IssueRedemptionCode"),
            *("CreateHold", "ConfirmHold", "ReleaseHold"),
        ),
        MEMBER,
    ),
    **dict.fromkeys(
        (
            *("CreateTopUp", "PayStoredValue", "HoldStoredValue", "ConfirmStoredValuePayment"),
            *("ReleaseStoredValuePayment", "RenewStoredValuePayment", "PayWithGiftCard", "HoldGiftCard"),
        ),
        MONEY,
    ),
    **dict.fromkeys(
        ("IssueReceiptCodes", "LookupGiftCard", "LookupMember", "QuoteRedemption", "PreviewProgramme"), NOTHING
    ),
    **dict.fromkeys(
        ("EnrollMember", "BatchEnroll", "UpdateMember", "IssueLoyaltyCard"),
        "what a person told of themself, which the trail must not hold",
    ),
    **dict.fromkeys(("AccruePoints", "SpendPoints"), "other systems' doing: an entry that names their source"),
    **dict.fromkeys(("FulfilRedemption", "VerifyRedemptionCode"), "a delivery, which the redemption itself tells of"),
    "VerifyMember": "it leaves a signed statement",
}
"""Methods that write nothing down in the trail, and why. A new one records its act (`unit.audit`), or belongs here."""


def writes() -> set[str]:
    """The methods of members that are not for reading alone."""
    return {
        method.name
        for method in methods_of("members")
        if method.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern") != "get"
    }


def handlers() -> dict[str, Callable[..., Any]]:
    """The methods of members' servicers, by name."""
    found: dict[str, Callable[..., Any]] = {}
    for servicer in vars(server).values():
        if inspect.isclass(servicer) and servicer.__name__.endswith("Servicer"):
            found.update(dict(inspect.getmembers(servicer, inspect.isfunction)))
    return found


def called(function: Callable[..., Any]) -> Iterator[Any]:
    """What a function's text speaks of by a name of its module, or of a module that this one imports."""
    names = inspect.unwrap(function).__globals__
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Name):
            yield names.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield getattr(names.get(node.value.id), node.attr, None)


def asks_who_acts(handler: Callable[..., Any]) -> bool:
    """Whether the author of the act is put into the command, here or in a function of the API that is called."""
    reached: set[object] = set()
    waiting: list[Any] = [handler]
    while waiting:
        function = waiting.pop()
        reached.add(function)
        for each in called(function):
            if each is audit.author:
                return True
            if inspect.isfunction(each) and each.__module__.startswith("services.members.api.") and each not in reached:
                waiting.append(each)
    return False


def test_every_act_is_written_down_or_excused() -> None:
    known = handlers()
    assert {name for name in writes() if not asks_who_acts(known[name])} == EXCUSED.keys()
