"""`MembersService`: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc

from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import instant, next_token, page_of
from services.members.api import convert, privacy
from services.members.api import programme as wire_programme
from services.members.domain.programme import DEFAULT
from services.members.usecases import hold, member, points, programme, programme_points, tier


class MembersServicer(members_pb2_grpc.MembersServiceServicer):
    """Serves members. Commands on points go through lanes: concurrent calls share one transaction."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens
        self._accrue = edge.lane(
            "accrue",
            programme_points.accrue,
            render=lambda done: pb.AccruePointsResponse(balance=convert.balance(*done)),
        )
        self._spend = edge.lane(
            "spend", programme_points.spend, render=lambda done: pb.SpendPointsResponse(balance=convert.balance(*done))
        )
        self._hold = edge.lane("hold", hold.change, render=convert.hold)
        self._balances = edge.gather("balance", points.balances)

    async def EnrollMember(self, request: pb.EnrollMemberRequest, context: ServicerContext) -> pb.Member:
        """Enrol one member."""
        show = privacy.shower()
        return await self._edge.write(
            request, member.enroll, convert.enroll(request), render=show, recall=privacy.recall(show)
        )

    async def BatchEnroll(self, request: pb.BatchEnrollRequest, context: ServicerContext) -> pb.BatchEnrollResponse:
        """Enrol or complete many."""
        return await self._edge.write(
            request, member.batch_enroll, convert.enroll_rows(request), render=convert.enroll_results
        )

    async def GetMember(self, request: pb.GetMemberRequest, context: ServicerContext) -> pb.Member:
        """Read one member."""
        time = instant(request.tier_time, field="tier_time") if request.HasField("tier_time") else None
        return privacy.shower()(await self._edge.read(member.get, convert.member_id(request.name), time))

    async def LookupMember(self, request: pb.LookupMemberRequest, context: ServicerContext) -> pb.Member:
        """Find one member."""
        return privacy.shower()(await self._edge.read(member.lookup, convert.identifier(request)))

    async def UpdateMember(self, request: pb.UpdateMemberRequest, context: ServicerContext) -> pb.Member:
        """Change a member."""
        show = privacy.shower()
        return await self._edge.write(
            request, member.update, convert.update_member(request), render=show, recall=privacy.recall(show)
        )

    async def ListMembers(self, request: pb.ListMembersRequest, context: ServicerContext) -> pb.ListMembersResponse:
        """A page of members."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(member.page, page, tag=request.tag, org=request.org)
        show = privacy.shower()
        token = next_token(request, self._tokens, page, rows=rows, position=lambda shown: (str(shown.member.id),))
        return pb.ListMembersResponse(members=[show(shown) for shown in rows[: page.size]], next_page_token=token)

    async def ListTierChanges(
        self, request: pb.ListTierChangesRequest, context: ServicerContext
    ) -> pb.ListTierChangesResponse:
        """A page of a member's tier changes."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(tier.changes, convert.member_id(request.parent, field="parent"), page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda change: (change.time.isoformat(),))
        return pb.ListTierChangesResponse(
            tier_changes=[convert.tier_change(change) for change in rows[: page.size]], next_page_token=token
        )

    async def AccruePoints(self, request: pb.AccruePointsRequest, context: ServicerContext) -> pb.AccruePointsResponse:
        """Give points."""
        response: pb.AccruePointsResponse = await self._accrue(request, convert.accrue(request))
        return response

    async def SpendPoints(self, request: pb.SpendPointsRequest, context: ServicerContext) -> pb.SpendPointsResponse:
        """Take points."""
        response: pb.SpendPointsResponse = await self._spend(request, convert.spend(request))
        return response

    async def CreateHold(self, request: pb.CreateHoldRequest, context: ServicerContext) -> pb.Hold:
        """Set points aside."""
        response: pb.Hold = await self._hold(request, convert.place_hold(request))
        return response

    async def ConfirmHold(self, request: pb.ConfirmHoldRequest, context: ServicerContext) -> pb.Hold:
        """Spend held points."""
        response: pb.Hold = await self._hold(request, convert.confirm_hold(request))
        return response

    async def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: ServicerContext) -> pb.Hold:
        """Give held points back."""
        response: pb.Hold = await self._hold(request, convert.release_hold(request))
        return response

    async def GetHold(self, request: pb.GetHoldRequest, context: ServicerContext) -> pb.Hold:
        """Read a hold."""
        return convert.hold(await self._edge.read(hold.get, convert.hold_of(request)))

    async def GetBalance(self, request: pb.GetBalanceRequest, context: ServicerContext) -> pb.Balance:
        """Read a member's points."""
        member, id_ = convert.balance_of(request)
        if request.HasField("as_of_time"):
            time = instant(request.as_of_time, field="as_of_time")
            return convert.balance(await self._edge.read(points.balance_at, member, time, id_), id_)
        if id_ != DEFAULT:
            return convert.balance(await self._edge.read(points.balance_of, member, id_), id_)
        return convert.balance(await self._balances(member))

    async def ListLots(self, request: pb.ListLotsRequest, context: ServicerContext) -> pb.ListLotsResponse:
        """A page of a member's lots."""
        page = page_of(request, self._tokens)
        asked = convert.lots_asked(request)
        lots = await self._edge.read(points.lots, asked)
        rest = [lot for lot in lots if page.after is None or convert.lot_position(lot) > page.after]
        token = next_token(request, self._tokens, page, rows=rest[: page.fetch], position=convert.lot_position)
        return pb.ListLotsResponse(
            lots=[convert.lot(lot, asked.programme) for lot in rest[: page.size]],
            next_page_token=token,
            available=sum(lot.available for lot in lots),
        )

    async def ListEntries(self, request: pb.ListEntriesRequest, context: ServicerContext) -> pb.ListEntriesResponse:
        """A page of a member's entries."""
        page = page_of(request, self._tokens)
        id_ = wire_programme.programme_asked(request.programme)
        rows = await self._edge.read(points.entries, convert.member_id(request.parent, field="parent"), page, id_)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda posted: (str(posted.id),))
        return pb.ListEntriesResponse(
            entries=[convert.entry(posted) for posted in rows[: page.size]], next_page_token=token
        )

    async def GetProgramme(self, request: pb.GetProgrammeRequest, context: ServicerContext) -> pb.Programme:
        """Read the rules."""
        id_ = wire_programme.programme_id(request.name)
        return wire_programme.programme(await self._edge.read(programme.get, id_, request.version))

    async def UpdateProgramme(self, request: pb.UpdateProgrammeRequest, context: ServicerContext) -> pb.Programme:
        """Change the rules."""
        return await self._edge.write(
            request, programme.update, wire_programme.change(request), render=wire_programme.programme
        )
