"""The stores of orders on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from kit.db import Database
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.stock import Place, receive
from services.orders.providers.port import Provider
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases.order import place_orders
from services.orders.usecases.payment import receive_payments
from tests.contract.orders.accounts import Account
from tests.contract.orders.purchases import a_part
from tests.support.builders.orders import NOW, a_placement, a_product, an_item
from tools.providers.server import ProviderServer


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("orders")


@pytest.fixture
def database(url: str) -> Iterator[Database[OrdersUnit]]:
    """The database, at an instant that stands still."""
    database = Database(
        url, partial(OrdersUnit, publish=publish.to_event), constraints=CONSTRAINTS, clock=lambda: NOW, pool_size=16
    )
    yield database
    database.close()


@pytest.fixture(params=["WECHAT_PAY", "ALIPAY"])
async def account(
    request: pytest.FixtureRequest, provider_server: ProviderServer, lasting_providers: Mapping[str, Provider]
) -> AsyncIterator[Account]:
    """The account at each provider in turn."""
    provider = lasting_providers[request.param]
    desk = provider_server.wechat_pay if request.param == "WECHAT_PAY" else provider_server.alipay
    yield Account(provider, desk, provider_server.address)
    await provider.aclose()


@pytest.fixture
def product(database: Database[OrdersUnit]) -> UUID:
    """Something that there are ten of."""
    product = a_product(price=900)

    def put_on_sale(unit: OrdersUnit) -> None:
        unit.products.add(product)
        unit.stocks.open(Place(product.id), unit.now)
        unit.stocks.apply([receive(Place(product.id), 10, note="")], unit.now)

    database.write(put_on_sale)
    return product.id


@pytest.fixture
def order(database: Database[OrdersUnit], product: UUID) -> Order:
    """Three of it at 9.00, with freight of 3.00, to be paid."""
    placement = a_placement(an_item(product=product, quantity=3, unit_price=900))
    placement = replace(placement, quote=replace(placement.quote, freight=300))
    (order,) = database.write(place_orders, [placement])
    assert isinstance(order, Order)
    return order


@pytest.fixture
def bought(database: Database[OrdersUnit], order: Order) -> Order:
    """The order, paid by WeChat Pay and a gift card."""
    parts = [a_part(order, 2000, Tender.WECHAT_PAY), a_part(order, 1000, Tender.GIFT_CARD)]
    *_, paid = database.write(receive_payments, parts)
    assert isinstance(paid, Order)
    assert paid.state is OrderState.PAID
    return paid
