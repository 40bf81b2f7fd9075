"""CheckoutService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from kehu.orders.v1 import checkout_pb2 as pb
from kehu.orders.v1 import checkout_pb2_grpc

from kit import names, org
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import checkout
from services.orders.usecases import checkout_view


class CheckoutServicer(checkout_pb2_grpc.CheckoutServiceServicer):
    """Shows checkouts to operators."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def ExplainCheckout(self, request: pb.ExplainCheckoutRequest, context: Any) -> pb.Checkout:
        """Explain a checkout."""
        return checkout.checkout(await self._edge.read(checkout_view.explain, names.id_of("orders", request.name)))

    async def ListCheckouts(self, request: pb.ListCheckoutsRequest, context: Any) -> pb.ListCheckoutsResponse:
        """List checkouts."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(checkout_view.page, checkout.state(request), page, org=org.parse(request.org))
        return pb.ListCheckoutsResponse(
            checkouts=[checkout.checkout(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=checkout.position),
        )
