"""Counts of one product by several people: the shelf is corrected once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.product import Product
from services.orders.domain.stock import MAIN, Place
from services.orders.domain.stock_count import CountLine
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import stock as books
from services.orders.usecases import stock_count as counts
from tests.contract.orders.shelves import check_movements, on_sale, stock
from tests.support.builders.orders import NOW

Db = Database[OrdersUnit]


def opened(database: Db) -> UUID:
    return database.write(counts.open_count, counts.OpenCount(new_id(), MAIN, "")).id


def entered(database: Db, count: UUID, product: Product, units: int) -> bool:
    """Whether the number was taken; it is refused for another count's sake alone."""
    try:
        database.write(counts.enter_count, counts.EnterCount(count, {product.id: units}))
    except Fault as fault:
        if fault.reason != "COUNTED_ELSEWHERE":
            raise
        return False
    return True


def test_a_product_that_another_open_count_has_is_refused_by_name(database: Db) -> None:
    tea, coffee = on_sale(database, stock=10, products=2)
    first, second = opened(database), opened(database)
    assert entered(database, first, tea, 8)
    assert entered(database, first, tea, 7)

    with pytest.raises(Fault) as refused:
        database.write(counts.enter_count, counts.EnterCount(second, {tea.id: 8, coffee.id: 9}))
    assert refused.value.metadata == {"stock": f"products/{tea.id}/stocks/main", "count": f"stockCounts/{first}"}
    assert entered(database, second, coffee, 9)

    for count in (first, second):
        database.write(counts.post_count, count)
    assert (stock(database, tea)[0], stock(database, coffee)[0]) == (7, 9)


@pytest.mark.parametrize("end", [counts.post_count, counts.cancel_count])
def test_a_count_that_ended_leaves_its_products_to_others(database: Db, end: object) -> None:
    (tea,) = on_sale(database, stock=10)
    first, second = opened(database), opened(database)
    assert entered(database, first, tea, 8)
    database.write(end, first)  # type: ignore[arg-type]

    assert entered(database, second, tea, 8)
    database.write(counts.post_count, second)
    assert stock(database, tea)[0] == 8


def test_of_twenty_who_enter_one_product_at_once_one_does(database: Db) -> None:
    (tea,) = on_sale(database, stock=10)
    people = [opened(database) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(lambda count: entered(database, count, tea, 8), people))
    assert taken.count(True) == 1

    for count in people:
        database.write(counts.post_count, count)
    assert stock(database, tea)[0] == 8
    check_movements(database)


def test_the_database_itself_refuses_a_second_line(database: Db) -> None:
    (tea,) = on_sale(database, stock=10)
    first, second = (database.read(counts.get_count, opened(database)) for _ in range(2))
    line = CountLine(tea.id, 8, 10, NOW)
    database.write(lambda unit: unit.stock_counts.save(first, [line]))
    with pytest.raises((Fault, IntegrityError)):
        database.write(lambda unit: unit.stock_counts.save(second, [line]))


@dataclass
class Shelf:
    """What really lies there, and what went missing since each open count entered its number."""

    database: Db
    product: Product
    real: int = 20
    people: list[UUID] = field(default_factory=list)
    missing_since: dict[UUID, int] = field(default_factory=dict)

    def books(self) -> int:
        return stock(self.database, self.product)[0]

    def step(self, act: str, who: int) -> None:
        getattr(self, act)(self.people[who])

    def enter(self, count: UUID) -> None:
        """Somebody counts, without a mistake."""
        if entered(self.database, count, self.product, self.real):
            self.missing_since[count] = 0
        else:
            assert set(self.missing_since) - {count}

    def lose(self, _: UUID) -> None:
        """A unit goes missing, and nobody knows."""
        if self.real:
            self.real -= 1
            self.missing_since = {count: lost + 1 for count, lost in self.missing_since.items()}

    def receive(self, _: UUID) -> None:
        """Units come, and are booked."""
        self.database.write(books.receive_stock, books.ReceiveStock(Place(self.product.id), 3, ""))
        self.real += 3

    def post(self, count: UUID) -> None:
        """The books say what lies there, but for what went missing since."""
        before = self.books()
        self.database.write(counts.post_count, count)
        lost = self.missing_since.pop(count, None)
        assert self.books() == (before if lost is None else self.real + lost)
        self._again(count)

    def cancel(self, count: UUID) -> None:
        before = self.books()
        self.database.write(counts.cancel_count, count)
        self.missing_since.pop(count, None)
        assert self.books() == before
        self._again(count)

    def _again(self, count: UUID) -> None:
        self.people[self.people.index(count)] = opened(self.database)


STEPS = st.tuples(st.sampled_from(["enter", "lose", "receive", "post", "cancel"]), st.integers(0, 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_whatever_several_people_count_in_any_order_the_books_say_what_lies_there(
    database: Db, steps: list[tuple[str, int]]
) -> None:
    (product,) = on_sale(database, stock=20)
    shelf = Shelf(database, product, people=[opened(database) for _ in range(3)])
    for act, who in steps:
        shelf.step(act, who)
    for count in shelf.people:
        database.write(counts.cancel_count, count)
