"""Where the valid rows wait between reading and sending: a private database on disk that vanishes with the process.

It puts lines together to orders wherever they stand in the file, without holding the file in memory. SQLite is a
scratch pad here; nothing outlives the run in it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cli.importing.rows import Contact, Sale
from cli.importing.values import Refused

_CACHE_KIB = 16_384
_FLUSHED = 2_000
_REMEMBERED = 50_000

_SCHEMA = """
    create table occurrences (content blob primary key, count integer not null) without rowid;
    create table customers (id integer primary key, external text not null unique, first_time integer not null,
        line integer not null, name text default '', phone text default '', email text default '',
        card text default '', store text default '');
    create table orders (id integer primary key, external text not null unique, customer text not null,
        time integer not null, currency text not null);
    create table lines (line integer primary key, "order" integer not null, sku text not null, title text not null,
        quantity integer not null, amount integer not null, text text not null);
    create table returns (line integer primary key, cancels text not null, sku text not null, quantity integer not null,
        amount integer not null, currency text not null, text text not null);
"""


class Line(NamedTuple):
    """A line of an order, and where it stands in the file."""

    line: int
    sku: str
    title: str
    quantity: int
    amount: int
    text: str


class Return(NamedTuple):
    """Units taken back from an order."""

    line: int
    cancels: str
    sku: str
    quantity: int
    amount: int
    currency: str
    text: str


class Order(NamedTuple):
    """An order with its lines. `customer` is the customer's id in the source; empty for a guest."""

    id: int
    external: str
    customer: str
    time: int
    currency: str
    lines: list[Line]


class Customer(NamedTuple):
    """A customer and the first purchase, in microseconds since 1970."""

    id: int
    external: str
    first_time: int
    line: int
    contact: Contact


