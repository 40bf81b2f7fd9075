"""The background task of `serve` that drives on what was left behind, and tells how much of it there is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from kit.rpc import call as calls
from kit.telemetry import log
from services.orders import metrics
from services.orders.domain.checkout import CheckoutState
from services.orders.usecases.checkout_recovery import AT_ONCE, Recovery

_EVERY_SECONDS = 1.0
_ASKING_SECONDS = 5.0
_ROUND_SECONDS = 10.0  # with what it takes to write down; less than a replica has what it takes up for (QUIET_FOR)
_COUNTED_EVERY = 10

Census = Callable[[], Awaitable[Mapping[CheckoutState, tuple[int, float]]]]


class CheckoutRecovery:
    """Rounds of recovery, one each second while there is little to do."""

    def __init__(self, recovery: Recovery, census: Census) -> None:
        self._recovery = recovery
        self._census = census

    async def run(self) -> None:
        """Go round until the process ends."""
        rounds = 0
        while True:
            if rounds % _COUNTED_EVERY == 0:
                await self.count()
            rounds += 1
            if await self.round() < AT_ONCE:
                await asyncio.sleep(_EVERY_SECONDS)

    async def round(self) -> int:
        """Take up what is due; answers how many checkouts that were."""
        begin = asyncio.get_running_loop().time()
        calls.enter(calls.own("recover checkouts", begin + _ASKING_SECONDS))
        async with asyncio.timeout_at(begin + _ROUND_SECONDS):
            taken = await self._recovery.round()
        if taken:
            metrics.TAKEN_UP.inc(len(taken))
            log.info("checkouts taken up", orders=[f"orders/{order_id}" for order_id in taken])
        return len(taken)

    async def count(self) -> None:
        """Tell what is unfinished."""
        for state, (number, age) in (await self._census()).items():
            metrics.SAGAS.labels(state.lower()).set(number)
            metrics.SAGA_AGE.labels(state.lower()).set(age)
