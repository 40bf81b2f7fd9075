"""What callers reach who see a part of the organisation: the members of that part, and what belongs to these."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from kehu.members.v1 import members_pb2 as pb

from kit.errors import Fault
from kit.rpc import Edge
from kit.rpc.call import Call
from kit.rpc.reach import texts, too_narrow, within
from services.members.domain import errors
from services.members.domain.errors import rights_card, stored_value
from services.members.domain.member import parse_org
from services.members.usecases import reach

_NOT_FOUND: dict[str, Callable[[UUID], Fault]] = {
    "members": errors.member_not_found,
    "rightsCards": rights_card.card_not_found,
    "topUps": stored_value.top_up_not_found,
    "storedValuePayments": stored_value.payment_not_found,
}
_NAME = re.compile(
    rf"({'|'.join(_NOT_FOUND)})/([0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}})(/.*)?"
)

OF_NOBODY = frozenset(
    {
        # The rules of the house, which everybody works by.
        *("GetEngagementPolicy", "GetProgramme", "ListProgrammes", "ListProgrammeVersions", "GetPointTransferPolicy"),
        *("GetStoredValueRules", "GetReward", "ListRewards", "GetBadge", "ListBadges", "GetVerificationKeySet"),
        *("GetRightsCardProduct", "ListRightsCardProducts", "GetReceiptKey", "ListReceiptKeys"),
        # Of whoever brings the card or the code; a till does not know whose it is.
        *("ActivateGiftCard", "GetGiftCard", "LookupGiftCard", "PayWithGiftCard", "HoldGiftCard", "GiveGiftCard"),
        *("CancelGiveGiftCard", "IssueReceiptCodes", "VerifyRedemptionCode"),
    }
)
"""Methods that such callers may call although the request names nobody's: nobody's data is in them."""

ANSWERED = frozenset({"LookupMember", "LookupStoredValuePayment"})
"""Methods that find somebody, who is looked at when found."""


class MembersReach:
    """Closed unless it is known how a method is confined: by what its request names, by its answer, or not at all."""

    def __init__(self, edge: Edge[Any]) -> None:
        self._edge = edge

    async def narrow(self, call: Call, request: Message) -> None:
        """See `kit.rpc.reach.Reach`."""
        method, org = call.method.name.rpartition("/")[2], call.identity.org
        if isinstance(request, pb.ListMembersRequest):
            request.org = _part(call, request.org)
        elif isinstance(request, pb.EnrollMemberRequest):
            request.member.org = _part(call, request.member.org)
        elif method not in OF_NOBODY | ANSWERED:
            if isinstance(request, pb.UpdateMemberRequest):
                _stays(call, request)
            if not (named := _named(request)):
                raise too_narrow(call)
            await self._check(org, named)

    async def check(self, call: Call, answer: Message) -> None:
        """See `kit.rpc.reach.Reach`."""
        if call.method.name.rpartition("/")[2] in ANSWERED:
            await self._check(call.identity.org, _named(answer), found=True)

    async def _check(self, org: str, named: dict[str, list[UUID]], *, found: bool = False) -> None:
        beyond = await self._edge.read(reach.outside, org, named)
        if beyond is not None:
            collection, thing = beyond
            # Who was looked up by something personal is not told by name that there is somebody.
            raise errors.member_not_found() if found else _NOT_FOUND[collection](thing)


def _part(call: Call, asked: str) -> str:
    """The part of the organisation that is asked for, by default the caller's. Raises a Fault for any other."""
    path = parse_org(asked) or call.identity.org
    if not within(path, call.identity.org):
        raise too_narrow(call)
    return path


def _stays(call: Call, request: pb.UpdateMemberRequest) -> None:
    """Raise a Fault if the change would move the member out of the caller's sight."""
    if request.member.org or "org" in request.update_mask.paths or "*" in request.update_mask.paths:
        moved = parse_org(request.member.org, field="member.org")
        if not within(moved, call.identity.org):
            raise too_narrow(call)


def _named(message: Message) -> dict[str, list[UUID]]:
    """The things with an owner that a message names, by their collections."""
    found: dict[str, list[UUID]] = defaultdict(list)
    for text in texts(message):
        if match := _NAME.fullmatch(text):
            found[match[1]].append(UUID(match[2]))
    return dict(found)
