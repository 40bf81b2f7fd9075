"""From a record to a sale: every rule of the mapping, applied to one row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cli.importing import phones
from cli.importing.mapping import Column, Mapping
from cli.importing.problem import unreadable
from cli.importing.values import Instants, Number, Numbers, Refused, words
from kit.money import LIMIT, exponent, is_currency

MOST_UNITS = 1_000_000
LONGEST_TITLE = 200
_LONGEST_SKU = 64
_LONGEST_ORDER = 128
_LONGEST_CUSTOMER = 200
_CONTACTS = {"name": 200, "phone": 32, "email": 254, "card": 64, "store": 100}

Contact = tuple[str, str, str, str, str]
"""Name, phone, e-mail address, card number, store."""


class Sale(NamedTuple):
    """What one valid row says."""

    order: str
    """The order's id; empty when the source has none."""
    customer: str
    """The customer's id; empty for a guest."""
    time: int
    """Microseconds since 1970, UTC."""
    sku: str
    title: str
    quantity: int
    amount: int
    """Minor units, for the whole line."""
    currency: str
    cancels: str
    """The order that it takes units back from; empty for a sale."""
    contact: Contact | None
    notices: tuple[tuple[str, str], ...] = ()
    """What was left out or cut, as (column, reason)."""


class Rows:
    """Judges the rows of one source. `now` is in microseconds since 1970."""

    def __init__(self, mapping: Mapping, header: Sequence[str], *, now: int) -> None:
        self.columns = _resolve(mapping, header)
        """Which column (from 0 on) holds what."""
        self._mapping = mapping
        self._now = now
        self._numbers = Numbers(mapping.numbers)
        self._instants = Instants(mapping.time)
        self._width = len(header)
        self._cancellation = _match(mapping.orders.cancellation)
        self._ignored = _match(mapping.orders.ignored)
        self._customer = re.compile(mapping.customers.pattern) if mapping.customers.pattern else None
        self._cancelled = frozenset(status.casefold() for status in mapping.status.cancelled)
        self._paid = frozenset(status.casefold() for status in mapping.status.paid)
        self._contacts = [(name, self.columns[name], most) for name, most in _CONTACTS.items() if name in self.columns]
        self._reaches = max(self.columns.values()) + 1

    def judge(self, fields: Sequence[str]) -> Sale:
        """The sale that a row says. Raises Refused with the first rule that it breaks."""
        fields = self._fit(fields)
        order = self._order(fields)
        self._check_status(fields)
        cancels = self._text(fields, "cancels", _LONGEST_ORDER)
        time = self._time(fields)
        quantity, cancels = self._quantity(fields, order, cancels)
        currency = self._currency(fields)
        amount = self._amount(fields, quantity, currency, returns=bool(cancels))
        notices: list[tuple[str, str]] = []
        sku = self._text(fields, "sku", _LONGEST_SKU)
        contact = self._contact(fields, notices)
        return Sale(
            order,
            self._customer_id(fields, contact),
            time,
            sku,
            self._title(fields, sku, notices),
            abs(quantity),
            amount,
            currency,
            cancels,
            contact,
            tuple(notices),
        )

    def _fit(self, fields: Sequence[str]) -> Sequence[str]:
        width = self._width or self._reaches
        if len(fields) == width or (not self._width and len(fields) > width):
            return fields
        if len(fields) > width and not any(field.strip() for field in fields[width:]):
            return fields[:width]
        raise Refused("", "FIELDS_MISCOUNTED", f"the row has {len(fields)} fields, the header {width}")

    def _get(self, fields: Sequence[str], name: str) -> str:
        position = self.columns.get(name)
        return "" if position is None else fields[position].strip()

    def _text(self, fields: Sequence[str], name: str, longest: int) -> str:
        """An id: taken as it is, so it may hold nothing that another system could not."""
        text = self._get(fields, name)
        if len(text) > longest:
            raise Refused(name, "TEXT_TOO_LONG", f"more than {longest} letters")
        if not text.isprintable():
            raise Refused(name, "CONTROL_CHARACTER", "a control character stands in it")
        return text

    def _order(self, fields: Sequence[str]) -> str:
        order = self._text(fields, "order", _LONGEST_ORDER)
        if not order and "order" in self.columns:
            raise Refused("order", "ORDER_MISSING", "the row names no order")
        if self._ignored and self._ignored(order):
            raise Refused("order", "NO_SALE", "the order's id marks a correction of the books, not a sale")
        if self._cancellation and self._cancellation(order) and not self._get(fields, "cancels"):
            raise Refused("order", "CANCELLATION_UNMATCHED", "a cancellation that does not say which order it cancels")
        return order

    def _check_status(self, fields: Sequence[str]) -> None:
        status = self._get(fields, "status").casefold()
        if status in self._cancelled and status:
            raise Refused("status", "ORDER_CANCELLED", f"the status {status!r} says that it was not sold")
        if self._paid and status not in self._paid and "status" in self.columns:
            raise Refused("status", "STATUS_UNKNOWN", f"the mapping does not know the status {status!r}")

    def _time(self, fields: Sequence[str]) -> int:
        text = self._get(fields, "time")
        if not text:
            raise Refused("time", "TIME_MISSING", "the row has no date")
        time = self._instants.read(text)
        if time is None:
            raise Refused("time", "TIME_INVALID", f"{_shown(text)} is no date in the format of the mapping")
        if not 0 <= time <= self._now:
            raise Refused("time", "TIME_OUT_OF_RANGE", "the date is before 1970 or in the future")
        return time

    def _number(self, fields: Sequence[str], name: str) -> Number:
        text = self._get(fields, name)
        if not text:
            raise Refused(name, f"{name.upper()}_MISSING", f"the row has no {name.replace('_', ' ')}")
        number = self._numbers.read(text)
        if number is None:
            raise Refused(name, f"{name.upper()}_INVALID", f"{_shown(text)} is no number in the format of the mapping")
        return number

    def _quantity(self, fields: Sequence[str], order: str, cancels: str) -> tuple[int, str]:
        digits, places = self._number(fields, "quantity")
        if places:
            raise Refused("quantity", "QUANTITY_FRACTIONAL", "the quantity is no whole number of units")
        if digits < 0 and not cancels:
            if self._mapping.numbers.negative_quantity == "reject" or not order:
                raise Refused("quantity", "QUANTITY_NEGATIVE", "a return or correction that names no order")
            cancels = order
        if not 0 < abs(digits) <= MOST_UNITS:
            raise Refused("quantity", "QUANTITY_OUT_OF_RANGE", f"the quantity must be from 1 to {MOST_UNITS}")
        return digits, cancels

    def _currency(self, fields: Sequence[str]) -> str:
        currency = self._get(fields, "currency").upper() or self._mapping.currency
        if not is_currency(currency):
            raise Refused("currency", "CURRENCY_INVALID", f"{currency!r} is no currency of ISO 4217")
        return currency

    def _amount(self, fields: Sequence[str], quantity: int, currency: str, *, returns: bool) -> int:
        name = "unit_price" if "unit_price" in self.columns and not self._get(fields, "amount") else "amount"
        digits, places = self._number(fields, name)
        if name == "unit_price":
            digits *= quantity if digits >= 0 else abs(quantity)
        minor, rest = Number(abs(digits), places).scaled(exponent(currency))
        if digits < 0 and not returns:
            raise Refused(name, "AMOUNT_NEGATIVE", "the amount is negative")
        if rest and self._mapping.numbers.rounding == "reject":
            raise Refused(name, "AMOUNT_TOO_FINE", f"the amount is finer than the smallest coin of {currency}")
        if rest and rest * 2 >= 10 ** (places - exponent(currency)):
            minor += 1
        if minor >= LIMIT:
            raise Refused(name, "AMOUNT_OUT_OF_RANGE", "the amount is larger than an amount may be")
        return minor

    def _title(self, fields: Sequence[str], sku: str, notices: list[tuple[str, str]]) -> str:
        title = words(self._get(fields, "title")) or sku or self._mapping.defaults.title
        if len(title) > LONGEST_TITLE:
            notices.append(("title", "TITLE_CUT"))
            return title[: LONGEST_TITLE - 1] + "…"
        return title

    def _contact(self, fields: Sequence[str], notices: list[tuple[str, str]]) -> Contact | None:
        """What is known of the customer. It is no part of the sale: what can't be used is left out and noticed."""
        if not self._contacts:
            return None
        found = dict.fromkeys(_CONTACTS, "")
        for name, position, longest in self._contacts:
            value = words(fields[position])
            if name == "phone" and value:
                value = phones.international(value, self._mapping.customers.region)
            if len(value) > longest or (not value and fields[position].strip()):
                notices.append((name, "CONTACT_LEFT_OUT"))
            else:
                found[name] = value
        return (found["name"], found["phone"], found["email"].lower(), found["card"], found["store"])

    def _customer_id(self, fields: Sequence[str], contact: Contact | None) -> str:
        customer = self._text(fields, "customer", _LONGEST_CUSTOMER)
        if customer and self._customer:
            match = self._customer.fullmatch(customer)
            if match is None:
                raise Refused("customer", "CUSTOMER_INVALID", "the customer's id is not as the mapping says")
            customer = match.group(1 if match.re.groups else 0) or ""
        if not customer and contact:
            customer = contact[1] or contact[2] or contact[3]
        if not customer and self._mapping.customers.missing == "reject":
            raise Refused("customer", "CUSTOMER_MISSING", "the row names no customer")
        return customer