class Scratch:
    """The valid rows of one file."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(f"pragma cache_size = -{_CACHE_KIB}; pragma journal_mode = off;{_SCHEMA}begin;")
        self._lines: list[tuple[object, ...]] = []
        self._met: dict[str, int] = {}
        self._last = _Known("", 0, "", 0, "")

    def close(self) -> None:
        """Throw everything away."""
        self._db.close()

    def add(self, line: int, sale: Sale, text: str, *, content: bytes) -> None:
        """Take in a valid row. Raises Refused when it contradicts the other lines of its order.

        `content` tells rows of a source without order ids apart, together with how often it came before.
        """
        if sale.cancels:
            values = (line, sale.cancels, sale.sku, sale.quantity, sale.amount, sale.currency, text)
            self._db.execute("insert into returns values (?, ?, ?, ?, ?, ?, ?)", values)
            return
        order = self._order(sale) if sale.order else self._lone_order(sale, content)
        if sale.customer:
            self._meet(line, sale)
        self._lines.append((line, order, sale.sku, sale.title, sale.quantity, sale.amount, text))
        if len(self._lines) >= _FLUSHED:
            self.flush()

    def flush(self) -> None:
        """Write what is still in memory."""
        self._db.executemany("insert into lines values (?, ?, ?, ?, ?, ?, ?)", self._lines)
        self._lines.clear()

    def counts(self) -> tuple[int, int, int]:
        """Customers, orders, and lines of them."""
        sql = "select (select count(*) from customers), (select count(*) from orders), (select count(*) from lines)"
        customers, orders, lines = self._db.execute(sql).fetchone()
        return customers, orders, lines

    def customers(self) -> Iterator[Customer]:
        """Every customer, in the order of the file."""
        for row in self._db.execute("select * from customers order by id"):
            yield Customer(row[0], row[1], row[2], row[3], row[4:])

    def orders(self) -> Iterator[Order]:
        """Every order that has lines, in the order of the file."""
        cursor = self._db.execute("""
            select o.id, o.external, o.customer, o.time, o.currency,
                   l.line, l.sku, l.title, l.quantity, l.amount, l.text
            from lines l join orders o on o.id = l."order" order by o.id, l.line
        """)
        current: Order | None = None
        for row in cursor:
            if current is None or current.id != row[0]:
                if current is not None:
                    yield current
                current = Order(row[0], row[1], row[2], row[3], row[4], [])
            current.lines.append(Line(*row[5:]))
        if current is not None:
            yield current

    def returns(self) -> Iterator[tuple[str, list[Return]]]:
        """What is taken back, by the order that it is taken from."""
        orders = self._db.execute("select cancels from returns group by cancels order by min(line)").fetchall()
        for (cancels,) in orders:
            rows = self._db.execute("select * from returns where cancels = ? order by line", (cancels,))
            yield cancels, [Return(*row) for row in rows]

    def lines_of(self, external: str) -> tuple[str, list[Line]]:
        """The currency and lines of an order; no lines when the file has no such order."""
        found = self._db.execute("select id, currency from orders where external = ?", (external,)).fetchone()
        if found is None:
            return "", []
        rows = self._db.execute(
            'select line, sku, title, quantity, amount, text from lines where "order" = ? order by line', found[:1]
        )
        return found[1], [Line(*row) for row in rows]

    def index_lines(self) -> None:
        """Prepare for many calls of `lines_of`."""
        self._db.execute('create index lines_order on lines ("order")')

    def change(self, lines: Sequence[Line]) -> None:
        """Set quantity and amount of lines; without units left, a line goes."""
        left = [(line.quantity, line.amount, line.line) for line in lines if line.quantity]
        self._db.executemany("update lines set quantity = ?, amount = ? where line = ?", left)
        self._db.executemany("delete from lines where line = ?", [(line.line,) for line in lines if not line.quantity])

    def _lone_order(self, sale: Sale, content: bytes) -> int:
        digest = hashlib.blake2b(content, digest_size=16).digest()
        (count,) = self._db.execute(
            "insert into occurrences values (?, 1) on conflict do update set count = count + 1 returning count",
            (digest,),
        ).fetchone()
        return self._insert_order(f"{digest.hex()}-{count}", sale)

    def _insert_order(self, external: str, sale: Sale) -> int:
        values = (external, sale.customer, sale.time, sale.currency)
        cursor = self._db.execute("insert into orders (external, customer, time, currency) values (?, ?, ?, ?)", values)
        return int(cursor.lastrowid or 0)

    def _order(self, sale: Sale) -> int:
        """The order of a line: its first line makes it, the earliest gives the time, all must agree on the rest."""
        known = self._known_order(sale.order)
        if known is None:
            order = self._insert_order(sale.order, sale)
            self._last = _Known(sale.order, order, sale.customer, sale.time, sale.currency)
            return order
        if known.currency != sale.currency:
            raise Refused("currency", "CURRENCY_MIXED", f"the order's other lines are in {known.currency}")
        if known.customer and sale.customer and known.customer != sale.customer:
            raise Refused("customer", "CUSTOMER_CONTRADICTS", "the order's other lines name another customer")
        time, customer = min(known.time, sale.time), known.customer or sale.customer
        if (time, customer) != (known.time, known.customer):
            self._db.execute("update orders set time = ?, customer = ? where id = ?", (time, customer, known.id))
        self._last = _Known(known.external, known.id, customer, time, known.currency)
        return known.id

    def _known_order(self, external: str) -> _Known | None:
        if self._last.external == external:
            return self._last
        sql = "select external, id, customer, time, currency from orders where external = ?"
        found = self._db.execute(sql, (external,)).fetchone()
        return _Known(*found) if found else None

    def _meet(self, line: int, sale: Sale) -> None:
        known = self._met.get(sale.customer)
        if known is not None and known <= sale.time and sale.contact is None:
            return
        row = self._db.execute(_MEET, (sale.customer, sale.time, line, *(sale.contact or _NOTHING))).fetchone()
        if len(self._met) >= _REMEMBERED:
            self._met.clear()
        self._met[sale.customer] = row[0]


class _Known(NamedTuple):
    external: str
    id: int
    customer: str
    time: int
    currency: str


_NOTHING = ("",) * 5
# What a later row says of a customer holds; what it does not say stays.
_MEET = """
    insert into customers (external, first_time, line, name, phone, email, card, store) values (?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (external) do update set first_time = min(first_time, excluded.first_time),
        name = coalesce(nullif(excluded.name, ''), name), phone = coalesce(nullif(excluded.phone, ''), phone),
        email = coalesce(nullif(excluded.email, ''), email), card = coalesce(nullif(excluded.card, ''), card),
        store = coalesce(nullif(excluded.store, ''), store)
    returning first_time
"""
