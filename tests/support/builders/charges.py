"""Charges and refunds as orders asks providers for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from kit.money import Money
from services.orders.domain.provider import Charge, Refunding, Scene

_numbers = count(1)


def charge(scene: Scene, fen: int = 1005) -> Charge:
    """A charge of a few yuan, with a subject that neither protocol likes."""
    return Charge(
        reference=f"test_{next(_numbers):08d}",
        amount=Money(fen, "CNY"),
        subject="茶 a/b=c, 50%",
        scene=scene,
        expire_time=datetime.now(UTC) + timedelta(minutes=15),
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        client_ip="203.0.113.7",
        return_url="https://shop.example/done?a=1&b=2",
    )


def refunding(made: Charge, reference: str, fen: int) -> Refunding:
    """A refund of a part of a charge."""
    return Refunding(reference, made.reference, "", Money(fen, "CNY"), made.amount, "退货")
