"""Limits per member count a person, by whatever name: those of who was merged count for both, until it is undone. Real
threads on a real database where two names come at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.consumer import note_members
from services.orders.domain.bargain import Haggle
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.bargain import (
    BeginHaggle,
    BuyHaggle,
    CutPrice,
    begin_haggle,
    buy_haggle,
    create_bargain,
    cut_prices,
)
from services.orders.usecases.presale import create_presale
from services.orders.usecases.presale_purchase import buy as buy_presale
from tests.contract.orders import flash, groups
from tests.contract.orders.shelves import on_sale
from tests.support.builders import bargains, flash_sales, presales
from tests.support.builders.groups import a_joining, an_opening
from tests.support.builders.merges import merged, unmerged
from tests.support.statements import sent, someone_waits
from tests.support.waiting import until

Db = Database[OrdersUnit]
Pair = tuple[UUID, UUID]


@pytest.fixture
def pair(database: Db) -> Pair:
    """Two members who are one person: who was merged, and who was kept."""
    names = new_id(), new_id()
    database.write(note_members, [merged(*names)])
    return names


def part(database: Db, pair: Pair) -> None:
    """It was a mistake: they are two."""
    database.write(note_members, [unmerged(*pair)])


def reasons(outcomes: Sequence[object]) -> list[str]:
    return [outcome.reason if isinstance(outcome, Fault) else "DONE" for outcome in outcomes]


def test_a_flash_sale_counts_what_a_person_has_by_all_names(database: Db, pair: Pair) -> None:
    sale = flash.opened(database, stock=20, quota=20, member_limit=3)

    def buy(member: UUID, quantity: int = 1) -> list[Order | Fault]:
        return flash.bought(database, flash_sales.a_purchase(sale, member=member, quantity=quantity))

    assert reasons(buy(pair[0], 2)) == ["DONE"]
    (refusal,) = buy(pair[1], 2)
    assert isinstance(refusal, Fault)
    assert (refusal.reason, refusal.metadata["bought"]) == ("FLASH_SALE_LIMIT_REACHED", "2")
    assert reasons(buy(pair[1])) == ["DONE"]
    assert reasons([*buy(pair[0]), *buy(pair[1])]) == ["FLASH_SALE_LIMIT_REACHED"] * 2
    part(database, pair)
    assert reasons([*buy(pair[0], 2), *buy(pair[0]), *buy(pair[1], 2), *buy(pair[1])]) == [
        "FLASH_SALE_LIMIT_REACHED",
        "DONE",
        "DONE",
        "FLASH_SALE_LIMIT_REACHED",
    ]
    flash.check_sale(database, sale)


def test_what_both_had_before_they_were_one_counts_together(database: Db) -> None:
    sale, names = flash.opened(database, stock=9, quota=9, member_limit=3), (new_id(), new_id(), new_id())
    for member in names:
        assert reasons(flash.bought(database, flash_sales.a_purchase(sale, member=member, quantity=2))) == ["DONE"]
    database.write(note_members, [merged(names[0], names[1]), merged(names[1], names[2])])
    (refusal,) = flash.bought(database, flash_sales.a_purchase(sale, member=names[1]))
    assert isinstance(refusal, Fault)
    assert refusal.metadata["bought"] == "6"


def test_names_of_one_person_in_one_batch_count_one_after_the_other(database: Db, pair: Pair) -> None:
    sale = flash.opened(database, stock=9, quota=9, member_limit=3)
    clicks = [(pair[0], 1), (pair[1], 1), (pair[0], 1), (pair[1], 1), (new_id(), 3)]
    commands = [flash_sales.a_purchase(sale, member=member, quantity=units) for member, units in clicks]
    assert reasons(flash.bought(database, *commands)) == ["DONE", "DONE", "DONE", "FLASH_SALE_LIMIT_REACHED", "DONE"]
    flash.check_sale(database, sale)


def test_two_names_that_click_everywhere_at_once_get_the_limit_of_one(database: Db, pair: Pair) -> None:
    sale = flash.opened(database, stock=50, quota=50, member_limit=3)

    def click(number: int) -> list[Order | Fault]:
        return flash.bought(database, flash_sales.a_purchase(sale, member=pair[number % 2]))

    with ThreadPoolExecutor(12) as threads:
        outcomes = Counter(reasons([each for (each,) in threads.map(click, range(40))]))
    assert outcomes["DONE"] == 3
    assert outcomes.keys() <= {"DONE", "FLASH_SALE_LIMIT_REACHED", "CONFLICT"}
    flash.check_sale(database, sale)


def test_who_is_one_person_costs_a_batch_one_statement(database: Db, pair: Pair) -> None:
    sale = flash.opened(database, stock=50, quota=50, member_limit=3)
    with sent(database) as said:
        flash.bought(database, *(flash_sales.a_purchase(sale) for _ in range(32)))
    asked = [each for each in said if "members" in each and "root_id" in each]
    counted = [each for each in said if "min(cast(order_id" in each]
    assert (len(asked), len(counted)) == (1, 0)


def test_who_is_merged_on_while_a_purchase_waits_is_one_person_with_all_names(database: Db, pair: Pair) -> None:
    kept = new_id()
    with ThreadPoolExecutor(1) as pool:

        def merging(unit: OrdersUnit) -> Future[dict[UUID, frozenset[UUID]]]:
            note_members(unit, [merged(pair[1], kept)])
            buying = pool.submit(database.write, lambda other: other.people.together([pair[1]]))
            until(lambda: database.read(someone_waits), what="the purchase at a name")
            return buying

        together = database.write(merging).result()
    assert together[pair[1]] == {*pair, kept}


def test_a_presale_counts_what_a_person_has_by_all_names(database: Db, pair: Pair) -> None:
    (product,) = on_sale(database, stock=20)
    presale = database.write(create_presale, presales.a_creation(product.id, member_limit=3, quota=20))

    def buy(*wanted: tuple[UUID, int]) -> list[str]:
        commands = [presales.a_purchase(presale, member=member, units=units) for member, units in wanted]
        return reasons(database.write(buy_presale, commands))

    assert buy((pair[0], 2), (pair[1], 2), (pair[1], 1)) == ["DONE", "PRESALE_LIMIT_REACHED", "DONE"]
    assert buy((pair[0], 1)) == ["PRESALE_LIMIT_REACHED"]
    part(database, pair)
    assert buy((pair[0], 1), (pair[0], 1), (pair[1], 2)) == ["DONE", "PRESALE_LIMIT_REACHED", "DONE"]


def test_a_person_has_one_seat_in_a_group_and_one_limit_in_a_group_buy(database: Db, pair: Pair) -> None:
    made = groups.started(database, size=9, member_limit=2)
    first, second, third = (groups.recruiting(database, made)[0] for _ in range(3))
    groups.taken(database, a_joining(first, member=pair[0]))
    assert reasons(groups.take(database, a_joining(first, member=pair[1]))) == ["GROUP_SEAT_TAKEN"]
    groups.taken(database, a_joining(second, member=pair[1]))
    assert (
        reasons(groups.take(database, *(a_joining(third, member=each) for each in pair)))
        == ["GROUP_BUY_LIMIT_REACHED"] * 2
    )
    part(database, pair)
    assert reasons(groups.take(database, *(a_joining(third, member=each) for each in pair))) == ["DONE"] * 2
    database.write(note_members, [merged(*pair, version=9)])
    assert reasons(groups.take(database, an_opening(made, member=pair[1]))) == ["GROUP_BUY_LIMIT_REACHED"]
    groups.check_groups(database)


def test_two_names_that_join_everywhere_at_once_have_the_seats_of_one(database: Db, pair: Pair) -> None:
    made = groups.started(database, size=9, member_limit=2)
    open_groups = [groups.recruiting(database, made)[0] for _ in range(4)]

    def click(number: int) -> list[Order | Fault]:
        return groups.take(database, a_joining(open_groups[number % 4], member=pair[number // 4 % 2]))

    with ThreadPoolExecutor(12) as threads:
        outcomes = Counter(reasons([each for (each,) in threads.map(click, range(32))]))
    assert outcomes["DONE"] == 2
    seats = [groups.group(database, each).held for each in open_groups]
    assert (sum(seats), max(seats)) == (2, 1)


def test_a_person_has_one_haggle_and_cuts_once(database: Db, pair: Pair) -> None:
    (product,) = on_sale(database, stock=5)
    bargain = database.write(create_bargain, bargains.a_creation(product.id))

    def begin(member: UUID) -> Haggle:
        return database.write(begin_haggle, BeginHaggle(bargain.id, new_id(), member))

    haggle = begin(pair[0])
    assert begin(pair[1]).id == begin(pair[0]).id == haggle.id
    cuts = [CutPrice(bargain.id, haggle.id, helper) for helper in (pair[0], pair[1], new_id())]
    assert reasons(database.write(cut_prices, cuts)) == ["DONE", "HAGGLE_CUT_ALREADY", "DONE"]
    assert reasons(database.write(cut_prices, cuts[1:2])) == ["HAGGLE_CUT_ALREADY"]
    order = database.write(buy_haggle, BuyHaggle(bargain.id, haggle.id, new_id(), pair[1], "web"))
    assert (order.activity, order.buyer.member) == (haggle.name, pair[1])
    part(database, pair)
    assert begin(pair[1]).id != haggle.id
    assert reasons(database.write(cut_prices, cuts[1:2])) != ["DONE"]  # it is bought
