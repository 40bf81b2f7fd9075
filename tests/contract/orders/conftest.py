"""The stores of orders on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial

import pytest

from kit.db import Database
from services.orders import publish
from services.orders.providers.port import Provider
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from tests.contract.orders.accounts import Account
from tests.support.builders.orders import NOW
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
