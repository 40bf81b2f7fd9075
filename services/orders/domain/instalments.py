"""Instalments: an order that is paid in two parts, a deposit at once and the balance in its own window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Instalments:
    """`deposit` minor units come first, and all else in [start, end). Whoever has paid the deposit and not the balance
    when the order ends loses the deposit if it is `forfeit`; the merchant who gives an order up keeps nothing."""

    deposit: int
    start: datetime
    end: datetime
    forfeit: bool

    def payable(self, outstanding: int, received: int, now: datetime) -> int:
        """What of the outstanding money may come in now: the rest of the deposit; nothing before the balance is due;
        then all."""
        if received < self.deposit:
            return self.deposit - received
        return 0 if now < self.start else outstanding
