"""Accounts at the payment providers that a local server plays."""

from __future__ import annotations

from services.orders.providers.port import (
    Charge,
    Provider,
    Scene,
)
from tests.support.builders.charges import charge
from tools.providers.desk import Desk


class Account:
    """A provider, and the hand behind it."""

    def __init__(self, provider: Provider, desk: Desk, address: str = "") -> None:
        self.address = address
        self.provider = provider
        self.desk = desk
        self.scene = Scene.NATIVE if provider.name == "WECHAT_PAY" else Scene.PRECREATE

    async def paid(self, fen: int = 1005) -> Charge:
        """A charge that a buyer paid."""
        made = charge(self.scene, fen)
        await self.provider.prepare(made)
        self.desk.pay(made.reference, tell=False)
        return made
