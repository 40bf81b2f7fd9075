"""How goods reach a customer: zones, methods, and what a method charges for a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import LIMIT, Money
from services.orders.domain.address import Address, Area
from services.orders.domain.errors import shipping as errors
from services.orders.domain.errors.shipping import Cause


class MethodKind(StrEnum):
    """Whether goods are brought to the customer, or wait in a store."""

    DELIVERY = "DELIVERY"
    PICK_UP = "PICK_UP"


@dataclass(frozen=True, slots=True)
class Zone:
    """An area with rates of its own; `version` counts its changes from 1."""

    id: UUID
    title: str
    area: Area
    create_time: datetime
    update_time: datetime
    version: int = 1

    def checked(self) -> Zone:
        """The same. Raises a Fault for a blank title, or parts of the area that name nothing."""
        if not self.title.strip():
            raise invalid("shipping_zone.title", "must not be blank")
        for index, region in enumerate(self.area.regions):
            parts = region.split("/")
            if len(parts) > 3 or not all(part.strip() for part in parts):
                raise invalid(f"shipping_zone.regions[{index}]", "must be province, province/city or all three parts")
        for index, code in enumerate(self.area.postal_codes):
            if not any(letter.isalnum() for letter in code):
                raise invalid(f"shipping_zone.postal_codes[{index}]", "must have a letter or a digit")
        return self


@dataclass(frozen=True, slots=True)
class Band:
    """A price for whatever weighs up to so many grams."""

    max_grams: int
    price: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What a method charges in a zone, in minor units of a currency.

    Either by `bands`, the lightest first, and nothing heavier than the last is carried; or `first_price` up to
    `first_grams`, and `further_price` for each further `further_grams` that is begun; without `further_grams`, one
    price for any weight. From goods worth `free_from` on, nothing.
    """

    zone: UUID
    currency: str
    first_grams: int = 1000
    first_price: int = 0
    further_grams: int = 0
    further_price: int = 0
    bands: tuple[Band, ...] = ()
    free_from: int | None = None

    def price(self, grams: int) -> int | None:
        """The price for a weight; None when it is too heavy."""
        if self.bands:
            return next((band.price for band in self.bands if grams <= band.max_grams), None)
        beyond = max(0, grams - self.first_grams)
        steps = -(-beyond // self.further_grams) if self.further_grams else 0
        return self.first_price + steps * self.further_price


@dataclass(frozen=True, slots=True)
class Method:
    """A way to get goods to customers. `channels` and, for pick-up, `locations` say where it is offered; empty means
    everywhere. `days` are the fewest and the most that it takes. `version` counts its changes from 1."""

    id: UUID
    title: str
    kind: MethodKind
    active: bool
    days: tuple[int, int]
    channels: tuple[str, ...]
    locations: tuple[str, ...]
    rates: tuple[Rate, ...]
    create_time: datetime
    update_time: datetime
    version: int = 1

    def checked(self) -> Method:
        """The same. Raises a Fault for rates that contradict each other or the kind."""
        if not self.title.strip():
            raise invalid("shipping_method.title", "must not be blank")
        if self.days[0] > self.days[1]:
            raise invalid("shipping_method.max_days", "must not be less than min_days")
        if self.kind is MethodKind.PICK_UP and self.rates:
            raise invalid("shipping_method.rates", "must be empty: picking up costs nothing")
        if self.kind is MethodKind.DELIVERY and self.locations:
            raise invalid("shipping_method.locations", "must be empty for a delivery")
        for index, rate in enumerate(self.rates):
            field = f"shipping_method.rates[{index}]"
            if any((rate.zone, rate.currency) == (other.zone, other.currency) for other in self.rates[:index]):
                raise invalid(field, "is the second of its zone and currency")
            weights = [band.max_grams for band in rate.bands]
            if weights != sorted(set(weights)):
                raise invalid(f"{field}.bands", "must rise in weight")
        return self

    def offered(self, channel: str) -> bool:
        """Whether customers of a channel may choose it."""
        return self.active and (not self.channels or channel in self.channels)

    def rate(self, zone: UUID, currency: str) -> Rate | None:
        """What it charges in a zone."""
        return next((rate for rate in self.rates if (rate.zone, rate.currency) == (zone, currency)), None)


def freight(method: Method, zone: Zone | None, *, grams: int, goods: Money) -> Money:
    """What a method charges for goods of a weight and a value that go to a zone. Raises a Fault when it does not carry
    them: no rate for the zone or the currency, or too heavy."""
    if method.kind is MethodKind.PICK_UP:
        return Money(0, goods.currency)
    rate = method.rate(zone.id, goods.currency) if zone is not None else None
    if rate is None:
        raise errors.delivery_refused(method.id, Cause.ADDRESS)
    price = rate.price(grams)
    if price is None or price >= LIMIT:
        raise errors.delivery_refused(method.id, Cause.WEIGHT)
    free = rate.free_from is not None and goods.minor >= rate.free_from
    return Money(0 if free else price, goods.currency)


def zone_of(method: Method, zones: Sequence[Zone], address: Address) -> Zone | None:
    """The zone of a method's rates that describes an address most closely; None if none does."""
    served = {rate.zone for rate in method.rates}
    fits = [
        (fit, str(zone.id), zone) for zone in zones if zone.id in served and (fit := zone.area.fit(address)) is not None
    ]
    return max(fits, key=lambda each: each[:2])[2] if fits else None


@dataclass(frozen=True, slots=True)
class Choice:
    """How a customer wants the goods: by a method, to an address or to be picked up at a location."""

    method: UUID
    address: Address | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an order keeps of how its goods reach the customer; the address is kept apart."""

    method: UUID
    kind: MethodKind
    title: str
    days: tuple[int, int]
    location: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A method that a customer may choose, and what it would cost."""

    method: Method
    freight: Money


def chosen(methods: Sequence[Method], choice: Choice, channel: str) -> Method:
    """The method of a choice. Raises a Fault when it can't be chosen so."""
    method = next((each for each in methods if each.id == choice.method), None)
    if method is None:
        raise errors.method_not_found(choice.method)
    cause = _refusal(method, choice, channel)
    if cause is not None:
        raise errors.delivery_refused(method.id, cause)
    return method


def suggestions(
    methods: Sequence[Method], zones: Sequence[Zone], *, address: Address | None, channel: str, grams: int, goods: Money
) -> list[Suggestion]:
    """What a customer may choose from: the cheapest first, ties to the fastest. Without an address, only pick-up."""
    found = []
    for method in methods:
        if not method.offered(channel):
            continue
        zone = zone_of(method, zones, address) if address is not None else None
        try:
            found.append(Suggestion(method, freight(method, zone, grams=grams, goods=goods)))
        except Fault:
            continue  # it does not carry these goods there
    return sorted(found, key=lambda each: (each.freight.minor, each.method.days, each.method.title))


def _refusal(method: Method, choice: Choice, channel: str) -> Cause | None:
    if not method.active:
        return Cause.INACTIVE
    if not method.offered(channel):
        return Cause.CHANNEL
    if method.kind is MethodKind.DELIVERY:
        return None if choice.address is not None else Cause.ADDRESS
    if not choice.location or (method.locations and choice.location not in method.locations):
        return Cause.LOCATION
    return None
