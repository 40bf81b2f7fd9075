"""What the databases say about one run: rows, events, and effects in other services, as facts with their number.

The rows of a run carry its name: orders as their channel, the rest at the beginning of their source or note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg2

from faults.comparing import Counts, Fact, compare
from faults.record import Record
from services.campaigns.consumer import subscriptions as campaigns
from services.members.consumer import subscriptions as members
from services.orders.consumer import subscriptions as orders
from services.pipeline.consumer import subscriptions as pipeline

_SUBSCRIPTIONS = {each.service: each for each in (members, orders, campaigns, pipeline)}

# An order that was cancelled because nobody paid it is an order all the same.
_ORDERS = """
    select store, id::text, state in ('PAID', 'COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED'),
           total - points_value, refunded
    from orders where channel = %s
"""
_REFUNDS = "select r.reason from refunds r join orders o on o.id = r.order_id where o.channel = %s"
_ORDER_EVENTS = """
    select o.store, e.type, e.published_at is not null and e.parked_at is null
    from outbox e join orders o on e.aggregateid = 'orders/' || o.id where o.channel = %s
"""
_ENTRIES = "select kind, source from ledger_entries where source like %s || '/%%'"
_LEADS = "select note from leads where note like %s || '/%%'"
_POINTS = """
    select e.source, sum(e.amount), count(*) from ledger_entries e
    where e.kind = 'ACCRUAL' and e.source = any(%s) group by e.source
"""
_SETTLED = 'select "order"::text, net, earned from purchases where channel = %s'
_PROFILES = "select order_id::text, net from purchases where order_id = any(%s::uuid[])"
_EVENTS = "select id::text from outbox where type = any(%s) and created_at <= %s"
_TAKEN = "select event_id::text from inbox where consumer = %s"
_UNSENT = "select count(*) from outbox where published_at is null and parked_at is null"
_NAMED = 5
_FACTS = {"OrderPlaced": "order", "OrderPaid": "paid", "OrderRefunded": "refund"}
"""What each event of an order tells."""
_PARKED = "select count(*) from outbox where parked_at is not null"


@dataclass(frozen=True)
class Comparison:
    """The three comparisons of a run: what was acknowledged with the rows, rows with events, events with effects."""

    rows: Counts
    events: Counts
    effects: Counts
    deliveries: Counts
    wrong: tuple[str, ...]
    """Effects of another size than their cause."""

    @property
    def total(self) -> Counts:
        """All of them together."""
        return self.rows + self.events + self.effects + self.deliveries


class Evidence:
    """The databases of a suite, read with connections of its own."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    def query(self, service: str, statement: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a statement."""
        with closing(psycopg2.connect(self._urls[service], connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

    def unsent(self) -> int:
        """Events that no relay has sent."""
        return sum(int(str(self.query(service, _UNSENT)[0][0])) for service in self._urls)

    def parked(self) -> int:
        """Events that a relay has given up."""
        return sum(int(str(self.query(service, _PARKED)[0][0])) for service in self._urls)

    def settled(self, until: datetime | None = None) -> bool:
        """Whether everything that happened (before an instant) was sent, and taken in by everybody who listens."""
        return self.deliveries(until).clean and (until is not None or self.unsent() == 0)

    def compare(self, record: Record) -> Comparison:
        """Compare the four sets of a run."""
        found = self.query("orders", _ORDERS, record.name)
        rows: Counter[Fact] = Counter(("order", str(store)) for store, *_ in found)
        rows.update(("paid", str(store)) for store, _, paid, *_ in found if paid)
        kinds = {"ACCRUAL": "accrual", "HOLD": "hold", "RELEASE": "release"}
        entries = self.query("members", _ENTRIES, record.name)
        rows.update((kinds[str(kind)], str(source)) for kind, source in entries)
        rows.update(("refund", str(reason)) for (reason,) in self.query("orders", _REFUNDS, record.name))
        rows.update(("lead", str(note)) for (note,) in self.query("pipeline", _LEADS, record.name))
        wrong, effects = self._effects(record, found)
        return Comparison(
            rows=compare(promised=record.promised, asked=record.asked, found=rows),
            events=self._events(record, rows),
            effects=effects,
            deliveries=self.deliveries(),
            wrong=wrong,
        )

    def _events(self, record: Record, rows: Mapping[Fact, int]) -> Counts:
        """Each order and each payment has one event, and the broker has confirmed it."""
        found: Counter[Fact] = Counter()
        for store, kind, confirmed in self.query("orders", _ORDER_EVENTS, record.name):
            if kind in _FACTS and confirmed:
                found[_FACTS[str(kind)], str(store)] += 1
        caused = [fact for fact in rows if fact[0] in _FACTS.values()]
        return compare(promised=caused, asked=caused, found=found)

    def _effects(self, record: Record, found: list[tuple[object, ...]]) -> tuple[tuple[str, ...], Counts]:
        """Each paid order has its points, once and all of them, and stands in its buyer's profile.

        What of the points a return took back, the settlement tells: events may have come in any order.
        """
        paid = {str(order): (int(str(due)), int(str(back))) for _, order, paid, due, back in found if paid}
        kept = {order for order, (_, back) in paid.items() if not back}
        net = {order: due - back for order, (due, back) in paid.items()}
        granted = self.query("members", _POINTS, [f"orders/{order}" for order in paid])
        points = {str(s).removeprefix("orders/"): (int(str(a)), int(str(n))) for s, a, n in granted}
        settled = {str(o): (int(str(n)), int(str(e))) for o, n, e in self.query("members", _SETTLED, record.name)}
        profiles = {str(order): int(str(n)) for order, n in self.query("campaigns", _PROFILES, list(paid))}
        effects: Counter[Fact] = Counter({("points", order): points[order][1] for order in kept & points.keys()})
        effects.update(("settlement", order) for order in settled)
        effects.update(("profile", order) for order in profiles)
        promised = [(kind, order) for order in paid for kind in ("settlement", "profile")]
        promised += [("points", order) for order in kept]
        wrong = [f"points of {o}: {points[o][0]}" for o in kept & points.keys() if points[o][0] != net[o] // 100]
        wrong += [f"settled {o}: {each}" for o, each in settled.items() if each != (net.get(o), net.get(o, 0) // 100)]
        wrong += [f"profile of {o}: {n}, not {net[o]}" for o, n in profiles.items() if n != net[o]]
        return tuple(wrong), compare(promised=promised, asked=promised, found=effects)

    def deliveries(self, until: datetime | None = None) -> Counts:
        """Each event is in the inbox of every consumer that listens to its kind."""
        missing: list[str] = []
        until = until or datetime.now(UTC)
        for service, subscriptions in _SUBSCRIPTIONS.items():
            for entry in subscriptions.events:
                sent = {str(event) for (event,) in self.query(entry.source, _EVENTS, list(entry.events), until)}
                taken = {str(event) for (event,) in self.query(service, _TAKEN, entry.queue)}
                missing += [f"lost: {entry.queue} {event}" for event in sorted(sent - taken)]
        return Counts(lost=len(missing), named=tuple(missing[:_NAMED]))
