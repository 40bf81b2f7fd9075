"""`kehu verify orders` on a real database: what it says, and its exit status; and the hourly sweep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.main import build
from kit.db import Database
from services.orders import publish
from services.orders.consumer import verify_orders
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import place_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import a_placement, an_item


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """An order that waits for its payment."""
    url = migrated("orders")
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    (product,) = on_sale(database, stock=5)
    database.write(place_orders, [a_placement(an_item(product=product.id, quantity=2))])
    database.close()
    return url


def verify(url: str) -> Result:
    return CliRunner().invoke(build("verify"), ["verify", "orders", "--workers", "2", "--database-url", url])


def test_orders_that_are_right_then_forged(url: str) -> None:
    right = verify(url)
    assert right.exit_code == 0, right.output
    assert "1 orders, 0 refunds, 0 checkouts, 0 flash sales: nothing differs" in right.output
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    database.write(lambda unit: unit.connection.execute(text("update orders set total = total + 1")))
    database.write(verify_orders)
    database.write(lambda unit: unit.connection.execute(text("update orders set total = total - 1")))
    database.write(verify_orders)  # not due: it shows what was found within the hour
    database.close()
    assert REGISTRY.get_sample_value("order_differences", {"check": "total"}) == 1
    assert REGISTRY.get_sample_value("order_differences", {"check": "stock"}) == 0


def test_orders_that_are_forged(url: str) -> None:
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    database.write(lambda unit: unit.connection.execute(text("update orders set total = total + 1")))
    database.close()
    result = verify(url)
    assert result.exit_code == 1
    assert "differs: total of orders/" in result.output
    assert "1980 expected, 1981 found" in result.output
    assert "1 differences" in result.output
