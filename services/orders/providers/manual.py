"""Cash, a bank transfer, somebody else's card terminal: people saw the money and say so; there is nobody to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from kit.clock import Clock, utc_now
from services.orders.domain.errors.provider import notice_invalid, scene_unsupported
from services.orders.providers.port import (
    BillLine,
    Charge,
    Headers,
    Notice,
    Prepared,
    Refunding,
    RefundStanding,
    Reply,
    Scene,
    Standing,
    Status,
)


class Manual:
    """Money that changes hands without us: a charge is never known here, and a refund is done when it is asked for."""

    name = "MANUAL"
    scenes: frozenset[Scene] = frozenset()
    merchant = ""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock

    async def prepare(self, charge: Charge) -> Prepared:
        """There is no cashier to show."""
        raise scene_unsupported(self.name, charge.scene)

    async def query(self, reference: str) -> Standing:
        """Nobody knows but who took the money."""
        return Standing(reference, Status.NOT_FOUND)

    async def close(self, reference: str) -> None:
        """Nothing is open."""

    async def refund(self, refunding: Refunding) -> RefundStanding:
        """Whoever asks hands the money back."""
        return RefundStanding(
            refunding.reference, Status.SUCCEEDED, refunding.transaction, refunding.amount, self._clock()
        )

    async def query_refund(self, reference: str, charge_reference: str) -> RefundStanding:  # noqa: ARG002 - of the port
        """Nobody knows but who gave the money."""
        return RefundStanding(reference, Status.NOT_FOUND)

    def read(self, headers: Headers, body: bytes, *, now: datetime) -> Notice:  # noqa: ARG002 - of the port
        """Nobody sends any."""
        raise notice_invalid(self.name, "it sends none")

    def accepted(self) -> Reply:
        """As polite as the others."""
        return Reply(204, "text/plain", b"")

    def refused(self) -> Reply:
        """There is no such callback."""
        return Reply(404, "text/plain", b"")

    async def bill(self, day: date) -> Sequence[BillLine]:  # noqa: ARG002 - of the port
        """The till has one, not we."""
        return []

    async def aclose(self) -> None:
        """Nothing is open."""
