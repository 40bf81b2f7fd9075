"""The states of a coupon."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kit.errors import Fault
from services.campaigns.domain.coupon import TRANSITIONS, Coupon, State
from services.campaigns.domain.events import CouponReturned, CouponUsed
from tests.support.builders.campaigns import DAY, NOW, coupon

ORDER, OTHER = uuid.uuid4(), uuid.uuid4()
SOON = NOW + timedelta(minutes=15)


def locked(**changes: object) -> Coupon:
    issued = coupon(**changes)
    return issued.lock(ORDER, member=issued.member, until=SOON, now=NOW)


def reason_of(action: object) -> str:
    with pytest.raises(Fault) as caught:
        action()  # type: ignore[operator]
    return caught.value.reason


def test_a_lock_holds_the_coupon_for_one_order() -> None:
    held = locked()
    assert (held.state, held.order, held.lock_expire_time) == (State.LOCKED, ORDER, SOON)
    assert reason_of(lambda: held.lock(OTHER, member=held.member, until=SOON, now=NOW)) == "COUPON_LOCKED"


def test_locking_again_for_the_same_order_moves_the_end_of_the_lock() -> None:
    held = locked()
    longer = held.lock(ORDER, member=held.member, until=SOON + DAY, now=NOW)
    assert longer == replace(held, lock_expire_time=SOON + DAY, version=held.version + 1)


def test_a_lock_that_ran_out_does_not_keep_others_away() -> None:
    held = locked()
    assert held.lock(OTHER, member=held.member, until=SOON + DAY, now=SOON).order == OTHER


def test_somebody_elses_coupon_can_not_be_locked_not_even_by_the_order_that_holds_it() -> None:
    stranger = uuid.uuid4()
    assert reason_of(lambda: coupon().lock(ORDER, member=stranger, until=SOON, now=NOW)) == "COUPON_OF_ANOTHER_MEMBER"
    assert reason_of(lambda: locked().lock(ORDER, member=stranger, until=SOON, now=NOW)) == "COUPON_OF_ANOTHER_MEMBER"


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - timedelta(microseconds=1), "COUPON_NOT_YET_VALID"),
        (NOW, None),
        (NOW + 10 * DAY - timedelta(microseconds=1), None),
        (NOW + 10 * DAY, "COUPON_EXPIRED"),
    ],
)
def test_the_validity_is_half_open(now: object, reason: str | None) -> None:
    issued = coupon()
    refusal = issued.refusal(issued.member, now)  # type: ignore[arg-type]
    assert (refusal.reason if refusal else None) == reason


def test_a_paid_order_uses_its_coupon_once() -> None:
    held = locked()
    used, facts = held.use(ORDER, NOW)
    assert (used.state, used.order, used.use_time, used.lock_expire_time) == (State.USED, ORDER, NOW, None)
    assert facts == [CouponUsed(used.id, used.member, ORDER, NOW, used.version)]
    assert used.use(ORDER, NOW) == (used, [])
    assert reason_of(lambda: used.use(OTHER, NOW)) == "COUPON_USED"


def test_an_expiry_that_falls_into_a_lock_waits_for_its_end() -> None:
    held = locked(expire_time=SOON - timedelta(minutes=5))
    at_expiry = SOON - timedelta(minutes=5)
    assert held.settled(at_expiry).state is State.LOCKED
    assert held.use(ORDER, at_expiry)[0].state is State.USED
    assert held.unlock(ORDER, at_expiry).state is State.EXPIRED
    assert held.settled(SOON).state is State.EXPIRED


def test_a_payment_after_the_lock_ran_out_still_uses_a_coupon_that_nobody_else_has() -> None:
    assert locked().use(ORDER, SOON + DAY)[0].state is State.USED
    opened = locked().settled(SOON)
    assert opened.state is State.ISSUED
    assert opened.use(ORDER, SOON)[0].state is State.USED


def test_a_payment_after_the_validity_of_an_opened_coupon_does_not_use_it() -> None:
    opened = locked().settled(SOON)
    assert reason_of(lambda: opened.use(ORDER, NOW + 10 * DAY)) == "COUPON_EXPIRED"


def test_only_the_order_that_holds_a_coupon_gives_it_back() -> None:
    held = locked()
    assert held.unlock(OTHER, NOW) == held
    opened = held.unlock(ORDER, NOW)
    assert (opened.state, opened.order, opened.lock_expire_time) == (State.ISSUED, None, None)
    assert opened.unlock(ORDER, NOW) == opened


def test_only_the_order_that_used_a_coupon_gives_it_back_and_only_once() -> None:
    used = locked().use(ORDER, NOW)[0]
    assert used.give_back(OTHER, NOW) == (used, [])
    assert locked().give_back(ORDER, NOW)[1] == []
    back, facts = used.give_back(ORDER, NOW + DAY)
    assert (back.state, back.order, back.use_time, back.expire_time) == (State.ISSUED, None, None, used.expire_time)
    told = CouponReturned(
        back.id, back.member, ORDER, time=NOW + DAY, expire_time=back.expire_time, version=used.version + 1
    )
    assert facts == [told]
    assert back.give_back(ORDER, NOW + DAY) == (back, [])


def test_a_coupon_that_comes_back_too_late_has_expired_unless_it_gets_more_time() -> None:
    used = locked().use(ORDER, NOW)[0]
    late = used.expire_time
    expired, facts = used.give_back(ORDER, late)
    assert (expired.state, facts) == (State.EXPIRED, [])
    longer, facts = used.give_back(ORDER, late, extension=DAY)
    assert (longer.state, longer.expire_time, len(facts)) == (State.ISSUED, late + DAY, 1)
    assert used.give_back(ORDER, NOW, extension=DAY)[0].expire_time == late


def test_a_void_coupon_stays_void() -> None:
    void = coupon().void(NOW)
    assert void.state is State.VOID
    assert void.void(NOW) == void
    assert reason_of(lambda: void.lock(ORDER, member=void.member, until=SOON, now=NOW)) == "COUPON_VOID"


@pytest.mark.parametrize(
    ("taken", "reason"),
    [
        (locked(), "COUPON_LOCKED"),
        (locked().use(ORDER, NOW)[0], "COUPON_USED"),
        (coupon(expire_time=NOW), "COUPON_EXPIRED"),
    ],
)
def test_a_coupon_that_is_no_longer_open_can_not_be_made_void(taken: Coupon, reason: str) -> None:
    assert reason_of(lambda: taken.void(NOW)) == reason


@given(st.timedeltas(timedelta(), 30 * DAY))
def test_settling_twice_changes_nothing_more(elapsed: timedelta) -> None:
    settled = locked().settled(NOW + elapsed)
    assert settled.settled(NOW + elapsed) == settled


class CouponLife(RuleBasedStateMachine):
    """Whatever is tried in whatever order, a coupon moves only along its table and is used at most once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.coupon = coupon()
        self.before = self.coupon
        self.uses: list[CouponUsed] = []
        self.returns: list[CouponReturned] = []
        self.late = 0

    def attempt(self, action: object) -> None:
        self.before = self.coupon
        try:
            self.coupon = action()  # type: ignore[operator]
        except Fault:
            self.coupon = self.before

    @rule(order=st.sampled_from([ORDER, OTHER]), minutes=st.integers(1, 60 * 24 * 20))
    def lock(self, order: uuid.UUID, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        self.attempt(lambda: self.coupon.lock(order, member=self.coupon.member, until=until, now=self.now))

    @rule(order=st.sampled_from([ORDER, OTHER]))
    def unlock(self, order: uuid.UUID) -> None:
        self.attempt(lambda: self.coupon.unlock(order, self.now))

    @rule(order=st.sampled_from([ORDER, OTHER]))
    def use(self, order: uuid.UUID) -> None:
        def action() -> Coupon:
            used, facts = self.coupon.use(order, self.now)
            self.uses += facts
            return used

        self.attempt(action)

    @rule(order=st.sampled_from([ORDER, OTHER]), days=st.integers(0, 9))
    def give_back(self, order: uuid.UUID, days: int) -> None:
        def action() -> Coupon:
            back, facts = self.coupon.give_back(order, self.now, extension=days * DAY)
            self.returns += facts
            self.late += back is not self.coupon and not facts
            return back

        self.attempt(action)

    @rule()
    def void(self) -> None:
        self.attempt(lambda: self.coupon.void(self.now))

    @rule(hours=st.integers(1, 72))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.attempt(lambda: self.coupon.settled(self.now))

    @invariant()
    def only_steps_of_the_table(self) -> None:
        reachable, wave = {self.before.state}, {self.before.state}
        while wave:
            wave = {after for (state, _), after in TRANSITIONS.items() if state in wave} - reachable
            reachable |= wave
        assert self.coupon.state in reachable

    @invariant()
    def an_order_stands_with_it_just_while_it_is_locked_or_used(self) -> None:
        assert (self.coupon.order is not None) == (self.coupon.state in {State.LOCKED, State.USED})
        assert (self.coupon.lock_expire_time is not None) == (self.coupon.state is State.LOCKED)

    @invariant()
    def used_at_most_once_until_it_comes_back(self) -> None:
        assert len(self.uses) - len(self.returns) - self.late == (self.coupon.state is State.USED)

    @invariant()
    def a_change_shows_in_the_version(self) -> None:
        assert (self.coupon.version > self.before.version) == (self.coupon != self.before)


TestCouponLife = CouponLife.TestCase
