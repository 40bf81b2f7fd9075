"""What `serve` does to pull the orders of other platforms. Every replica may run it: shops are taken by lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from services.orders import metrics
from services.orders.usecases.pulling import Platform, Pulling, Round, Transactions

_PAUSE_SECONDS = 1.0


class ChannelPulls:
    """An endless task."""

    def __init__(
        self, transactions: Transactions, platforms: Mapping[str, Platform], since: Mapping[str, datetime]
    ) -> None:
        self._pulling = Pulling(transactions, platforms, since=since, tell=_count)
        self._wanted = bool(platforms)

    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """It, or nothing where no shop is pulled."""
        return [self.run] if self._wanted else []

    async def run(self) -> None:
        """Pull whatever shop's time has come."""
        while True:
            if not await self._pulling.sweep():
                await asyncio.sleep(_PAUSE_SECONDS)


def _count(done: Round) -> None:
    metrics.PULLS.labels(done.platform, "failed" if done.reason else "ok").inc()
    metrics.PULL_LAG.labels(done.platform).set(max(0.0, done.lag.total_seconds()))
    for outcome, count in done.outcomes.items():
        metrics.PULLED.labels(done.platform, outcome).inc(count)
