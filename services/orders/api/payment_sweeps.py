"""What `serve` does for payments beside answering calls. Every replica may run all of it: rows are taken by lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.orders import metrics
from services.orders.api.payment_notice import Notices
from services.orders.usecases import payment_intent, payment_notice, reconciliation
from services.orders.usecases.paying import Paying, Transactions

_PAUSE_SECONDS = 1.0
_BILLS_SECONDS = 60.0
_WATCH_SECONDS = 15.0


class PaymentSweeps:
    """Endless tasks."""

    def __init__(self, transactions: Transactions, paying: Paying, notices: Notices) -> None:
        self._transactions = transactions
        self._paying = paying
        self._notices = notices

    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """All of them; none where no provider is set up."""
        return [self.payments, self.notices, self.bills, self.watch] if self._paying.offered else []

    async def payments(self) -> None:
        """Ask about silent intents and give back what is due: each second, and whenever there may be something."""
        while True:
            self._paying.wake.clear()
            moved = await self._paying.sweep_refunds() + await self._paying.sweep_intents()
            if not moved:
                await self._rest()

    async def notices(self) -> None:
        """Apply stored notices that had no effect."""
        while True:
            await self._notices.sweep()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def bills(self) -> None:
        """Compare the bills of past days, and forget old notices."""
        while True:
            await self._transactions.write(payment_notice.forget_notices)
            while await self._paying.reconcile():
                pass
            await asyncio.sleep(_BILLS_SECONDS)

    async def watch(self) -> None:
        """Tell what waits for a person, and close what nobody should pay any more."""
        while True:
            await self._transactions.write(payment_intent.hasten_intents)
            found = await self._transactions.read(reconciliation.standstill)
            metrics.INTENTS_PARKED.set(found.parked)
            metrics.REFUNDS_FAILED.set(found.failed_refunds)
            metrics.NOTICES_UNAPPLIED.set(found.unapplied_notices)
            metrics.BILLS_DIFFER.set(found.differences)
            metrics.BILLS_UNCOMPARED.set(found.bills)
            await asyncio.sleep(_WATCH_SECONDS)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                await self._paying.wake.wait()
        except TimeoutError:
            return
