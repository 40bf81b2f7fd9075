"""Shipping zones and methods between the wire and the domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from kehu.orders.v1 import shipping_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.money import Money
from kit.rpc import convert
from services.orders.api.delivery import KINDS, KINDS_BACK
from services.orders.api.stock import location_id, optional_location_name
from services.orders.api.wire import version_of
from services.orders.domain.address import Area
from services.orders.domain.shipping import Band, Method, Rate, Suggestion, Zone
from services.orders.usecases.tariff import Delete, Update

_COMMON = ("name", "create_time", "update_time", "etag")
_ZONE = ("title", "country_code", "regions", "postal_codes")
_METHOD = ("title", "active", "min_days", "max_days", "channels", "pick_up_locations", "rates")
_KILOGRAM = 1000


def zone(found: Zone) -> pb.ShippingZone:
    """Write a zone."""
    return pb.ShippingZone(
        name=names.join("shippingZones", found.id),
        title=found.title,
        country_code=found.area.country,
        regions=found.area.regions,
        postal_codes=found.area.postal_codes,
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def new_zone(request: pb.CreateShippingZoneRequest, now: datetime) -> Zone:
    """Read a request."""
    given = request.shipping_zone
    return Zone(names.new_id(), given.title, _area(given), now, now)


def zone_update(request: pb.UpdateShippingZoneRequest) -> Update[Zone]:
    """Read a request: what its mask names, or what it fills in."""
    given = request.shipping_zone
    fields = convert.masked_fields(given, request.update_mask, mutable=_ZONE, output_only=_COMMON)
    if "country_code" in fields and not given.country_code:
        raise invalid("shipping_zone.country_code", "is required")
    names_of = {"country_code": "country", "regions": "regions", "postal_codes": "postal_codes"}
    area = {names_of[name]: getattr(_area(given), names_of[name]) for name in fields if name in names_of}

    def change(before: Zone) -> Zone:
        title = given.title if "title" in fields else before.title
        return replace(before, title=title, area=replace(before.area, **area))

    return Update(names.id_of("shippingZones", given.name, field="shipping_zone.name"), change, version_of(given.etag))


def method(found: Method) -> pb.ShippingMethod:
    """Write a method."""
    return pb.ShippingMethod(
        name=names.join("shippingMethods", found.id),
        title=found.title,
        kind=KINDS[found.kind],
        active=found.active,
        min_days=found.days[0],
        max_days=found.days[1],
        channels=found.channels,
        pick_up_locations=map(optional_location_name, found.locations),
        rates=[_rate(rate) for rate in found.rates],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def new_method(request: pb.CreateShippingMethodRequest, now: datetime) -> Method:
    """Read a request."""
    given = request.shipping_method
    return Method(
        names.new_id(),
        given.title,
        KINDS_BACK[given.kind],
        given.active,
        (given.min_days, given.max_days),
        tuple(given.channels),
        _locations(given),
        _rates(given),
        now,
        now,
    )


def method_update(request: pb.UpdateShippingMethodRequest) -> Update[Method]:
    """Read a request: what its mask names, or what it fills in."""
    given = request.shipping_method
    fields = convert.masked_fields(given, request.update_mask, mutable=_METHOD, output_only=(*_COMMON, "kind"))
    values: dict[str, tuple[str, object]] = {
        "title": ("title", given.title),
        "active": ("active", given.active),
        "channels": ("channels", tuple(given.channels)),
        "pick_up_locations": ("locations", _locations(given)),
        "rates": ("rates", _rates(given)),
    }
    changes: dict[str, Any] = dict(values[name] for name in fields if name in values)

    def change(before: Method) -> Method:
        fewest, most = before.days
        days = given.min_days if "min_days" in fields else fewest, given.max_days if "max_days" in fields else most
        return replace(before, days=days, **changes)

    return Update(
        names.id_of("shippingMethods", given.name, field="shipping_method.name"), change, version_of(given.etag)
    )


def deletion(collection: str, request: pb.DeleteShippingZoneRequest | pb.DeleteShippingMethodRequest) -> Delete:
    """Read a request."""
    return Delete(names.id_of(collection, request.name), version_of(request.etag))


def suggestion(found: Suggestion) -> pb.SuggestedShippingMethod:
    """Write a method that can be chosen."""
    return pb.SuggestedShippingMethod(
        shipping_method=names.join("shippingMethods", found.method.id),
        title=found.method.title,
        kind=KINDS[found.method.kind],
        min_days=found.method.days[0],
        max_days=found.method.days[1],
        pick_up_locations=map(optional_location_name, found.method.locations),
        freight=convert.wire_money(found.freight),
    )


def _locations(given: pb.ShippingMethod) -> tuple[str, ...]:
    return tuple(
        location_id(name, field=f"shipping_method.pick_up_locations[{index}]")
        for index, name in enumerate(given.pick_up_locations)
    )


def _area(given: pb.ShippingZone) -> Area:
    return Area(given.country_code, tuple(given.regions), tuple(given.postal_codes))


def _rates(given: pb.ShippingMethod) -> tuple[Rate, ...]:
    return tuple(_read_rate(rate, f"shipping_method.rates[{index}]") for index, rate in enumerate(given.rates))


def _read_rate(given: pb.ShippingRate, field: str) -> Rate:
    first = convert.money(given.first_price, field=f"{field}.first_price")

    def amount(name: str) -> int:
        found = convert.money(getattr(given, name), field=f"{field}.{name}")
        return _same(found, first, f"{field}.{name}")

    return Rate(
        names.id_of("shippingZones", given.shipping_zone, field=f"{field}.shipping_zone"),
        first.currency,
        given.first_grams or _KILOGRAM,
        first.minor,
        given.further_grams,
        amount("further_price") if given.HasField("further_price") else 0,
        tuple(
            Band(
                band.max_grams,
                _same(convert.money(band.price, field=f"{field}.bands[{index}].price"), first, f"{field}.bands"),
            )
            for index, band in enumerate(given.bands)
        ),
        amount("free_from") if given.HasField("free_from") else None,
    )


def _same(amount: Money, first: Money, field: str) -> int:
    if amount.currency != first.currency:
        raise invalid(field, f"must be in {first.currency}, as first_price")
    return amount.minor


def _rate(found: Rate) -> pb.ShippingRate:
    def money(minor: int) -> Money:
        return Money(minor, found.currency)

    return pb.ShippingRate(
        shipping_zone=names.join("shippingZones", found.zone),
        first_price=convert.wire_money(money(found.first_price)),
        first_grams=found.first_grams,
        further_grams=found.further_grams,
        further_price=convert.wire_money(money(found.further_price)),
        bands=[
            pb.ShippingBand(max_grams=band.max_grams, price=convert.wire_money(money(band.price)))
            for band in found.bands
        ],
        free_from=convert.wire_money(money(found.free_from)) if found.free_from is not None else None,
    )
