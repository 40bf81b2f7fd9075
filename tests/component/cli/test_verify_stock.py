"""`kehu verify stock` on a real database: what it says, and its exit status."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.main import build
from kit.db import Database
from services.orders import publish
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import place_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import a_placement, an_item


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """A product of which two units are reserved."""
    url = migrated("orders")
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    (product,) = on_sale(database, stock=5)
    database.write(place_orders, [a_placement(an_item(product=product.id, quantity=2))])
    database.close()
    return url


def verify(url: str) -> Result:
    return CliRunner().invoke(build("verify"), ["verify", "stock", "--database-url", url])


def test_stock_that_is_explained(url: str) -> None:
    result = verify(url)
    assert result.exit_code == 0, result.output
    assert "1 places, 2 movements, 1 orders that wait for payment, 0 reservations: nothing differs" in result.output


@pytest.mark.parametrize(
    ("forgery", "told"),
    [
        ("update stocks set on_hand = 6", "6 on hand, but its movements sum to 5"),
        ("update orders set state = 'CANCELLED'", "2 reserved, but orders, reservations and flash sales hold 0"),
        ("update stocks set backordered = 1", "1 backordered, but orders still wait for 0"),
    ],
)
def test_stock_that_is_not_is_told(url: str, forgery: str, told: str) -> None:
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    database.write(lambda unit: unit.connection.execute(text(forgery)))
    database.close()
    result = verify(url)
    assert result.exit_code == 1
    assert told in result.output
    assert "1 places differ" in result.output
