"""A new customer has one seat in all group buys for new customers: real threads on a real database."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.consumer import note_members
from services.orders.domain.group import Group
from services.orders.domain.group_buy import GroupBuyKind
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import CancelOrder, cancel_order
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.groups import check_groups, group, paid, recruiting, started, take, taken
from tests.support.builders.groups import a_joining, an_opening
from tests.support.builders.merges import merged, unmerged

Db = Database[OrdersUnit]


def for_new_customers(database: Db) -> Group:
    """A group that takes new customers."""
    return recruiting(database, started(database, size=9, kind=GroupBuyKind.NEW_CUSTOMER))[0]


@pytest.fixture
def pair(database: Db) -> tuple[Group, Group]:
    """Groups of two group buys for new customers."""
    return for_new_customers(database), for_new_customers(database)


def join(database: Db, of: Group, member: UUID) -> str:
    (outcome,) = take(database, a_joining(of, member=member))
    return outcome.reason if isinstance(outcome, Fault) else "DONE"


def test_whoever_joins_everywhere_at_once_has_one_seat(database: Db) -> None:
    open_groups, members = [for_new_customers(database) for _ in range(4)], [new_id() for _ in range(3)]
    clicks = [(of, member) for member in members for of in open_groups for _ in range(3)]
    with ThreadPoolExecutor(12) as threads:
        outcomes = Counter(threads.map(lambda click: join(database, *click), clicks))
    assert outcomes["DONE"] == len(members)
    assert outcomes.keys() <= {"DONE", "CONFLICT", "GROUP_SEAT_TAKEN", "GROUP_BUY_NOT_ELIGIBLE"}
    assert sum(group(database, each).held for each in open_groups) == len(members)
    check_groups(database)


@pytest.mark.parametrize("round_", range(3))
def test_two_names_of_one_person_that_join_at_once_have_one_seat(
    database: Db, pair: tuple[Group, Group], round_: int
) -> None:
    names = new_id(), new_id()
    database.write(note_members, [merged(*names)])
    clicks = [(pair[number % 2], names[number // 2 % 2]) for number in range(24)]
    with ThreadPoolExecutor(12) as threads:
        outcomes = Counter(threads.map(lambda click: join(database, *click), clicks))
    assert outcomes["DONE"] == 1
    database.write(note_members, [unmerged(*names)])
    assert sorted(
        join(database, pair[0], each) == "DONE" or join(database, pair[1], each) == "DONE" for each in names
    ) == [
        False,
        True,
    ]


def test_a_seat_that_stands_no_more_is_none(database: Db, pair: tuple[Group, Group]) -> None:
    first, second = pair
    member = new_id()
    order = taken(database, a_joining(first, member=member))
    assert join(database, second, member) == "GROUP_BUY_NOT_ELIGIBLE"
    database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))
    bought = paid(database, taken(database, a_joining(second, member=member)))
    assert join(database, first, member) == "GROUP_BUY_NOT_ELIGIBLE"
    database.write(refund_order, RefundOrder(new_id(), bought.id, None, "", "", None))
    assert join(database, first, member) == "DONE"
    check_groups(database)


def test_seats_in_one_batch_count_and_others_are_free(database: Db, pair: tuple[Group, Group]) -> None:
    first, second = pair
    member = new_id()
    plain, _ = recruiting(database, started(database, size=9))
    outcomes = take(
        database,
        a_joining(first, member=member),
        a_joining(second, member=member),
        a_joining(plain, member=member),
        an_opening(started(database, size=9, kind=GroupBuyKind.NEW_CUSTOMER), member=member),
    )
    assert [each.reason if isinstance(each, Fault) else "DONE" for each in outcomes] == [
        "DONE",
        "CONFLICT",
        "DONE",
        "DONE",
    ]
    assert isinstance(outcomes[0], Order)
    check_groups(database)
