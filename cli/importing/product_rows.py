"""From the rows of a file of products to the rows of `BatchUpsertProducts`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import catalogue_pb2 as pb

from cli.importing.mapping import NumberRules
from cli.importing.problem import unreadable
from cli.importing.values import Numbers, Refused
from kit.money import LIMIT, Money, exponent, is_currency

COLUMNS = (
    *("sku", "title", "price", "currency", "category", "description", "weight_grams", "tax_class", "purchase_limit"),
    *("images", "group", "group_title", "components", "stock"),
)
"""The columns that a file may have, beside those that begin with one of `_PREFIXES`; `sku` is needed."""
_ATTRIBUTE, _OPTION, _PRICE, _STOCK = _PREFIXES = ("attribute:", "option:", "price:", "stock:")
_PART = re.compile(r"(\S+?)(?:[*×](\d{1,9}))?").fullmatch
"""A component: a SKU, and how many units of it."""
_WHOLE = ("weight_grams", "purchase_limit")
_MOST_WHOLE = 10**15


class ProductRows:
    """Reads rows under a header. Raises ImportProblem for a header without `sku`, or with columns that mean nothing."""

    def __init__(self, header: Sequence[str], *, currency: str) -> None:
        self._names = [title.strip() if _has_prefix(title) else title.strip().lower() for title in header]
        self._currency = currency
        self._numbers = Numbers(NumberRules())
        if "sku" not in self._names:
            raise unreadable("The file has no column `sku`.")
        if len(set(self._names)) != len(self._names):
            raise unreadable("The file has two columns of one name.")
        for name in self._names:
            if name not in COLUMNS and not _has_prefix(name):
                known = ", ".join((*COLUMNS, *(f"{prefix}<name>" for prefix in _PREFIXES)))
                raise unreadable(f"The column {name!r} means nothing; there are {known}.")

    def read(self, fields: Sequence[str]) -> pb.ProductRow:
        """The row; what is empty is not said. Raises Refused for a value that can't be read."""
        if len(fields) != len(self._names):
            raise Refused("", "FIELDS_MISCOUNTED", f"the row has {len(fields)} fields, the header {len(self._names)}")
        values = zip(self._names, map(str.strip, fields), strict=True)
        said = {name: value for name, value in values if value}
        row = pb.ProductRow(sku=said.get("sku", ""))
        for name in ("title", "category", "description", "tax_class", "group", "group_title"):
            setattr(row, name, said.get(name, ""))
        for name in _WHOLE:
            setattr(row, name, self._whole(name, said[name]) if name in said else 0)
        currency = said.get("currency", self._currency)
        if "price" in said:
            row.price.CopyFrom(self._price("price", said["price"], currency))
        row.image_urls.extend(said.get("images", "").split())
        row.attributes.update(_named(said, _ATTRIBUTE))
        row.options.extend(pb.ProductRowOption(option=name, value=text) for name, text in _named(said, _OPTION).items())
        row.components.extend(_component(text) for text in said.get("components", "").replace(";", " ").split())
        row.prices.extend(self._listed(name, text, currency) for name, text in _named(said, _PRICE).items())
        if "stock" in said:
            row.stocks.append(pb.ProductRowStock(quantity=self._whole("stock", said["stock"])))
        row.stocks.extend(
            pb.ProductRowStock(location=f"locations/{name}", quantity=self._whole(f"{_STOCK}{name}", text))
            for name, text in _named(said, _STOCK).items()
        )
        return row

    def _listed(self, name: str, text: str, currency: str) -> pb.ProductRowPrice:
        """The price of a column `price:<where>` or `price:<where>@<units>`."""
        column = f"{_PRICE}{name}"
        where, _, least = name.partition("@")
        place = {"price_list": where} if where.startswith("priceLists/") else {"channel": f"channels/{where}"}
        return pb.ProductRowPrice(
            price=self._price(column, text, currency), min_quantity=self._whole(column, least) if least else 1, **place
        )

    def _whole(self, name: str, text: str) -> int:
        number = self._numbers.read(text)
        if number is None or number.places or not 0 <= number.digits < _MOST_WHOLE:
            raise Refused(name, "NUMBER", f"{text!r} is no whole number")
        return number.digits

    def _price(self, column: str, text: str, currency: str) -> WireMoney:
        if not is_currency(currency):
            raise Refused("currency", "CURRENCY", f"{currency!r} is no currency: three capital letters (ISO 4217)")
        number = self._numbers.read(text)
        if number is None or number.digits < 0:
            raise Refused(column, "NUMBER", f"{text!r} is no price")
        minor, rest = number.scaled(exponent(currency))
        if rest or minor >= LIMIT:
            raise Refused(column, "NUMBER", f"{text!r} is no whole number of minor units of {currency}, or too large")
        units, nanos = Money(minor, currency).to_wire()
        return WireMoney(currency_code=currency, units=units, nanos=nanos)


def _has_prefix(title: str) -> bool:
    return title.strip().startswith(_PREFIXES)


def _named(said: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: text for name, text in said.items() if name.startswith(prefix)}


def _component(text: str) -> pb.ProductRowComponent:
    found = _PART(text)
    if found is None:
        raise Refused("components", "COMPONENT", f"{text!r} is no SKU with a number of units, such as LJ-1*2")
    return pb.ProductRowComponent(sku=found[1], quantity=int(found[2] or 1))
