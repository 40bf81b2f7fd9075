"""`EngagementService`: each method is parse, call, render."""

from __future__ import annotations

from functools import partial
from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import badges_pb2 as bpb
from kehu.members.v1 import check_ins_pb2, engagement_pb2_grpc
from kehu.members.v1 import engagement_pb2 as pb
from kehu.members.v1 import receipts_pb2 as rpb
from kehu.members.v1 import referrals_pb2 as fpb

from kit import names
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from services.members.api import badge as badges
from services.members.api import check_in as check_ins
from services.members.api import engagement_policy as policies
from services.members.api import receipt as receipts
from services.members.api import referral as referrals
from services.members.api.audit import author
from services.members.usecases import badge, check_in, engagement, receipt, referral


class EngagementServicer(engagement_pb2_grpc.EngagementServiceServicer):
    """Serves what members earn every day."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def GetEngagementPolicy(
        self, request: pb.GetEngagementPolicyRequest, context: ServicerContext
    ) -> pb.EngagementPolicy:
        """Read the rules."""
        policies.check_name(request.name)
        return policies.render(await self._edge.read(engagement.get))

    async def UpdateEngagementPolicy(
        self, request: pb.UpdateEngagementPolicyRequest, context: ServicerContext
    ) -> pb.EngagementPolicy:
        """Change the rules."""
        return await self._edge.write(request, engagement.update, policies.update(request), render=policies.render)

    async def CreateCheckIn(
        self, request: check_ins_pb2.CreateCheckInRequest, context: ServicerContext
    ) -> check_ins_pb2.CheckIn:
        """Check a member in for today."""
        return await self._edge.write(request, check_in.check_in, check_ins.origin(request), render=check_ins.render)

    async def MakeUpCheckIn(
        self, request: check_ins_pb2.MakeUpCheckInRequest, context: ServicerContext
    ) -> check_ins_pb2.CheckIn:
        """Fill a missed day."""
        return await self._edge.write(request, check_in.make_up, check_ins.make_up(request), render=check_ins.render)

    async def GetCheckInCalendar(
        self, request: check_ins_pb2.GetCheckInCalendarRequest, context: ServicerContext
    ) -> check_ins_pb2.CheckInCalendar:
        """Read a month of check-ins."""
        return check_ins.calendar(await self._edge.read(check_in.calendar, check_ins.month(request)))

    async def CreateReceiptKey(self, request: rpb.CreateReceiptKeyRequest, context: ServicerContext) -> rpb.ReceiptKey:
        """Register a key."""
        return await self._edge.write(request, receipt.create_key, receipts.create_key(request), render=receipts.key)

    async def GetReceiptKey(self, request: rpb.GetReceiptKeyRequest, context: ServicerContext) -> rpb.ReceiptKey:
        """Read a key."""
        return receipts.key(await self._edge.read(receipt.get_key, names.id_of("receiptKeys", request.name)))

    async def ListReceiptKeys(
        self, request: rpb.ListReceiptKeysRequest, context: ServicerContext
    ) -> rpb.ListReceiptKeysResponse:
        """A page of keys."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(receipt.keys, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda key: (str(key.id),))
        shown = [receipts.key(key) for key in rows[: page.size]]
        return rpb.ListReceiptKeysResponse(receipt_keys=shown, next_page_token=token)

    async def RetireReceiptKey(self, request: rpb.RetireReceiptKeyRequest, context: ServicerContext) -> rpb.ReceiptKey:
        """Let a key sign no more."""
        return await self._edge.write(request, receipt.retire_key, receipts.retire_key(request), render=receipts.key)

    async def RevokeReceiptKey(self, request: rpb.RevokeReceiptKeyRequest, context: ServicerContext) -> rpb.ReceiptKey:
        """Trust a key no more."""
        return await self._edge.write(request, receipt.revoke_key, receipts.revoke_key(request), render=receipts.key)

    async def IssueReceiptCodes(
        self, request: rpb.IssueReceiptCodesRequest, context: ServicerContext
    ) -> rpb.IssueReceiptCodesResponse:
        """Sign the codes of receipts."""
        return await self._edge.write(request, receipt.issue, receipts.receipts(request), render=receipts.codes)

    async def ClaimReceipt(self, request: rpb.ClaimReceiptRequest, context: ServicerContext) -> rpb.ReceiptClaim:
        """Give the points of a receipt."""
        return await self._edge.write(request, receipt.claim, receipts.claim(request), render=receipts.render)

    async def ListReceiptClaims(
        self, request: rpb.ListReceiptClaimsRequest, context: ServicerContext
    ) -> rpb.ListReceiptClaimsResponse:
        """A page of what a member has claimed."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(receipt.claims, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda claim: (str(claim.id),))
        shown = [receipts.render(claim) for claim in rows[: page.size]]
        return rpb.ListReceiptClaimsResponse(receipt_claims=shown, next_page_token=token)

    async def CreateReferralCode(
        self, request: fpb.CreateReferralCodeRequest, context: ServicerContext
    ) -> fpb.ReferralCode:
        """Give a member a code to bring others with."""
        member = names.id_of("members", request.parent, field="parent")
        return await self._edge.write(request, referral.create_code, member, render=referrals.code)

    async def GetReferralCode(self, request: fpb.GetReferralCodeRequest, context: ServicerContext) -> fpb.ReferralCode:
        """Read a member's code."""
        member = names.parse("members/{member}/referralCode", request.name)["member"]
        return referrals.code(await self._edge.read(referral.get_code, member))

    async def AttachReferral(self, request: fpb.AttachReferralRequest, context: ServicerContext) -> fpb.Referral:
        """Say who brought a new member."""
        return await self._edge.write(request, referral.attach, referrals.attach(request), render=referrals.render)

    async def GetReferral(self, request: fpb.GetReferralRequest, context: ServicerContext) -> fpb.Referral:
        """Read who brought a member."""
        member = names.parse("members/{member}/referral", request.name)["member"]
        return referrals.render(await self._edge.read(referral.get, member))

    async def ListReferrals(
        self, request: fpb.ListReferralsRequest, context: ServicerContext
    ) -> fpb.ListReferralsResponse:
        """A page of those whom a member has brought."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(referral.page, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda known: (str(known.member),))
        shown = [referrals.render(known) for known in rows[: page.size]]
        return fpb.ListReferralsResponse(referrals=shown, next_page_token=token)

    async def CreateBadge(self, request: bpb.CreateBadgeRequest, context: ServicerContext) -> bpb.Badge:
        """Make a badge."""
        return await self._edge.write(request, badge.create, badges.create(request), render=badges.render)

    async def GetBadge(self, request: bpb.GetBadgeRequest, context: ServicerContext) -> bpb.Badge:
        """Read a badge."""
        return badges.render(await self._edge.read(badge.get, names.id_of("badges", request.name)))

    async def ListBadges(self, request: bpb.ListBadgesRequest, context: ServicerContext) -> bpb.ListBadgesResponse:
        """A page of badges."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(badge.page, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda known: (str(known.id),))
        shown = [badges.render(known) for known in rows[: page.size]]
        return bpb.ListBadgesResponse(badges=shown, next_page_token=token)

    async def RetireBadge(self, request: bpb.RetireBadgeRequest, context: ServicerContext) -> bpb.Badge:
        """Give a badge to nobody any more."""
        retire = partial(badge.retire, author=author())
        return await self._edge.write(request, retire, names.id_of("badges", request.name), render=badges.render)

    async def ListBadgeAwards(
        self, request: bpb.ListBadgeAwardsRequest, context: ServicerContext
    ) -> bpb.ListBadgeAwardsResponse:
        """A page of the badges that a member has."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(engagement.badges, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda known: (str(known.badge.id),))
        shown = [badges.award(known) for known in rows[: page.size]]
        return bpb.ListBadgeAwardsResponse(badge_awards=shown, next_page_token=token)
