"""The doorman of flash sales: refuses in memory what the database would refuse anyway, long before it is asked.

What it knows of a sale is at most a moment old, and it only lets in: PostgreSQL decides who buys. Units that come back
reopen a sale that was sold out as soon as the next look at it shows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from kit.clock import Clock
from kit.errors import Fault
from services.orders.domain.errors import flash_sale as errors
from services.orders.domain.flash_sale import Offer
from services.orders.domain.waiting_room import Tickets
from services.orders.usecases.flash_sale_purchase import BuyFlashSale

FRESH = timedelta(milliseconds=500)
"""How long what is known of a sale is good."""

_REMEMBERED = 1_000
SOLD_OUT = "FLASH_SALE_SOLD_OUT"


class Admission:
    """What one process knows of the sales that it is asked for. `look` reads a sale; calls at the same moment share
    it."""

    def __init__(self, *, look: Callable[[UUID], Awaitable[Offer]], tickets: Tickets, clock: Clock) -> None:
        self._look = look
        self._tickets = tickets
        self._clock = clock
        self._known: dict[UUID, tuple[Offer, datetime]] = {}
        self._refused: Counter[tuple[UUID, str]] = Counter()

    async def check(self, command: BuyFlashSale, ticket: str) -> None:
        """Raise a Fault for whoever has no chance: the wrong time, channel or ticket, too many units, or sold out."""
        offer, now = await self._offer(command.sale_id), self._clock()
        sale = offer.sale
        sale.check_open(now)
        if sale.terms.admitted_per_second:
            self._tickets.read(ticket, sale.id).check(sale.id, command.member, now)
        sale.check_channel(command.channel)
        sale.check_quantity(command.quantity)
        if sum(offer.free) < command.quantity:
            raise errors.flash_sale_sold_out(sale.id)

    def refused(self, sale_id: UUID, fault: Fault) -> None:
        """Remember that a buyer was refused, and for a moment that nothing is left."""
        if sale_id not in self._known:
            return  # nobody's sale: not worth a row
        self._refused[sale_id, fault.reason] += 1

    def sold_out(self, sale_id: UUID) -> None:
        """The database found too little: nobody needs to ask again until the next look."""
        if sale_id in self._known:
            offer, _ = self._known[sale_id]
            self._known[sale_id] = replace(offer, free=()), self._clock()

    def drain(self) -> dict[tuple[UUID, str], int]:
        """What was refused since this was last asked, by sale and reason."""
        counts, self._refused = self._refused, Counter()
        return dict(counts)

    async def _offer(self, sale_id: UUID) -> Offer:
        known = self._known.get(sale_id)
        if known is not None and self._clock() - known[1] < FRESH:
            return known[0]
        offer = await self._look(sale_id)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[sale_id] = offer, self._clock()
        return offer
