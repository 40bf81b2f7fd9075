"""How buyers in activities want their goods, between the wire and the use-cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kehu.orders.v1 import bargains_pb2, flash_sales_pb2, group_buys_pb2, presales_pb2

from kit.vault import Vault
from services.orders.api import delivery
from services.orders.domain.payment import RefundPolicy
from services.orders.domain.tariff import Tariff
from services.orders.usecases.activity import Sending

Buying = (
    flash_sales_pb2.BuyFlashSaleRequest
    | group_buys_pb2.OpenGroupRequest
    | group_buys_pb2.JoinGroupRequest
    | bargains_pb2.BuyHaggleRequest
    | presales_pb2.BuyPresaleRequest
)


class Sendings:
    """Reads what requests say of it. `tariff` is that of the moment, known to the process, and `refund_policy` what new
    orders get."""

    def __init__(self, tariff: Callable[[], Awaitable[Tariff]], vault: Vault, refund_policy: RefundPolicy) -> None:
        self._tariff = tariff
        self._vault = vault
        self._refund_policy = refund_policy

    async def __call__(self, request: Buying) -> Sending:
        """What a request says; its address sealed."""
        tariff = await self._tariff()
        if not request.HasField("delivery"):
            return Sending(tariff, refund_policy=self._refund_policy)
        chosen = delivery.choice(request.delivery)
        return Sending(tariff, chosen, delivery.sealed(self._vault, chosen.address), self._refund_policy)
