"""OrdersService: each method is parse, call, render."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message
from kehu.orders.v1 import imports_pb2, orders_pb2, orders_pb2_grpc, products_pb2, refunds_pb2, stock_pb2

from kit import names
from kit.errors import Fault
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.rpc import call as calls
from kit.vault import Vault
from services.orders.api import afterwards, basket, imports, order, product, quote, refund, stock
from services.orders.api.turns import Turns
from services.orders.api.wire import version_of
from services.orders.domain.checkout import Attempt
from services.orders.domain.payment import Tender
from services.orders.usecases import imports as import_usecases
from services.orders.usecases import order as order_usecases
from services.orders.usecases import payment as payment_usecases
from services.orders.usecases import payment_intent as intent_usecases
from services.orders.usecases import placing, tendering
from services.orders.usecases import product as product_usecases
from services.orders.usecases import refund as refund_usecases
from services.orders.usecases import stock as stock_usecases
from services.orders.usecases.checkout import Checkout, Open
from services.orders.usecases.paying import Paying
from services.orders.usecases.payment import PaymentProvider, PayOrder
from services.orders.usecases.placing import Placement
from services.orders.usecases.refund import Limits

C = TypeVar("C")
Lane = Callable[[Message, C], Awaitable[orders_pb2.Order]]


class OrdersServicer(orders_pb2_grpc.OrdersServiceServicer):
    """The gRPC edge of orders. `goods` is the edge by which products are changed."""

    def __init__(
        self,
        edge: Edge[Any],
        tokens: Tokens,
        *,
        checkout: Checkout,
        providers: Mapping[Tender, PaymentProvider],
        refund_limits: Limits,
        paying: Paying,
        vault: Vault,
        goods: Edge[Any],
    ) -> None:
        self._edge = edge
        self._goods = goods
        self._tokens = tokens
        self._checkout = checkout
        self._providers = providers
        self._refund_limits = refund_limits
        self._paying = paying
        self._vault = vault
        self._turns = Turns()
        self._place: Lane[Placement] = edge.lane("place", placing.place, render=order.order)
        self._pay: Lane[PayOrder] = edge.lane("pay", payment_usecases.pay_orders, render=order.order)

    async def CreateProduct(self, request: products_pb2.CreateProductRequest, context: Any) -> products_pb2.Product:
        """Put a product on sale."""
        return await self._goods.write(
            request, product_usecases.create_product, product.creation(request), render=product.product
        )

    async def GetProduct(self, request: products_pb2.GetProductRequest, context: Any) -> products_pb2.Product:
        """Read a product."""
        found = await self._edge.read(product_usecases.get_product, names.id_of("products", request.name))
        return product.product(found)

    async def ListProducts(
        self, request: products_pb2.ListProductsRequest, context: Any
    ) -> products_pb2.ListProductsResponse:
        """List products."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(product_usecases.list_products, product.query(request), page)
        return products_pb2.ListProductsResponse(
            products=[product.product(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=product.position),
        )

    async def UpdateProduct(self, request: products_pb2.UpdateProductRequest, context: Any) -> products_pb2.Product:
        """Change a product's title or price."""
        return await self._goods.write(
            request, product_usecases.update_product, product.update(request), render=product.product
        )

    async def ArchiveProduct(self, request: products_pb2.ArchiveProductRequest, context: Any) -> products_pb2.Product:
        """Withdraw a product from sale."""
        return await self._goods.write(
            request, product_usecases.archive_product, product.change(request), render=product.product
        )

    async def ActivateProduct(self, request: products_pb2.ActivateProductRequest, context: Any) -> products_pb2.Product:
        """Put a product on sale again."""
        return await self._goods.write(
            request, product_usecases.activate_product, product.change(request), render=product.product
        )

    async def GetStock(self, request: stock_pb2.GetStockRequest, context: Any) -> stock_pb2.Stock:
        """Read the stock at a place."""
        return stock.stock(await self._edge.read(stock_usecases.get_stock, stock.place(request.name)))

    async def ReceiveStock(self, request: stock_pb2.ReceiveStockRequest, context: Any) -> stock_pb2.Stock:
        """Book units that came in."""
        return await self._edge.write(request, stock_usecases.receive_stock, stock.receipt(request), render=stock.stock)

    async def AdjustStock(self, request: stock_pb2.AdjustStockRequest, context: Any) -> stock_pb2.Stock:
        """Set the units right."""
        return await self._edge.write(
            request, stock_usecases.adjust_stock, stock.adjustment(request), render=stock.stock
        )

    async def QuoteOrder(self, request: orders_pb2.QuoteOrderRequest, context: Any) -> orders_pb2.QuoteOrderResponse:
        """Say what an order would cost."""
        return quote.quote(await self._checkout.quote(basket.asked(request)))

    async def PlaceOrder(self, request: orders_pb2.PlaceOrderRequest, context: Any) -> orders_pb2.Order:
        """Place an order; a repeat gets the same one, without asking the other services again."""
        key = _key(request)
        turn = self._turns.of(key)
        async with turn:
            return await self._ordered(request, key)

    async def _ordered(self, request: orders_pb2.PlaceOrderRequest, key: str) -> orders_pb2.Order:
        wanted = basket.ordered(request, self._vault)
        # What holds something elsewhere must not do so again for a repeat. Of the rest, the transaction finds repeats.
        answered: orders_pb2.Order | None = await self._edge.answered(request) if wanted.steps() else None
        if answered is not None:
            return answered
        try:
            return await self._checkout.place(
                wanted,
                Open(key, names.new_id()),
                store=lambda command: self._place(request, command),
                afterwards=afterwards.run,
            )
        except Fault:
            # Perhaps it failed because its twin, sent at the same moment, has just got what both wanted.
            answered = await self._edge.answered(request)
            if answered is None:
                raise
            return answered

    async def GetOrder(self, request: orders_pb2.GetOrderRequest, context: Any) -> orders_pb2.Order:
        """Read an order."""
        return order.order(await self._edge.read(order_usecases.get_order, names.id_of("orders", request.name)))

    async def ListOrders(self, request: orders_pb2.ListOrdersRequest, context: Any) -> orders_pb2.ListOrdersResponse:
        """List orders."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(order_usecases.list_orders, order.query(request), page)
        return orders_pb2.ListOrdersResponse(
            orders=[order.order(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=order.position),
        )

    async def PayOrder(self, request: orders_pb2.PayOrderRequest, context: Any) -> orders_pb2.Order:
        """Take the money, then mark the order as paid."""
        command = order.payment(request)
        reference = await self._providers[command.tender].capture(command)
        return await self._pay(request, command.captured(reference))

    async def CheckoutOrder(self, request: orders_pb2.CheckoutOrderRequest, context: Any) -> orders_pb2.Order:
        """Pay an order with what members holds; a repeat gets the same answer, without asking members again."""
        key = _key(request)
        turn = self._turns.of(key)
        async with turn:
            answered: orders_pb2.Order | None = await self._edge.answered(request)
            return answered if answered is not None else await self._tendered(request, key)

    async def _tendered(self, request: orders_pb2.CheckoutOrderRequest, key: str) -> orders_pb2.Order:
        wanted, version = basket.tendered(request), version_of(request.etag)
        order_id = names.id_of("orders", request.name)
        found: tendering.Payable = await self._edge.read(tendering.payable, order_id)

        async def store(held: Attempt) -> orders_pb2.Order:
            command = tendering.TenderOrder.of(held, version)
            paid: orders_pb2.Order = await self._edge.write(
                request, tendering.tender_order, command, render=order.order
            )
            return paid

        try:
            return await self._checkout.pay(
                found.tendered(wanted),
                Open(key, names.new_id(), pay_within=found.pay_within, pays=order_id),
                store=store,
                ours=order.has_held,
                afterwards=afterwards.run,
            )
        except Fault:
            # Perhaps it failed because its twin, sent at the same moment, has just got what both wanted.
            twin: orders_pb2.Order | None = await self._edge.answered(request)
            if twin is None:
                raise
            return twin

    async def CancelOrder(self, request: orders_pb2.CancelOrderRequest, context: Any) -> orders_pb2.Order:
        """Give up an order that is not paid, once its provider has made sure that it can't be any more."""
        command = order.cancellation(request)
        if await self._edge.answered(request) is None:
            await self._edge.read(intent_usecases.check_cancel, command)
            await self._paying.close_all(command.order_id)
        return await self._edge.write(request, intent_usecases.cancel_order, command, render=order.order)

    async def CompleteOrder(self, request: orders_pb2.CompleteOrderRequest, context: Any) -> orders_pb2.Order:
        """Tell that a paid order was carried out."""
        return await self._edge.write(
            request, order_usecases.complete_order, order.completion(request), render=order.order
        )

    async def RefundOrder(self, request: refunds_pb2.RefundOrderRequest, context: Any) -> refunds_pb2.Refund:
        """Give back a part of what was paid for an order."""
        command = refund.command(request, by=calls.current().identity.subject, limits=self._refund_limits)
        made: refunds_pb2.Refund = await self._edge.write(
            request, refund_usecases.refund_order, command, render=refund.refund, recall=refund.recalled
        )
        self._paying.wake.set()
        return made

    async def ListRefunds(
        self, request: refunds_pb2.ListRefundsRequest, context: Any
    ) -> refunds_pb2.ListRefundsResponse:
        """List the refunds of an order, or of all."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(refund_usecases.list_refunds, refund.query(request), page)
        return refunds_pb2.ListRefundsResponse(
            refunds=[refund.refund(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=refund.position),
        )

    async def ImportOrders(
        self, request: imports_pb2.ImportOrdersRequest, context: Any
    ) -> imports_pb2.ImportOrdersResponse:
        """Store paid orders of another system's history."""
        return await self._edge.write(
            request, import_usecases.import_orders, imports.rows(request), render=imports.response
        )


def _key(request: Message) -> str:
    """What repeats of a request have in common; of a request without an id, there are none."""
    if not getattr(request, "request_id", ""):
        return str(names.new_id())
    caller = calls.current().identity.subject
    return hashlib.sha256(caller.encode() + b"\0" + request.SerializeToString(deterministic=True)).hexdigest()
