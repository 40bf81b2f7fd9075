"""TaxesService: each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from kehu.orders.v1 import taxes_pb2 as pb
from kehu.orders.v1 import taxes_pb2_grpc

from kit import names
from kit.clock import utc_now
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import tax
from services.orders.api.wire import position
from services.orders.usecases.tariff import TAX_TABLES, KnownTariff

C = TypeVar("C")
R = TypeVar("R")
M = TypeVar("M", bound=Message)


class TaxesServicer(taxes_pb2_grpc.TaxesServiceServicer):
    """The tax tables of the merchant."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, tariff: KnownTariff) -> None:
        self._edge = edge
        self._tokens = tokens
        self._tariff = tariff

    async def CreateTaxTable(self, request: pb.CreateTaxTableRequest, context: Any) -> pb.TaxTable:
        """Create a table."""
        return await self._change(request, TAX_TABLES.create, tax.new_table(request, utc_now()), tax.table)

    async def GetTaxTable(self, request: pb.GetTaxTableRequest, context: Any) -> pb.TaxTable:
        """Read a table."""
        return tax.table(await self._edge.read(TAX_TABLES.get, names.id_of("taxTables", request.name)))

    async def ListTaxTables(self, request: pb.ListTaxTablesRequest, context: Any) -> pb.ListTaxTablesResponse:
        """List the tables."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(TAX_TABLES.page, page)
        return pb.ListTaxTablesResponse(
            tax_tables=[tax.table(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def UpdateTaxTable(self, request: pb.UpdateTaxTableRequest, context: Any) -> pb.TaxTable:
        """Change a table."""
        return await self._change(request, TAX_TABLES.update, tax.table_update(request), tax.table)

    async def DeleteTaxTable(self, request: pb.DeleteTaxTableRequest, context: Any) -> Empty:
        """Delete a table."""
        return await self._change(request, TAX_TABLES.delete, tax.deletion(request), lambda _: Empty())

    async def _change(
        self, request: Message, usecase: Callable[[Any, C], R], command: C, render: Callable[[R], M]
    ) -> M:
        """Change the tariff; this process knows the change at once, the others soon."""
        answer = await self._edge.write(request, usecase, command, render=render)
        self._tariff.forget()
        return answer
