"""The merchant's tariff of delivery and tax as it stands, and what they add to a quote. Pure: one version of all tables
in memory, so that pricing a basket asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.money import Money
from services.orders.domain.address import Address
from services.orders.domain.line import Item
from services.orders.domain.offer import Offer
from services.orders.domain.quote import Quote
from services.orders.domain.shipping import (
    Choice,
    Delivery,
    Method,
    Suggestion,
    Zone,
    chosen,
    freight,
    suggestions,
    zone_of,
)
from services.orders.domain.tax import Taxation, TaxTable, table_of, taxed

Offers = Mapping[UUID, Offer]
"""What is priced, by product."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """All zones, methods and tax tables, as of one version."""

    version: int = 0
    zones: tuple[Zone, ...] = ()
    methods: tuple[Method, ...] = ()
    tables: tuple[TaxTable, ...] = ()

    def charged(self, quote: Quote, offers: Offers, *, choice: Choice | None, channel: str, now: datetime) -> Quote:
        """The quote, discounts taken off, with freight and tax. Raises a Fault when the goods can't be brought so."""
        if choice is not None:
            quote = self._carried(quote, offers, choice, channel)
        table = table_of(self.tables, choice.address if choice else None)
        return quote if table is None else _taxed(quote, offers, table, now)

    def suggestions(self, quote: Quote, offers: Offers, *, address: Address | None, channel: str) -> list[Suggestion]:
        """The methods that can bring the goods, with their freight before tax."""
        return suggestions(
            self.methods,
            self.zones,
            address=address,
            channel=channel,
            grams=weight(quote.items, offers),
            goods=_goods(quote),
        )

    def _carried(self, quote: Quote, offers: Offers, choice: Choice, channel: str) -> Quote:
        method = chosen(self.methods, choice, channel)
        zone = zone_of(method, self.zones, choice.address) if choice.address is not None else None
        cost = freight(method, zone, grams=weight(quote.items, offers), goods=_goods(quote))
        delivery = Delivery(method.id, method.kind, method.title, method.days, choice.location)
        return replace(quote, freight=cost.minor, delivery=delivery)


def weight(items: tuple[Item, ...], offers: Offers) -> int:
    """What the goods weigh, in grams."""
    known = ((item.quantity, offers.get(item.product)) for item in items if item.product is not None)
    return sum(quantity * offer.grams for quantity, offer in known if offer is not None)


def _goods(quote: Quote) -> Money:
    return Money(sum(item.amount for item in quote.items), quote.currency)


def _taxed(quote: Quote, offers: Offers, table: TaxTable, now: datetime) -> Quote:
    def item(each: Item) -> Item:
        offer = offers.get(each.product) if each.product else None
        rate = table.basis_points(offer.product.tax_class if offer else "", now)
        found = taxed(each.amount, rate, included=table.included, rounding=table.rounding)
        return replace(each, tax=found.tax, added_tax=0 if table.included else found.tax)

    rate = table.basis_points(table.freight_class, now)
    carriage = taxed(quote.freight, rate, included=table.included, rounding=table.rounding)
    return replace(
        quote,
        items=tuple(map(item, quote.items)),
        freight=carriage.amount,
        freight_tax=carriage.tax,
        taxation=Taxation(table.id, table.included, table.rounding),
    )
