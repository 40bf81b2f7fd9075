"""The control: members as it is, but with one transaction per request instead of one for all that wait together."""

from __future__ import annotations

from typing import Any

from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc

from kit.rpc import Edge, Server, Servicer, run
from kit.settings import load
from services.members import server
from services.members.api import convert
from services.members.config import Config
from services.members.domain.points import Wallet
from services.members.usecases import points
from services.members.usecases.points import Accrue
from services.members.usecases.ports import Unit


class Control(members_pb2_grpc.MembersServiceServicer):
    """Accrues one by one."""

    def __init__(self, edge: Edge[Any]) -> None:
        self._edge = edge

    async def AccruePoints(self, request: pb.AccruePointsRequest, _context: object) -> pb.AccruePointsResponse:
        """Give points."""
        return await self._edge.write(request, _one, convert.accrue(request), render=_render)


def _one(unit: Unit, command: Accrue) -> Wallet:
    outcome = points.accrue(unit, [command])[0]
    if not isinstance(outcome, Wallet):
        raise outcome
    return outcome


def _render(wallet: Wallet) -> pb.AccruePointsResponse:
    return pb.AccruePointsResponse(balance=convert.balance(wallet))


def build(config: Config) -> Server:
    """The same server with another servicer."""
    whole = server.build(config)
    servicer = Control(Edge(whole.database))  # type: ignore[abstract]  # nothing else is called
    add = members_pb2_grpc.add_MembersServiceServicer_to_server
    whole.servicers = [Servicer("kehu.members.v1.MembersService", add, servicer)]
    return whole


if __name__ == "__main__":
    run(lambda: build(load(Config)))
