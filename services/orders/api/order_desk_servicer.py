"""OrderDeskService: each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kehu.orders.v1 import order_desk_pb2 as pb
from kehu.orders.v1 import order_desk_pb2_grpc
from kehu.orders.v1.shipping_pb2 import DeliveryAddress

from kit import org
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.rpc import call as calls
from kit.vault import Vault
from services.orders.api import delivery, desk, invoice
from services.orders.domain.invoice import Invoice
from services.orders.usecases import desk as desk_usecases
from services.orders.usecases import invoice as invoice_usecases


class OrderDeskServicer(order_desk_pb2_grpc.OrderDeskServiceServicer):
    """The gRPC edge of the order desk."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, vault: Vault) -> None:
        self._edge = edge
        self._tokens = tokens
        self._vault = vault

    async def SearchOrders(self, request: pb.SearchOrdersRequest, context: Any) -> pb.SearchOrdersResponse:
        """Find orders."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(desk_usecases.search_orders, desk.query(request, self._vault), page)
        return pb.SearchOrdersResponse(
            orders=[desk.desk_order(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=desk.position),
        )

    async def ListOrderEvents(self, request: pb.ListOrderEventsRequest, context: Any) -> pb.ListOrderEventsResponse:
        """List what happened to an order."""
        page = convert.page_of(request, self._tokens)
        order_id = desk.order_of(request.parent)
        order, rows = await self._edge.read(desk_usecases.list_events, order_id, page)
        return pb.ListOrderEventsResponse(
            events=[desk.event(row, order) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=desk.event_position),
        )

    async def WriteOrderNote(self, request: pb.WriteOrderNoteRequest, context: Any) -> pb.OrderEvent:
        """Write a note."""
        command = desk.note_command(request, by=_caller())
        written: pb.OrderEvent = await self._edge.write(request, desk_usecases.write_note, command, render=desk.note)
        written.text = request.text
        return written

    async def TagOrder(self, request: pb.TagOrderRequest, context: Any) -> pb.DeskOrder:
        """Change the tags of an order."""
        command = desk.tags(request, by=_caller())
        return await self._edge.write(request, desk_usecases.tag_order, command, render=desk.desk_order)

    async def HoldOrder(self, request: pb.HoldOrderRequest, context: Any) -> pb.DeskOrder:
        """Hold an order."""
        command = desk.hold(request, by=_caller())
        return await self._edge.write(request, desk_usecases.hold_order, command, render=desk.desk_order)

    async def ReleaseOrder(self, request: pb.ReleaseOrderRequest, context: Any) -> pb.DeskOrder:
        """Release an order."""
        command = desk.release(request, by=_caller())
        return await self._edge.write(request, desk_usecases.release_order, command, render=desk.desk_order)

    async def ChangeDeliveryAddress(self, request: pb.ChangeDeliveryAddressRequest, context: Any) -> DeliveryAddress:
        """Send an order elsewhere."""
        order_id, wanted = delivery.order_of(request.name), delivery.address(request.address)
        stored = None
        if await self._edge.answered(request) is None:
            stored = await self._edge.read(desk_usecases.get_address, order_id)
            if stored is not None:
                desk_usecases.check_country(delivery.opened(self._vault, stored), wanted, order_id)
        command = desk.change(request, wanted, self._vault, by=_caller(), first=stored is None)
        answer: DeliveryAddress = await self._edge.write(
            request, desk_usecases.change_address, command, render=lambda _: desk.changed(order_id)
        )
        answer.address.CopyFrom(delivery.shown(wanted))
        return answer

    async def RequestInvoice(self, request: pb.RequestInvoiceRequest, context: Any) -> pb.Invoice:
        """Ask for an invoice."""
        command = invoice.request(request, self._vault, by=_caller())
        return await self._invoice(request, invoice_usecases.request_invoice, command)

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: Any) -> pb.Invoice:
        """Read an invoice."""
        return await self._read(request.name)

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: Any) -> pb.ListInvoicesResponse:
        """List invoices."""
        page = convert.page_of(request, self._tokens)
        asked = invoice.parent(request.parent), invoice.state(request)
        rows = await self._edge.read(invoice_usecases.list_invoices, *asked, page, org=org.parse(request.org))
        return pb.ListInvoicesResponse(
            invoices=[invoice.invoice(row, self._vault) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=invoice.position),
        )

    async def IssueInvoice(self, request: pb.IssueInvoiceRequest, context: Any) -> pb.Invoice:
        """Tell that an invoice was issued."""
        command = invoice.decision(request, by=_caller())
        return await self._invoice(request, invoice_usecases.issue_invoice, command)

    async def RejectInvoice(self, request: pb.RejectInvoiceRequest, context: Any) -> pb.Invoice:
        """Refuse an invoice."""
        command = invoice.decision(request, by=_caller())
        return await self._invoice(request, invoice_usecases.reject_invoice, command)

    async def VoidInvoice(self, request: pb.VoidInvoiceRequest, context: Any) -> pb.Invoice:
        """Tell that an invoice holds no more."""
        command = invoice.decision(request, by=_caller())
        return await self._invoice(request, invoice_usecases.void_invoice, command)

    async def _invoice(self, request: Any, usecase: Callable[[Any, Any], Invoice], command: Any) -> pb.Invoice:
        answer: pb.Invoice = await self._edge.write(request, usecase, command, render=invoice.bare)
        return await self._read(answer.name)

    async def _read(self, name: str) -> pb.Invoice:
        found = await self._edge.read(invoice_usecases.get_invoice, *invoice.ids(name))
        return invoice.invoice(found, self._vault)


def _caller() -> str:
    return calls.current().identity.subject
