"""Zones, methods, tax tables and addresses for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import datetime

from kit.names import new_id
from services.orders.domain.address import Address, Area
from services.orders.domain.shipping import Band, Method, MethodKind, Rate, Zone
from services.orders.domain.tax import Rounding, TaxRate, TaxTable
from tests.support.builders.orders import NOW


def an_address(
    *,
    country: str = "CN",
    province: str = "广东省",
    city: str = "深圳市",
    district: str = "南山区",
    postal_code: str = "518000",
) -> Address:
    """Where somebody lives."""
    return Address(
        country, province, city, district, "科技园一路 1 号", postal_code, recipient="王芳", phone="+8613800138000"
    )


def a_zone(*, country: str = "CN", regions: tuple[str, ...] = (), postal_codes: tuple[str, ...] = ()) -> Zone:
    """A zone."""
    return Zone(new_id(), "South", Area(country, regions, postal_codes), NOW, NOW)


def a_rate(
    zone: Zone,
    *,
    currency: str = "CNY",
    first_grams: int = 1000,
    first: int = 800,
    further_grams: int = 1000,
    further: int = 200,
    bands: tuple[Band, ...] = (),
    free_from: int | None = None,
) -> Rate:
    """What a method charges in a zone."""
    return Rate(zone.id, currency, first_grams, first, further_grams, further, bands, free_from)


def a_method(
    *rates: Rate,
    title: str = "Parcel",
    kind: MethodKind = MethodKind.DELIVERY,
    active: bool = True,
    channels: tuple[str, ...] = (),
    locations: tuple[str, ...] = (),
) -> Method:
    """A way to get goods to customers."""
    return Method(new_id(), title, kind, active, (1, 3), channels, locations, rates, NOW, NOW)


def a_tax_table(
    *rates: TaxRate,
    country: str = "CN",
    region: str = "",
    included: bool = True,
    rounding: Rounding = Rounding.HALF_UP,
    freight_class: str = "",
    home: bool = False,
) -> TaxTable:
    """The taxes of a country."""
    return TaxTable(
        new_id(),
        "VAT",
        country,
        region,
        included,
        rounding,
        freight_class,
        home,
        rates or (a_tax_rate(),),
        NOW,
        NOW,
    )


def a_tax_rate(
    tax_class: str = "standard",
    basis_points: int = 1300,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> TaxRate:
    """A rate."""
    return TaxRate(tax_class, basis_points, start, end)
