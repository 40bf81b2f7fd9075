"""From the rows of a file of products to the rows of `BatchUpsertProducts`."""

from __future__ import annotations

from collections.abc import Sequence

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import catalogue_pb2 as pb

from cli.importing.mapping import NumberRules
from cli.importing.problem import unreadable
from cli.importing.values import Numbers, Refused
from kit.money import LIMIT, Money, exponent

COLUMNS = (
    *("sku", "title", "price", "currency", "category", "description", "weight_grams", "tax_class", "purchase_limit"),
    "images",
)
"""The columns that a file may have, beside `attribute:<name>`; `sku` is needed."""
_ATTRIBUTE = "attribute:"
_WHOLE = ("weight_grams", "purchase_limit")
_MOST_WHOLE = 10**15


class ProductRows:
    """Reads rows under a header. Raises ImportProblem for a header without `sku`, or with columns that mean nothing."""

    def __init__(self, header: Sequence[str], *, currency: str) -> None:
        self._names = [title.strip() if _is_attribute(title) else title.strip().lower() for title in header]
        self._currency = currency
        self._numbers = Numbers(NumberRules())
        if "sku" not in self._names:
            raise unreadable("The file has no column `sku`.")
        if len(set(self._names)) != len(self._names):
            raise unreadable("The file has two columns of one name.")
        for name in self._names:
            if name not in COLUMNS and not _is_attribute(name):
                known = ", ".join(COLUMNS)
                raise unreadable(f"The column {name!r} means nothing; there are {known}, and {_ATTRIBUTE}<name>.")

    def read(self, fields: Sequence[str]) -> pb.ProductRow:
        """The row; what is empty is not said. Raises Refused for a value that can't be read."""
        if len(fields) != len(self._names):
            raise Refused("", "FIELDS_MISCOUNTED", f"the row has {len(fields)} fields, the header {len(self._names)}")
        values = zip(self._names, map(str.strip, fields), strict=True)
        said = {name: value for name, value in values if value}
        row = pb.ProductRow(sku=said.get("sku", ""))
        for name in ("title", "category", "description", "tax_class"):
            setattr(row, name, said.get(name, ""))
        for name in _WHOLE:
            setattr(row, name, self._whole(name, said[name]) if name in said else 0)
        if "price" in said:
            row.price.CopyFrom(self._price(said["price"], said.get("currency", self._currency)))
        row.image_urls.extend(said.get("images", "").split())
        row.attributes.update({name[len(_ATTRIBUTE) :]: said[name] for name in said if _is_attribute(name)})
        return row

    def _whole(self, name: str, text: str) -> int:
        number = self._numbers.read(text)
        if number is None or number.places or not 0 <= number.digits < _MOST_WHOLE:
            raise Refused(name, "NUMBER", f"{text!r} is no whole number")
        return number.digits

    def _price(self, text: str, currency: str) -> WireMoney:
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
            raise Refused("currency", "CURRENCY", f"{currency!r} is no currency: three capital letters (ISO 4217)")
        number = self._numbers.read(text)
        if number is None or number.digits < 0:
            raise Refused("price", "NUMBER", f"{text!r} is no price")
        minor, rest = number.scaled(exponent(currency))
        if rest or minor >= LIMIT:
            raise Refused("price", "NUMBER", f"{text!r} is no whole number of minor units of {currency}, or too large")
        units, nanos = Money(minor, currency).to_wire()
        return WireMoney(currency_code=currency, units=units, nanos=nanos)


def _is_attribute(title: str) -> bool:
    return title.strip().startswith(_ATTRIBUTE)
