"""Flash sales without a database: their terms, their buckets, their waiting room, their doorman."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.flash_sale import (
    Bucket,
    FlashSale,
    FlashSaleState,
    Offer,
    Pool,
    resized,
    wanted_buckets,
)
from services.orders.domain.waiting_room import GOOD_FOR, Ticket, Tickets, admissions
from services.orders.usecases.flash_sale_admission import FRESH, Admission
from tests.support.builders.flash_sales import HOUR, a_flash_sale, a_purchase, the_terms
from tests.support.builders.orders import NOW, a_product

FREE = st.lists(st.integers(0, 9), min_size=1, max_size=8)
SECOND = timedelta(seconds=1)


def buckets(free: list[int]) -> list[Bucket]:
    return [Bucket(new_id(), number, quota=units, free=units) for number, units in enumerate(free)]


def reason(act: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(Fault) as caught:
        act(*args, **kwargs)  # type: ignore[operator]
    return caught.value.reason


def test_a_sale_is_open_from_its_start_until_its_end() -> None:
    sale = a_flash_sale(start=NOW, end=NOW + HOUR)
    moments = [NOW - SECOND, NOW, NOW + HOUR - SECOND, NOW + HOUR]
    assert [sale.state(moment) for moment in moments] == [
        FlashSaleState.SCHEDULED,
        FlashSaleState.OPEN,
        FlashSaleState.OPEN,
        FlashSaleState.ENDED,
    ]
    assert reason(sale.check_open, NOW - SECOND) == reason(sale.check_open, NOW + HOUR) == "FLASH_SALE_NOT_OPEN"


@pytest.mark.parametrize("quota", [1, 49, 50, 399, 10_000])
def test_the_buckets_of_a_new_sale_share_the_quota(quota: int) -> None:
    opened = a_flash_sale(quota=quota).opened()
    assert sum(bucket.free for bucket in opened) == sum(bucket.quota for bucket in opened) == quota
    assert min(bucket.quota for bucket in opened) >= min(quota, 50) - 1 or len(opened) == 1
    assert len(opened) <= 8


def test_a_sale_that_has_begun_keeps_its_price_and_start() -> None:
    sale = a_flash_sale()
    for terms in (the_terms(price=1), the_terms(start=NOW)):
        assert reason(sale.change, terms, NOW) == "FLASH_SALE_STATE_INVALID"
    assert sale.change(sale.terms, NOW) is sale
    assert sale.change(the_terms(quota=11, member_limit=2), NOW).version == 2


@pytest.mark.parametrize("end", [FlashSale.cancel, FlashSale.end])
def test_a_sale_that_is_over_stays_so(end: object) -> None:
    over = end(a_flash_sale(), NOW)  # type: ignore[operator]
    assert reason(over.change, the_terms(quota=11), NOW) == "FLASH_SALE_STATE_INVALID"
    if over.ending is FlashSaleState.CANCELLED:
        assert over.cancel(NOW) is over
    else:
        assert reason(over.cancel, NOW) == "FLASH_SALE_STATE_INVALID"


@given(FREE, st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5)), max_size=30))
def test_a_pool_gives_each_what_is_there_and_refuses_only_when_too_little_is(
    free: list[int], asked: list[tuple[int, int]]
) -> None:
    pool, left = Pool(buckets(free)), list(free)
    for home, units in asked:
        taken = pool.take(units, home=home % len(free))
        assert (taken is None) == (sum(left) < units)
        for number in taken or []:
            left[number] -= 1
    assert min(left) >= 0


@given(FREE, st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5)), min_size=1, max_size=9))
def test_the_buckets_that_are_locked_will_do_or_are_all_that_have_anything(
    free: list[int], asked: list[tuple[int, int]]
) -> None:
    chosen = wanted_buckets(free, [(home % len(free), units) for home, units in asked])
    enough = sum(free[number] for number in chosen) >= sum(units for _, units in asked)
    assert len(set(chosen)) == len(chosen)
    assert enough or set(chosen) == {number for number, units in enumerate(free) if units}


@given(FREE, st.integers(0, 100))
def test_a_quota_never_takes_more_than_is_free(free: list[int], quota: int) -> None:
    before = [replace(bucket, quota=bucket.quota + 3, held=3) for bucket in buckets(free)]
    if quota < 3 * len(free):
        assert reason(resized, new_id(), before, quota) == "FLASH_SALE_QUOTA_TAKEN"
        return
    change = resized(new_id(), before, quota)
    assert sum(change.values()) == quota - sum(bucket.quota for bucket in before)
    assert all(bucket.free + change.get(bucket.number, 0) >= 0 for bucket in before)


def test_a_ticket_is_good_for_its_member_and_sale_and_time() -> None:
    tickets, sale, member = Tickets("key"), new_id(), new_id()
    ticket = tickets.read(tickets.write(Ticket.at(sale, member, NOW)), sale)
    ticket.check(sale, member, NOW)
    assert reason(ticket.check, sale, member, NOW - SECOND) == "WAITING_TICKET_EARLY"
    for where, who, when in [(new_id(), member, NOW), (sale, new_id(), NOW), (sale, member, NOW + GOOD_FOR)]:
        assert reason(ticket.check, where, who, when) == "WAITING_TICKET_INVALID"


@given(st.text(max_size=100) | st.integers(0, 127).map(str))
def test_what_was_not_signed_here_is_no_ticket(text: str) -> None:
    sale = new_id()
    real = Tickets("key").write(Ticket.at(sale, new_id(), NOW))
    place = int(text) if text.isascii() and text.isdecimal() and int(text) < len(real) else -1
    forged = real[:place] + ("A" if real[place] != "A" else "B") + real[place + 1 :] if place >= 0 else text
    assert reason(Tickets("key").read, forged, sale) == "WAITING_TICKET_INVALID"
    assert reason(Tickets("another").read, real, sale) == "WAITING_TICKET_INVALID"


@given(st.integers(0, 50), st.integers(1, 1000))
def test_a_waiting_room_admits_at_its_rate(count: int, per_second: int) -> None:
    times, after = admissions(count, next_time=NOW, per_second=per_second)
    everyone = [*times, after]
    assert everyone[0] == NOW
    assert all(abs((b - a).total_seconds() - 1 / per_second) < 2e-6 for a, b in pairwise(everyone))


def test_the_doorman_looks_again_after_a_moment_and_lets_in_when_units_are_back() -> None:
    async def play() -> list[str]:
        product, now, looks = a_product(), [NOW], [(0,), (1,)]
        sale = a_flash_sale()

        async def look(_: UUID) -> Offer:
            return Offer(sale, product, looks.pop(0))

        doorman = Admission(look=look, tickets=Tickets("key"), clock=lambda: now[0])
        seen = []
        for wait in (timedelta(), FRESH / 2, FRESH / 2):
            now[0] += wait
            try:
                await doorman.check(a_purchase(sale), "")
                seen.append("IN")
            except Fault as fault:
                doorman.refused(sale.id, fault)
                seen.append(fault.reason)
        assert doorman.drain() == {(sale.id, "FLASH_SALE_SOLD_OUT"): 2}
        assert doorman.drain() == {}
        return seen

    assert asyncio.run(play()) == ["FLASH_SALE_SOLD_OUT", "FLASH_SALE_SOLD_OUT", "IN"]
