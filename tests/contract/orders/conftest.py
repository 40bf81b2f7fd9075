"""The stores of orders on a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from kit.db import Database
from services.orders import publish
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from tests.support.builders.orders import NOW


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
