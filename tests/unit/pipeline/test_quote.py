"""Quotes: totals to the cent, content that never changes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from services.pipeline.domain.quote import MAX_TOTAL, QuoteLine, QuoteState, content_hash
from tests.support.builders.pipeline import NOW, after, line, quote

LINES = st.lists(
    st.builds(line, quantity=st.integers(1, 1_000_000), price=st.integers(0, 40_000), title=st.text(max_size=20)),
    min_size=1,
    max_size=20,
)


@given(lines=LINES)
def test_the_total_is_the_sum_of_the_lines(lines: list[QuoteLine]) -> None:
    offered = quote(uuid4(), *lines)
    assert offered.total.minor == sum(each.quantity * each.unit_price.minor for each in lines)
    assert sum(each.amount.minor for each in offered.lines) == offered.total.minor


@given(lines=LINES, data=st.data())
def test_any_change_of_the_content_changes_its_hash(lines: list[QuoteLine], data: st.DataObject) -> None:
    offered = quote(UUID(int=1), *lines)
    index = data.draw(st.integers(0, len(lines) - 1))
    changed = list(offered.lines)
    changed[index] = replace(changed[index], quantity=changed[index].quantity + 1)
    for other in (
        replace(offered, lines=tuple(changed)),
        replace(offered, lines=(*offered.lines, line())),
        replace(offered, total=offered.total + Money(1, "USD")),
        replace(offered, revision=2),
        replace(offered, opportunity=uuid4()),
        replace(offered, expire_time=after(1)),
    ):
        assert content_hash(other) != offered.content_hash
        with pytest.raises(Fault):
            other.require_intact()
    offered.require_intact()


def test_the_hash_is_of_a_written_down_form() -> None:
    """Hashes are kept for ever, so the canonical form must not drift."""
    known = QuoteLine(UUID(int=7), "Machine 机器", 3, Money(1_800_00, "USD"))
    canonical = (
        '{"currency":"USD","expire_time":"2026-03-01T10:00:00+00:00",'
        '"lines":[["00000000-0000-0000-0000-000000000007","Machine \\u673a\\u5668",3,180000]],'
        '"opportunity":"00000000-0000-0000-0000-000000000001","revision":1,"total":540000}'
    )
    offered = quote(UUID(int=1), known, expire_time=after(60))
    assert offered.content_hash == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([line(), line(currency="EUR")], "quote.lines[1].unit_price.currency_code"),
        ([line(price=-1)], "quote.lines[0].unit_price"),
        ([line(1_000_000, 10**14)], "quote.lines[0].unit_price"),
        ([line(1, MAX_TOTAL - 1), line(1, 1)], "quote.lines[1].unit_price"),
    ],
)
def test_what_cannot_be_offered_is_refused_on_its_line(lines: list[QuoteLine], field: str) -> None:
    with pytest.raises(Fault) as caught:
        quote(uuid4(), *lines)
    assert caught.value.violations[0].field == field


def test_a_quote_offers_something() -> None:
    from services.pipeline.domain import quote as quotes

    with pytest.raises(Fault) as caught:
        quotes.offer(uuid4(), uuid4(), revision=1, lines=[], expire_time=None, now=NOW)
    assert caught.value.violations[0].field == "quote.lines"


def test_a_quote_does_not_expire_before_it_is_made() -> None:
    with pytest.raises(Fault) as caught:
        quote(uuid4(), expire_time=NOW)
    assert caught.value.violations[0].field == "quote.expire_time"


def test_a_quote_is_accepted_once() -> None:
    accepted = quote(uuid4()).accepted(after(1))
    assert (accepted.state, accepted.accept_time, accepted.version) == (QuoteState.ACCEPTED, after(1), 2)
    for given_up in (accepted, quote(uuid4()).superseded(NOW)):
        with pytest.raises(Fault) as caught:
            given_up.accepted(after(2))
        assert caught.value.reason == "QUOTE_NOT_OFFERED"


def test_a_quote_is_accepted_before_it_expires() -> None:
    offered = quote(uuid4(), expire_time=after(10))
    assert offered.accepted(after(9)).is_accepted
    with pytest.raises(Fault) as caught:
        offered.accepted(after(10))
    assert caught.value.reason == "QUOTE_EXPIRED"


def test_the_customer_accepts_what_was_offered_and_nothing_else() -> None:
    offered = quote(uuid4())
    assert offered.accepted(NOW, content_hash=offered.content_hash).is_accepted
    with pytest.raises(Fault) as caught:
        offered.accepted(NOW, content_hash="0" * 64)
    assert caught.value.reason == "QUOTE_CONTENT_DIFFERS"
    with pytest.raises(Fault) as caught:
        replace(offered, lines=(line(),)).accepted(NOW)
    assert caught.value.reason == "QUOTE_CONTENT_DIFFERS"
