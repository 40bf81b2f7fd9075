"""GroupBuysService: each method is parse, call, render. Who takes seats at the same moment shares a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from kehu.orders.v1 import group_buys_pb2 as pb
from kehu.orders.v1 import group_buys_pb2_grpc, orders_pb2

from kit import names
from kit.clock import Clock
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.rpc import call as calls
from services.orders.api import group_buy, order
from services.orders.api.sending import Sendings
from services.orders.domain.group_buy import GroupBuy
from services.orders.usecases import group as groups
from services.orders.usecases import group_buy as usecases


class GroupBuysServicer(group_buys_pb2_grpc.GroupBuysServiceServicer):
    """The gRPC edge of group buys."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, sending: Sendings, clock: Clock) -> None:
        self._edge = edge
        self._tokens = tokens
        self._sending = sending
        self._clock = clock
        self._take_seat: Callable[[Message, groups.TakeSeat], Awaitable[orders_pb2.Order]] = edge.lane(
            "group_seats", groups.take_seats, render=order.order
        )

    async def CreateGroupBuy(self, request: pb.CreateGroupBuyRequest, context: Any) -> pb.GroupBuy:
        """Make a group buy."""
        command = group_buy.creation(request, names.new_id())
        return await self._edge.write(request, usecases.create_group_buy, command, render=self._group_buy)

    async def GetGroupBuy(self, request: pb.GetGroupBuyRequest, context: Any) -> pb.GroupBuy:
        """Read a group buy."""
        return self._group_buy(await self._edge.read(usecases.get_group_buy, names.id_of("groupBuys", request.name)))

    async def ListGroupBuys(self, request: pb.ListGroupBuysRequest, context: Any) -> pb.ListGroupBuysResponse:
        """List group buys."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_group_buys, group_buy.query(request), page)
        return pb.ListGroupBuysResponse(
            group_buys=[self._group_buy(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=group_buy.position),
        )

    async def UpdateGroupBuy(self, request: pb.UpdateGroupBuyRequest, context: Any) -> pb.GroupBuy:
        """Change a group buy."""
        command = group_buy.update(request)
        return await self._edge.write(request, usecases.update_group_buy, command, render=self._group_buy)

    async def CancelGroupBuy(self, request: pb.CancelGroupBuyRequest, context: Any) -> pb.GroupBuy:
        """Let no more groups be opened."""
        command = group_buy.cancellation(request)
        return await self._edge.write(request, usecases.cancel_group_buy, command, render=self._group_buy)

    async def OpenGroup(self, request: pb.OpenGroupRequest, context: Any) -> orders_pb2.Order:
        """Open a group with its leader's order."""
        sending = await self._sending(request)
        return await self._take_seat(request, group_buy.opening(request, names.new_id(), names.new_id(), sending))

    async def JoinGroup(self, request: pb.JoinGroupRequest, context: Any) -> orders_pb2.Order:
        """Take a seat in a group."""
        sending = await self._sending(request)
        return await self._take_seat(request, group_buy.joining(request, names.new_id(), sending))

    async def GetGroup(self, request: pb.GetGroupRequest, context: Any) -> pb.Group:
        """Read a group."""
        return group_buy.group(await self._edge.read(groups.get_group, *group_buy.ids(request.name)))

    async def ListGroups(self, request: pb.ListGroupsRequest, context: Any) -> pb.ListGroupsResponse:
        """List the groups that take members."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(groups.list_groups, group_buy.group_query(request), page)
        return pb.ListGroupsResponse(
            groups=[group_buy.group(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(
                request, self._tokens, page, rows=rows, position=group_buy.group_position
            ),
        )

    async def FillGroup(self, request: pb.FillGroupRequest, context: Any) -> pb.Group:
        """Fill free seats at the merchant's expense."""
        command = group_buy.filling(request, calls.current().identity.subject)
        return await self._edge.write(request, groups.fill_group, command, render=group_buy.group)

    def _group_buy(self, found: GroupBuy) -> pb.GroupBuy:
        return group_buy.group_buy(found, self._clock())
