"""The unit of work: what a use-case sees of one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from kit import names, outbox

Publish = Callable[[object], outbox.Event]
"""A service's `publish.to_event`: a fact of the domain as the event that goes out."""


class Unit:
    """One transaction: its connection, its instant, and the way to publish.

    A service derives its own and adds its stores. Only the edge (kit.rpc, kit.worker) makes and commits one.
    """

    def __init__(self, connection: Connection, now: datetime, publish: Publish) -> None:
        self.connection = connection
        self.now = now
        self._publish = publish

    def new_id(self) -> UUID:
        """An id for something that comes into being within this transaction, such as a lot of a ledger."""
        return names.new_id()

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts: they go out if this transaction commits, and only then."""
        outbox.append(self.connection, [self._publish(fact) for fact in facts], now=self.now)
