"""What callers reach who see a part of the organisation: the members of that part, and what belongs to these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from kit.errors import Fault
from kit.rpc import Edge
from kit.rpc.call import Call
from kit.rpc.reach import UUIDS, Confined, Rules
from services.members.domain import errors
from services.members.domain.errors import rights_card, stored_value

_NOT_FOUND: dict[str, Callable[[UUID], Fault]] = {
    "members": errors.member_not_found,
    "rightsCards": rights_card.card_not_found,
    "topUps": stored_value.top_up_not_found,
    "storedValuePayments": stored_value.payment_not_found,
}

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


BY_NAME = frozenset(
    {
        *("CreateCheckIn", "MakeUpCheckIn", "GetCheckInCalendar", "ClaimReceipt", "ListReceiptClaims"),
        *("CreateReferralCode", "GetReferralCode", "AttachReferral", "GetReferral", "ListReferrals"),
        *("ListBadgeAwards", "ListGiftCards", "RedeemGiftCard", "TakeGiftCard", "IssueLoyaltyCard"),
        *("BlockLoyaltyCard", "ReplaceLoyaltyCard", "ModifyTags", "EraseMember", "MergeMembers", "ListMerges"),
        *("ExportMember", "BatchAdjustPoints", "GetStatement", "VerifyMember", "ListVerifications"),
        *("CreateRedemption", "GetRedemption", "ListRedemptions", "ConfirmRedemption", "CancelRedemption"),
        *("FulfilRedemption", "RefundRedemption", "IssueRedemptionCode", "TransferPoints", "ListPointTransfers"),
        *("GetMember", "UpdateMember", "ListTierChanges", "AccruePoints", "SpendPoints"),
        *("CreateHold", "ConfirmHold", "ReleaseHold", "GetHold", "GetBalance", "ListLots", "ListEntries"),
        *("GetEarning", "GetPurchase", "ListProgrammeBalances", "QuoteRedemption", "PreviewProgramme"),
        *("IssueRightsCard", "GetRightsCard", "ListRightsCards", "UseBenefit", "ReverseBenefitUse", "ListBenefits"),
        *("FreezeRightsCard", "UnfreezeRightsCard", "RenewRightsCard", "CancelRightsCard", "CreateTopUp", "GetTopUp"),
        *("ListTopUps", "RefundTopUp", "PayStoredValue", "HoldStoredValue", "ConfirmStoredValuePayment"),
        *("ReleaseStoredValuePayment", "RefundStoredValuePayment", "GetStoredValuePayment"),
        "RenewStoredValuePayment",
        *("ListStoredValuePayments", "GetStoredValue", "ListStoredValues", "GetTierStatus", "GetTierBenefits"),
        *("SetTierOverride", "ClearTierOverride", "ListTierOverrides", "GetGrowth", "AddGrowth", "DeductGrowth"),
        *("ListGrowthEntries",),
    }
)
"""Methods about a member, or about what belongs to one, whose name the request has."""

COLLECTIONS = dict.fromkeys(_NOT_FOUND, UUIDS)
RULES = Rules(
    by_name=BY_NAME,
    of_nobody=OF_NOBODY,
    answered=ANSWERED,
    parts={"ListMembers": "org", "EnrollMember": "member.org"},
    moves={"UpdateMember": "member"},
)


class MembersReach(Confined):
    """Looks whose it is what a request names."""

    def __init__(self, edge: Edge[Any]) -> None:
        super().__init__(RULES, COLLECTIONS, edge, missing=lambda collection, id_: _NOT_FOUND[collection](UUID(id_)))

    async def check(self, call: Call, answer: Message) -> None:
        """See `kit.rpc.reach.Reach`. Who was looked up by something personal is not told by name that there is one."""
        try:
            await super().check(call, answer)
        except Fault:
            raise errors.member_not_found() from None
