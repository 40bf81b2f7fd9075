"""Tariffs for tests: a zone, a parcel service, a tax table, and somebody who lives in it."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import deliveries_pb2, shipping_pb2, taxes_pb2
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub

from kit.money import Money
from kit.rpc.convert import wire_money

ADDRESS = deliveries_pb2.Address(
    country_code="CN",
    province="广东省",
    city="深圳市",
    district="南山区",
    street="科技园一路 1 号",
    postal_code="518000",
    recipient="王芳",
    phone="+8613800138000",
)


def cny(minor: int) -> WireMoney:
    """An amount in minor units."""
    return wire_money(Money(minor, "CNY"))


async def a_zone(shipping: ShippingServiceStub, *regions: str) -> shipping_pb2.ShippingZone:
    """Regions of China, or all of it."""
    zone = shipping_pb2.ShippingZone(title="South", country_code="CN", regions=regions)
    request = shipping_pb2.CreateShippingZoneRequest(shipping_zone=zone)
    made: shipping_pb2.ShippingZone = await shipping.CreateShippingZone(request)
    return made


async def a_parcel(shipping: ShippingServiceStub, zone: str) -> shipping_pb2.ShippingMethod:
    """8.00 for the first kilogram and 2.00 for each further one; free from 99.00 on."""
    rate = shipping_pb2.ShippingRate(
        shipping_zone=zone, first_price=cny(800), further_grams=1000, further_price=cny(200), free_from=cny(9900)
    )
    method = shipping_pb2.ShippingMethod(
        title="Parcel", kind=deliveries_pb2.SHIPPING_KIND_DELIVERY, active=True, min_days=1, max_days=3, rates=[rate]
    )
    made: shipping_pb2.ShippingMethod = await shipping.CreateShippingMethod(
        shipping_pb2.CreateShippingMethodRequest(shipping_method=method)
    )
    return made


async def a_table(taxes: TaxesServiceStub, *, included: bool = True, **fields: object) -> taxes_pb2.TaxTable:
    """13 % on goods, 6 % on freight."""
    table = taxes_pb2.TaxTable(
        title="VAT",
        country_code="CN",
        prices_include_tax=included,
        rounding=deliveries_pb2.TAX_ROUNDING_HALF_UP,
        freight_tax_class="transport",
        rates=[
            taxes_pb2.TaxRate(tax_class="standard", basis_points=1300),
            taxes_pb2.TaxRate(tax_class="transport", basis_points=600),
        ],
        **fields,  # type: ignore[arg-type]
    )
    made: taxes_pb2.TaxTable = await taxes.CreateTaxTable(taxes_pb2.CreateTaxTableRequest(tax_table=table))
    return made


def sent(method: shipping_pb2.ShippingMethod) -> deliveries_pb2.DeliveryChoice:
    """Brought to the address."""
    return deliveries_pb2.DeliveryChoice(shipping_method=method.name, address=ADDRESS)
