"""`EngagementService`: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import check_ins_pb2, engagement_pb2_grpc
from kehu.members.v1 import engagement_pb2 as pb

from kit.page import Tokens
from kit.rpc import Edge
from services.members.api import check_in as check_ins
from services.members.api import engagement_policy as policies
from services.members.usecases import check_in, engagement


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
