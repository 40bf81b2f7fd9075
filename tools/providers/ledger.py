"""What a provider keeps: trades, the payments of each, and refunds. In memory, in fen, whatever protocol asks."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from datetime import datetime


class Refused(Exception):
    """The provider says no; `code` is a word of this ledger that each protocol translates."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Payment:
    """Money that came in. A trade has one; a provider that misbehaves makes it two."""

    transaction: str
    amount: int
    time: datetime


@dataclass
class Refund:
    """Money that goes back."""

    number: str
    transaction: str
    trade: str
    amount: int
    state: str
    """`processing`, `done` or `failed`."""
    time: datetime
    notify_url: str = ""


@dataclass
class Trade:
    """What a merchant wants to be paid."""

    number: str
    amount: int
    subject: str
    scene: str
    notify_url: str
    expires: datetime | None
    created: datetime
    closed: bool = False
    payments: list[Payment] = field(default_factory=list)
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def refunded(self) -> int:
        """What went back, or is about to."""
        return sum(refund.amount for refund in self.refunds.values() if refund.state != "failed")

    @property
    def paid(self) -> Payment | None:
        """The payment that the provider knows the trade by."""
        return self.payments[0] if self.payments else None

    @property
    def settled(self) -> Payment:
        """The same, of a trade that must be paid."""
        if not self.payments:
            raise Refused("unpaid")
        return self.payments[0]


class Ledger:
    """All trades of one provider."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self.trades: dict[str, Trade] = {}
        self.refund_state = "done"
        """What becomes of the next refunds: `done`, `processing` or `failed`."""

    def open(self, trade: Trade) -> Trade:
        """Open a trade; once more with the same content is the same trade."""
        with self._lock:
            known = self.trades.setdefault(trade.number, trade)
            if known is trade:
                return trade
            if known.payments:
                raise Refused("paid")
            if known.closed:
                raise Refused("closed")
            if (known.amount, known.subject) != (trade.amount, trade.subject):
                raise Refused("different")
            return known

    def find(self, number: str) -> Trade:
        """A trade by the merchant's number."""
        with self._lock:
            if number not in self.trades:
                raise Refused("unknown")
            return self.trades[number]

    def pay(self, number: str, now: datetime, *, amount: int | None = None, anyway: bool = False) -> Payment:
        """The buyer pays. `anyway` pays what is closed, paid or too late as well, as no provider should."""
        with self._lock:
            trade = self.find(number)
            if not anyway and trade.payments:
                raise Refused("paid")
            late = trade.expires is not None and now >= trade.expires
            if not anyway and (trade.closed or late):
                raise Refused("closed")
            payment = Payment(self._next(now), trade.amount if amount is None else amount, now)
            trade.payments.append(payment)
            return payment

    def close(self, number: str) -> None:
        """Nobody may pay any more."""
        with self._lock:
            trade = self.find(number)
            if trade.payments:
                raise Refused("paid")
            trade.closed = True

    def refund(
        self, number: str, request: str, amount: int, now: datetime, notify_url: str = ""
    ) -> tuple[Refund, bool]:
        """Give money back, by the request's number once; answers whether it is new."""
        with self._lock:
            trade = self.find(number)
            paid = trade.settled
            known = trade.refunds.get(request)
            if known is not None:
                if known.amount != amount:
                    raise Refused("different")
                if known.state != "failed":
                    return known, False
            if trade.refunded + amount > paid.amount or amount <= 0:
                raise Refused("too much")
            refund = Refund(request, self._next(now), number, amount, self.refund_state, now, notify_url)
            trade.refunds[request] = refund
            return refund, True

    def find_refund(self, request: str) -> Refund:
        """A refund by the merchant's number."""
        with self._lock:
            for trade in self.trades.values():
                if request in trade.refunds:
                    return trade.refunds[request]
            raise Refused("no refund")

    def movements(self) -> list[tuple[Trade, Payment | Refund]]:
        """Everything that moved, for a bill."""
        with self._lock:
            moved: list[tuple[Trade, Payment | Refund]] = []
            for trade in self.trades.values():
                moved += [(trade, payment) for payment in trade.payments]
                moved += [(trade, refund) for refund in trade.refunds.values() if refund.state != "failed"]
            return moved

    def _next(self, now: datetime) -> str:
        return f"{self._prefix}{now:%Y%m%d%H%M%S}{next(self._numbers):08d}"
