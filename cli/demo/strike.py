"""Kill a process in the middle of the import: nothing of the reckoning may change by it."""

from __future__ import annotations

from cli.importing.pacing import Admit
from deploy.local.suite import Running

_AFTER_ORDERS = 25_000


class Strike:
    """Kills one process, once, with SIGKILL; the supervisor starts it again."""

    def __init__(self, suite: Running, process: str) -> None:
        self._suite = suite
        self._process = process
        self._orders = 0

    def before(self, gate: Admit) -> Admit:
        """A gate that strikes when enough orders have passed."""

        async def struck(orders: int) -> None:
            await gate(orders)
            before, self._orders = self._orders, self._orders + orders
            if before < _AFTER_ORDERS <= self._orders:
                self._suite.kill(self._process)

        return struck