def _match(pattern: str | None) -> Callable[[str], object] | None:
    return re.compile(pattern).match if pattern else None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _resolve(mapping: Mapping, header: Sequence[str]) -> dict[str, int]:
    """Where each named column is. Raises ImportProblem when the file lacks one that it must have."""
    known: dict[str, int] = {}
    for position, title in enumerate(header):
        known.setdefault(_bare(title), position)
    named = mapping.columns.named()
    places = {name: place for name, names in named.items() if (place := _place(names, known, len(header))) is not None}
    missing = [name for name in named if name not in places and name not in mapping.columns.optional]
    if missing:
        wanted = ", ".join(str(name) for name in named[missing[0]])
        raise unreadable(f"The file has no column for `{missing[0]}` ({wanted}); its header is: {', '.join(header)}.")
    if "amount" not in places and "unit_price" not in places:
        raise unreadable("The file has neither the column of `amount` nor that of `unit_price`.")
    return places


def _place(names: Sequence[Column], known: dict[str, int], width: int) -> int | None:
    for name in names:
        if isinstance(name, int):
            return name - 1 if not width or name <= width else None
        if _bare(name) in known:
            return known[_bare(name)]
    return None


def _bare(title: str) -> str:
    """A title without what people write differently: `Order ID`, `order_id` and `OrderId` are the same."""
    return "".join(letter for letter in title.casefold() if letter.isalnum())
