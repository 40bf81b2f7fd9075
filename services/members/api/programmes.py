"""`ProgrammesService`: each method is parse, call, render."""

from __future__ import annotations

from functools import partial
from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import members_pb2, programmes_pb2_grpc
from kehu.members.v1 import programmes_pb2 as pb

from kit import names
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from services.members.api import earning as convert
from services.members.api import programme as wire_programme
from services.members.api.audit import author
from services.members.usecases import dry_run, programme, purchase_view, recalculation


class ProgrammesServicer(programmes_pb2_grpc.ProgrammesServiceServicer):
    """Serves programmes and what is earned in them."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def CreateProgramme(
        self, request: pb.CreateProgrammeRequest, context: ServicerContext
    ) -> members_pb2.Programme:
        """Make a programme."""
        return await self._edge.write(
            request,
            partial(programme.create, author=author()),
            wire_programme.creation(request),
            render=wire_programme.programme,
        )

    async def ListProgrammes(
        self, request: pb.ListProgrammesRequest, context: ServicerContext
    ) -> pb.ListProgrammesResponse:
        """A page of programmes."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(programme.page, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda rules: (rules.id,))
        return pb.ListProgrammesResponse(
            programmes=[wire_programme.programme(rules) for rules in rows[: page.size]], next_page_token=token
        )

    async def ListProgrammeVersions(
        self, request: pb.ListProgrammeVersionsRequest, context: ServicerContext
    ) -> pb.ListProgrammeVersionsResponse:
        """A page of a programme's versions."""
        page = page_of(request, self._tokens)
        id_ = wire_programme.programme_id(request.parent, field="parent")
        rows = await self._edge.read(programme.versions, id_, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda rules: (str(rules.version),))
        return pb.ListProgrammeVersionsResponse(
            programmes=[wire_programme.programme(rules) for rules in rows[: page.size]], next_page_token=token
        )

    async def GetEarning(self, request: pb.GetEarningRequest, context: ServicerContext) -> pb.Earning:
        """Read what an order earned in a programme."""
        member, order, id_ = convert.earning_of(request.name)
        return convert.earning(*await self._edge.read(purchase_view.earning, member, order, id_), id_)

    async def GetPurchase(self, request: pb.GetPurchaseRequest, context: ServicerContext) -> pb.Purchase:
        """Read an order with what it earned."""
        return convert.purchase(await self._edge.read(purchase_view.read, *convert.purchase_of(request.name)))

    async def ListProgrammeBalances(
        self, request: pb.ListProgrammeBalancesRequest, context: ServicerContext
    ) -> pb.ListProgrammeBalancesResponse:
        """List a member's points by programme."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(purchase_view.balances, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (row[0].id,))
        return convert.balances(rows[: page.size], token)

    async def QuoteRedemption(
        self, request: pb.QuoteRedemptionRequest, context: ServicerContext
    ) -> pb.QuoteRedemptionResponse:
        """Say how many points could pay a part of an order."""
        return convert.quoted(await self._edge.read(purchase_view.quote, convert.quote(request)))

    async def PreviewProgramme(
        self, request: pb.PreviewProgrammeRequest, context: ServicerContext
    ) -> pb.PreviewProgrammeResponse:
        """Say what past orders would have earned."""
        return convert.outcome(await self._edge.read(dry_run.dry_run, convert.dry_run(request)))

    async def CreateRecalculation(
        self, request: pb.CreateRecalculationRequest, context: ServicerContext
    ) -> pb.Recalculation:
        """Make past orders earn by the newest version."""
        return await self._edge.write(
            request, recalculation.start, convert.start_recalculation(request), render=convert.recalculation
        )

    async def GetRecalculation(self, request: pb.GetRecalculationRequest, context: ServicerContext) -> pb.Recalculation:
        """Read how far a recalculation is."""
        id_ = names.id_of("recalculations", request.name)
        return convert.recalculation(await self._edge.read(recalculation.get, id_))
