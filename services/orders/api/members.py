"""Members, as checkout sees it: points that pay a part of an order."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from kit import names
from kit.errors import Fault, Kind
from kit.rpc import Peer, convert
from services.orders.domain import errors
from services.orders.domain.payment import PointsTender


class MembersPoints:
    """Holds points for an order, and frees them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = MembersServiceStub(peer.channel)

    async def hold(self, points: int, *, member: UUID, order_id: UUID, ttl: timedelta) -> PointsTender:
        """Hold points for an order. Raises a Fault if there are too few."""
        lasting = Duration()
        lasting.FromTimedelta(ttl)
        request = pb.CreateHoldRequest(
            parent=names.join("members", member),
            hold=pb.Hold(points=points),
            source=names.join("orders", order_id),
            ttl=lasting,
            request_id=str(order_id),
        )
        try:
            held = await self._peer.call(self._stub.CreateHold, request)
        except Fault as fault:
            if fault.kind in {Kind.FAILED_PRECONDITION, Kind.NOT_FOUND}:
                raise errors.points_refused(member, fault.reason) from fault
            raise
        return PointsTender(held.name, held.points, convert.money(held.value, field="points"))

    async def release(self, tender: PointsTender) -> None:
        """Free held points."""
        await self._peer.call(self._stub.ReleaseHold, pb.ReleaseHoldRequest(name=tender.hold))
