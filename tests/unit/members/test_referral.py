"""Whether a referral is rewarded follows from the orders alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.members.domain.referral import Order, Referral, ReferralRules, State, code_of, read_code
from tests.support.builders.engagement import limit, order_told, referral, referral_rules
from tests.support.builders.members import NOW

DAY = timedelta(days=1)


def told(*news: Order) -> list[Order]:
    """What is known after the news, in this order."""
    known: dict[object, Order] = {}
    for order in news:
        known[order.id] = known[order.id].told(order) if order.id in known else order
    return list(known.values())


def stands(*news: Order) -> State:
    return referral().judged(told(*news))[0]


def test_the_first_paid_order_rewards_and_its_full_refund_takes_back() -> None:
    paid = order_told(paid=50)
    half, whole = replace(paid, paid=None, net=25, version=2), replace(paid, paid=None, net=0, version=3)
    assert stands() is State.PENDING
    assert stands(paid) is State.REWARDED
    assert stands(paid, half) is State.REWARDED
    assert stands(paid, half, whole) is State.REVOKED
    assert stands(paid, half, whole, order_told(paid=50, days=1)) is State.REVOKED


def test_an_order_of_before_the_referral_leaves_no_reward() -> None:
    assert stands(order_told(paid=50, days=-1), order_told(paid=50)) is State.VOID


def test_an_order_for_which_nothing_was_paid_and_one_that_was_imported_do_not_count() -> None:
    imported_and_refunded = order_told(paid=None, net=20, version=2)
    assert stands(order_told(paid=0), imported_and_refunded) is State.PENDING


def test_every_order_of_the_news_comes_to_the_same_end() -> None:
    first, second = order_told(paid=50), order_told(paid=70, days=1)
    news = [first, replace(first, paid=None, net=20, version=2), replace(first, paid=None, net=0, version=3), second]
    ends = {referral().judged(told(*way, *way[:2])) for way in permutations(news)}
    assert ends == {(State.REVOKED, first.id)}


@pytest.mark.parametrize("capped", [True, False])
def test_a_referral_gives_what_was_promised_and_takes_back_what_was_given(capped: bool) -> None:
    order = order_told(paid=50)
    rewarded = referral().settled(State.REWARDED, order.id, now=NOW, capped=capped)
    assert (rewarded.referrer_given, rewarded.member_given) == (0 if capped else 200, 100)
    assert rewarded.settled(State.REWARDED, order.id, now=NOW + DAY, capped=False) is rewarded
    earlier = order_told(paid=50)
    moved = rewarded.settled(State.REWARDED, earlier.id, now=NOW + DAY, capped=False)
    assert (moved.referrer_given, moved.order) == (rewarded.referrer_given, earlier.id)
    revoked = rewarded.settled(State.REVOKED, order.id, now=NOW, capped=False)
    assert (revoked.referrer_given, revoked.member_given, revoked.version) == (0, 0, 3)


@given(st.integers(0, 2**128))
def test_a_code_is_read_as_it_was_made_however_it_is_written(number: int) -> None:
    code = code_of(number)
    assert len(code) == 8
    assert read_code(code) == read_code(f" {code.lower()}\n") == code
    assert read_code(code.replace("0", "o").replace("1", "l")) == code


@pytest.mark.parametrize(
    ("days", "bought", "cause"), [(0, True, "bought"), (7, False, "late"), (6, False, ""), (0, False, "")]
)
def test_a_member_is_referred_early_or_not_at_all(days: int, bought: bool, cause: str) -> None:
    joined = NOW - days * DAY
    if not cause:
        referral_rules().check_member(joined=joined, bought=bought, now=NOW)
        return
    with pytest.raises(Fault) as caught:
        referral_rules().check_member(joined=joined, bought=bought, now=NOW)
    assert (caught.value.reason, caught.value.metadata) == ("REFERRAL_CLOSED", {"cause": cause})


@pytest.mark.parametrize(
    "rules", [ReferralRules(0, 0, 7), replace(referral_rules(), limits=(limit("MEMBER", count=1),) * 2)]
)
def test_rules_that_contradict_each_other_are_refused(rules: ReferralRules) -> None:
    with pytest.raises(Fault) as caught:
        rules.check("referrals")
    assert caught.value.reason == "ENGAGEMENT_INVALID"


def test_a_referral_starts_with_nothing_given() -> None:
    made: Referral = referral()
    assert (made.state, made.referrer_given, made.member_given, made.order) == (State.PENDING, 0, 0, None)
