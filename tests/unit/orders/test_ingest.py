"""Orders of platforms: every code of 旺店通, amounts to the fourth decimal, and what is kept of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.orders.domain import ingest
from services.orders.domain.ingest import PlatformOrder
from services.orders.domain.line import lines_of
from services.orders.domain.wangdiantong import EXCEPTIONS, STATUSES, Meaning, exceptions
from tests.support.builders.ingest import a_platform_line, a_platform_order, a_shop
from tests.support.builders.orders import a_product

UNPAID, SHIPPED, OVER = {10, 12, 15}, {95, 96, 101}, {4: Meaning.REFUNDED, 5: Meaning.CANCELLED}
REVIEWED = {6, 16, 19, 20, 21, 23, 24, 25, 27, 30, 35, 40, 55}


def test_every_status_of_wangdiantong_has_its_meaning() -> None:
    assert (
        dict.fromkeys(UNPAID, Meaning.UNPAID)
        | dict.fromkeys(REVIEWED, Meaning.PAID)
        | dict.fromkeys(SHIPPED, Meaning.SHIPPED)
        | OVER
        | {110: Meaning.COMPLETED}
    ) == STATUSES
    assert a_platform_order(status=7).meaning is None


@given(st.sets(st.sampled_from([1 << bit for bit in range(13)])))
def test_every_exceptional_bit_is_told(bits: set[int]) -> None:
    assert sorted(EXCEPTIONS) == [2, 4, 8, 16, 32, 128, 256, 512, 1024]
    assert exceptions(sum(bits)) == tuple(EXCEPTIONS.get(bit, f"BIT_{bit}") for bit in sorted(bits))


amounts = st.integers(0, 10**9)


@given(
    st.lists(st.tuples(amounts, st.none() | amounts, st.integers(1, 50)), min_size=1, max_size=5),
    amounts,
    st.sampled_from(["CNY", "JPY", "KWD"]),
)
def test_what_a_platform_says_is_what_it_comes_to_and_the_residue(
    lines: list[tuple[int, int | None, int]], freight: int, currency: str
) -> None:
    told = a_platform_order(
        *(
            a_platform_line(oid=str(n), amount=amount, price=price, quantity=units)
            for n, (amount, price, units) in enumerate(lines)
        ),
        freight=freight,
    )
    quote = ingest.quote_of(a_shop(currency=currency), told, {"TEA": a_product()})
    ours = [line.amount for line in lines_of(quote.items)]
    assert [line.amount for line in quote.items] == ours
    assert all(line.discount >= 0 for line in quote.items)
    residue = told.worth - ingest.exact(sum(ours) + quote.freight, currency)
    assert abs(residue) * 2 <= (len(ours) + 1) * ingest.exact(1, currency)
    assert PlatformOrder.of_text(told.text()) == told
    assert ingest.amount_of(ingest.shown(freight), field="freight") == freight


@pytest.mark.parametrize("text", ["", "1.00000", "-1", "1e3", "٣", "1.", ".5", "123456789012"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(Fault):
        ingest.amount_of(text, field="amount")
