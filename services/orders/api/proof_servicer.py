"""ProofService: each method is parse, call, render."""

from __future__ import annotations

import json
from typing import Any

from kehu.orders.v1 import proofs_pb2 as pb
from kehu.orders.v1 import proofs_pb2_grpc

from kit import names
from kit.clock import Clock
from kit.errors import Fault
from kit.errors import Kind as FaultKind
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.signing import Signer
from services.orders.api.verification import verification as rendered
from services.orders.api.witnesses import Witnesses
from services.orders.usecases import verification
from services.orders.usecases.verification import VerifyOrder

_ATTEMPTS = 3
"""How often an order is asked about anew that changed meanwhile."""


class ProofServicer(proofs_pb2_grpc.ProofServiceServicer):
    """Proves orders. `signer` signs what is found, `witnesses` ask the other services."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, signer: Signer, *, witnesses: Witnesses, clock: Clock) -> None:
        self._edge = edge
        self._tokens = tokens
        self._signer = signer
        self._witnesses = witnesses
        self._clock = clock

    async def VerifyOrder(self, request: pb.VerifyOrderRequest, context: Any) -> pb.OrderVerification:
        """Verify one order."""
        order_id = names.id_of("orders", request.name)
        attempt = 1
        while True:
            order = await self._edge.read(verification.get_order, order_id)
            elsewhere = await self._witnesses(order, self._clock())
            command = VerifyOrder(order_id, order.version, elsewhere, self._signer.sign)
            try:
                return await self._edge.write(request, verification.verify_order, command, render=rendered)
            except Fault as fault:
                if fault.kind is not FaultKind.ABORTED or attempt == _ATTEMPTS:
                    raise
            attempt += 1

    async def ListOrderVerifications(
        self, request: pb.ListOrderVerificationsRequest, context: Any
    ) -> pb.ListOrderVerificationsResponse:
        """A page of an order's verifications."""
        page = convert.page_of(request, self._tokens)
        order_id = names.id_of("orders", request.parent, field="parent")
        rows = await self._edge.read(verification.statements, order_id, page)
        token = convert.next_token(
            request, self._tokens, page, rows=rows, position=lambda signed: (str(signed.sequence),)
        )
        return pb.ListOrderVerificationsResponse(
            order_verifications=[rendered(signed) for signed in rows[: page.size]], next_page_token=token
        )

    async def GetOrderVerificationKeySet(
        self, request: pb.GetOrderVerificationKeySetRequest, context: Any
    ) -> pb.OrderVerificationKeySet:
        """The public key of the signatures."""
        return pb.OrderVerificationKeySet(jwks=json.dumps({"keys": [self._signer.public_jwk]}))
