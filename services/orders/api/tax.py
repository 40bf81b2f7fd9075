"""Tax tables between the wire and the domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from kehu.orders.v1 import taxes_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.delivery import ROUNDINGS, ROUNDINGS_BACK
from services.orders.api.wire import optional_instant, version_of
from services.orders.domain.tax import TaxRate, TaxTable
from services.orders.usecases.tariff import Delete, Update

_OTHERS = ("name", "country_code", "region", "create_time", "update_time", "etag")
_MUTABLE = ("title", "prices_include_tax", "rounding", "freight_tax_class", "home", "rates")


def table(found: TaxTable) -> pb.TaxTable:
    """Write a table."""
    return pb.TaxTable(
        name=names.join("taxTables", found.id),
        title=found.title,
        country_code=found.country,
        region=found.region,
        prices_include_tax=found.included,
        rounding=ROUNDINGS[found.rounding],
        freight_tax_class=found.freight_class,
        home=found.home,
        rates=[
            pb.TaxRate(
                tax_class=rate.tax_class,
                basis_points=rate.basis_points,
                start_time=optional_instant(rate.start),
                end_time=optional_instant(rate.end),
            )
            for rate in found.rates
        ],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def new_table(request: pb.CreateTaxTableRequest, now: datetime) -> TaxTable:
    """Read a request."""
    given = request.tax_table
    return TaxTable(
        names.new_id(),
        given.title,
        given.country_code,
        given.region,
        given.prices_include_tax,
        ROUNDINGS_BACK[given.rounding],
        given.freight_tax_class,
        given.home,
        _rates(given),
        now,
        now,
    )


def table_update(request: pb.UpdateTaxTableRequest) -> Update[TaxTable]:
    """Read a request: what its mask names, or what it fills in."""
    given = request.tax_table
    fields = convert.masked_fields(given, request.update_mask, mutable=_MUTABLE, output_only=_OTHERS)
    values: dict[str, tuple[str, object]] = {
        "title": ("title", given.title),
        "prices_include_tax": ("included", given.prices_include_tax),
        "freight_tax_class": ("freight_class", given.freight_tax_class),
        "home": ("home", given.home),
        "rates": ("rates", _rates(given)),
    }
    changes: dict[str, Any] = dict(values[name] for name in fields if name in values)
    if "rounding" in fields and given.rounding in ROUNDINGS_BACK:
        changes["rounding"] = ROUNDINGS_BACK[given.rounding]
    return Update(
        names.id_of("taxTables", given.name, field="tax_table.name"),
        lambda before: replace(before, **changes),
        version_of(given.etag),
    )


def deletion(request: pb.DeleteTaxTableRequest) -> Delete:
    """Read a request."""
    return Delete(names.id_of("taxTables", request.name), version_of(request.etag))


def _rates(given: pb.TaxTable) -> tuple[TaxRate, ...]:
    return tuple(
        TaxRate(
            rate.tax_class,
            rate.basis_points,
            convert.instant(rate.start_time, field=f"tax_table.rates[{index}].start_time")
            if rate.HasField("start_time")
            else None,
            convert.instant(rate.end_time, field=f"tax_table.rates[{index}].end_time")
            if rate.HasField("end_time")
            else None,
        )
        for index, rate in enumerate(given.rates)
    )
