"""`TiersService`: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import tiers_pb2 as pb
from kehu.members.v1 import tiers_pb2_grpc

from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from services.members.api import tier as convert
from services.members.usecases import growth, tier


class TiersServicer(tiers_pb2_grpc.TiersServiceServicer):
    """Serves tiers and growth value."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens
        self._add = edge.lane("add growth", growth.add, render=convert.growth)
        self._deduct = edge.lane("deduct growth", growth.deduct, render=convert.growth)
        self._benefits = edge.gather("tier benefits", tier.benefits)

    async def GetTierStatus(self, request: pb.GetTierStatusRequest, context: ServicerContext) -> pb.TierStatus:
        """Read where a member stands."""
        member = convert.status_owner(request)
        return convert.status(await self._edge.read(tier.status, member, convert.moment(request)))

    async def GetTierBenefits(
        self, request: pb.GetTierBenefitsRequest, context: ServicerContext
    ) -> pb.MemberTierBenefits:
        """Read what a member's tier is good for."""
        return convert.benefits(await self._benefits(convert.benefits_owner(request)))

    async def SetTierOverride(self, request: pb.SetTierOverrideRequest, context: ServicerContext) -> pb.TierStatus:
        """Give a tier by hand."""
        return await self._edge.write(request, tier.override, convert.override(request), render=convert.status)

    async def ClearTierOverride(self, request: pb.ClearTierOverrideRequest, context: ServicerContext) -> pb.TierStatus:
        """Take back a tier that was given by hand."""
        return await self._edge.write(request, tier.override, convert.clear_override(request), render=convert.status)

    async def ListTierOverrides(
        self, request: pb.ListTierOverridesRequest, context: ServicerContext
    ) -> pb.ListTierOverridesResponse:
        """A page of what was done by hand."""
        member, page = convert.owner(request), page_of(request, self._tokens)
        acts = await self._edge.read(tier.overrides, member, page)
        token = next_token(request, self._tokens, page, rows=acts, position=lambda act: (str(act.id),))
        return convert.overrides(member, acts[: page.size], token)

    async def GetGrowth(self, request: pb.GetGrowthRequest, context: ServicerContext) -> pb.Growth:
        """Read growth value."""
        return convert.growth(await self._edge.read(growth.read, convert.growth_owner(request)))

    async def AddGrowth(self, request: pb.AddGrowthRequest, context: ServicerContext) -> pb.Growth:
        """Add growth value."""
        response: pb.Growth = await self._add(request, convert.change_growth(request))
        return response

    async def DeductGrowth(self, request: pb.DeductGrowthRequest, context: ServicerContext) -> pb.Growth:
        """Deduct growth value."""
        response: pb.Growth = await self._deduct(request, convert.change_growth(request))
        return response

    async def ListGrowthEntries(
        self, request: pb.ListGrowthEntriesRequest, context: ServicerContext
    ) -> pb.ListGrowthEntriesResponse:
        """A page of the entries of growth value."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(growth.entries, convert.owner(request), page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda posted: (str(posted.id),))
        return pb.ListGrowthEntriesResponse(
            growth_entries=[convert.growth_entry(posted) for posted in rows[: page.size]], next_page_token=token
        )
