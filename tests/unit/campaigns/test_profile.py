"""Profiles kept by increments are those that all purchases make."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain.profile import Bounds, Key, Profile, Spending, apply, rebound, unbounded
from services.campaigns.domain.purchase import Change, Purchase, newest
from tests.support.builders.campaigns import DAY, NOW, purchase

MEMBERS = [uuid.UUID(int=number) for number in range(1, 4)]
ORDERS = [uuid.UUID(int=number) for number in range(10, 16)]


@st.composite
def histories(draw: st.DrawFn) -> list[Purchase]:
    """Each order's states: paid, then refunded step by step, perhaps to nothing."""
    events = []
    for order in draw(st.lists(st.sampled_from(ORDERS), unique=True, min_size=1)):
        net = draw(st.integers(0, 5000))
        base = purchase(
            order=order,
            member=draw(st.sampled_from(MEMBERS)),
            currency=draw(st.sampled_from(["USD", "JPY"])),
            pay_time=NOW - timedelta(days=draw(st.integers(0, 400))),
        )
        nets = [net, *sorted(draw(st.lists(st.integers(0, net), max_size=3)), reverse=True)]
        for version, left in enumerate(nets, start=1):
            counts = version == 1 or left > 0
            events.append(Purchase(order, base.member, base.currency, left, base.pay_time, counts, version))
    return events


class Known:
    """What the database holds, and the same steps that the use-case takes."""

    def __init__(self) -> None:
        self.purchases: dict[uuid.UUID, Purchase] = {}
        self.spendings: dict[Key, Spending] = {}

    def take(self, batch: list[Purchase]) -> None:
        changes = []
        for after in newest(batch):
            before = self.purchases.get(after.order)
            if before is None or before.version < after.version:
                self.purchases[after.order] = after
                changes.append(Change(before, after))
        changed = apply(self.spendings, changes)
        lost = unbounded(changes)
        self.spendings |= rebound(changed, lost, {key: self.bounds(key) for key in lost if self.bounds(key)})  # type: ignore[misc]

    def bounds(self, key: Key) -> Bounds | None:
        times = [
            each.pay_time for each in self.purchases.values() if each.counts and (each.member, each.currency) == key
        ]
        return (min(times), max(times)) if times else None


def recomputed(events: list[Purchase]) -> dict[Key, tuple[int, int, Bounds | None]]:
    """The same from scratch: the last state of each order, summed up."""
    last: dict[uuid.UUID, Purchase] = {}
    for event in sorted(events, key=lambda event: event.version):
        last[event.order] = event
    groups: dict[Key, list[Purchase]] = defaultdict(list)
    for state in last.values():
        groups[state.member, state.currency].append(state)
    result = {}
    for key, states in groups.items():
        times = [state.pay_time for state in states if state.counts]
        bounds = (min(times), max(times)) if times else None
        result[key] = (len(times), sum(state.net for state in states), bounds)
    return result


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_of_arrival_and_any_repetition_give_the_same_profiles(
    events: list[Purchase], chance: random.Random, size: int
) -> None:
    arrivals = events + chance.choices(events, k=len(events))
    chance.shuffle(arrivals)
    known = Known()
    for start in range(0, len(arrivals), size):
        known.take(arrivals[start : start + size])
    found = {key: (each.order_count, each.total, each.bounds) for key, each in known.spendings.items()}
    assert found == recomputed(events)


def test_a_purchase_of_nothing_counts() -> None:
    known = Known()
    known.take([purchase(net=0)])
    assert [each.order_count for each in known.spendings.values()] == [1]


def test_a_purchase_that_is_refunded_in_full_counts_no_more() -> None:
    known, bought = Known(), purchase()
    known.take([bought])
    known.take([Purchase(bought.order, bought.member, "USD", 0, bought.pay_time, counts=False, version=3)])
    assert known.spendings[bought.member, "USD"] == Spending(bought.member, "USD", 0, 0, None)


def test_an_order_that_moves_to_another_member_leaves_the_first_one() -> None:
    known, bought, other = Known(), purchase(), uuid.uuid4()
    known.take([bought])
    known.take([Purchase(bought.order, other, "USD", 1000, bought.pay_time, counts=True, version=3)])
    assert known.spendings[bought.member, "USD"].order_count == 0
    assert known.spendings[bought.member, "USD"].bounds is None
    assert known.spendings[other, "USD"].order_count == 1


def test_a_profile_adds_up_over_currencies() -> None:
    member = uuid.uuid4()
    profile = Profile(
        member,
        {
            "JPY": Spending(member, "JPY", 1, 500, (NOW - 9 * DAY, NOW - 9 * DAY)),
            "USD": Spending(member, "USD", 2, 3000, (NOW - 5 * DAY, NOW)),
            "EUR": Spending(member, "EUR", 0, 0, None),
        },
    )
    assert (profile.order_count, profile.first_purchase, profile.last_purchase) == (3, NOW - 9 * DAY, NOW)
    nobody = Profile(member)
    assert (nobody.order_count, nobody.first_purchase, nobody.last_purchase) == (0, None, None)
