"""The unit of work: what a use-case sees of one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Generic, Self, TypeVar, overload
from uuid import UUID

from sqlalchemy import Connection

from kit import ending, names
from kit.idempotency import Answer, Key
from kit.outbox import Event

Publish = Callable[[object], Event]
"""A service's `publish.to_event`: a fact of the domain as the event that goes out."""

S = TypeVar("S")


class Unit:
    """One transaction: its connection, its instant, and the way to publish.

    A service derives its own and adds its stores. Only the edge (kit.rpc, kit.worker) makes and commits one.
    """

    def __init__(self, connection: Connection, now: datetime, publish: Publish) -> None:
        self.connection = connection
        self.now = now
        self.facts: list[object] = []
        """What was published and noted so far; what is counted once the transaction is committed."""
        self._publish = publish
        self._events: list[Event] = []
        self._answers: dict[Key, Answer] = {}

    def new_id(self) -> UUID:
        """An id for something that comes into being within this transaction, such as a lot of a ledger."""
        return names.new_id()

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts: they go out if this transaction commits, and only then."""
        new = list(facts)
        self.facts += new
        self._events += [self._publish(fact) for fact in new]

    def answer(self, answers: Mapping[Key, Answer]) -> None:
        """Keep what calls are answered, for their repeats."""
        self._answers |= answers

    def finish(self) -> None:
        """Write what is published and answered, right before the commit. Raises `Raced`, see `kit.idempotency`."""
        ending.write(self.connection, events=self._events, answers=self._answers, now=self.now)

    def note(self, fact: object) -> None:
        """Tell a fact to whoever counts what was committed, and to nobody else: it is not published."""
        self.facts.append(fact)


class Stored(Generic[S]):
    """A store of a unit, made when it is first asked for: a transaction needs few of a service's many.

    class OrdersUnit(Unit):
        orders = Stored(OrderStore)
    """

    def __init__(self, make: Callable[[Connection], S]) -> None:
        self._make = make
        self._name = ""

    def __set_name__(self, owner: type[Unit], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, unit: None, owner: type[Unit]) -> Self: ...

    @overload
    def __get__(self, unit: Unit, owner: type[Unit]) -> S: ...

    def __get__(self, unit: Unit | None, owner: type[Unit]) -> S | Self:
        if unit is None:
            return self
        store = self._make(unit.connection)
        unit.__dict__[self._name] = store  # found there from now on, before this descriptor
        return store
