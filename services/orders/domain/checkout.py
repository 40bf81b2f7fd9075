"""A checkout: an attempt to turn a basket into an order, while other services hold something for it.

Try, confirm, cancel. Each step asks another service to hold something under the order's id, and is written down before
it is asked, so that whoever takes over knows what may be held. An attempt is OPEN until it ends once, as PLACED (what
is held belongs to the order, and follows its events) or as ABANDONED; then every step is given back until all are known
to be free: RELEASED. Repeats of one request share the open attempt, so that they hold nothing twice.

An attempt may also pay an order that is there already. Then it has an id of its own, under which it asks: such an order
can have several, one after the other. One that is to bring back an order that was closed when its money came is led by
replicas alone: they go on with it, where others are given up.

An ask whose answer was lost may still arrive at the other service when a release of it has been answered. Such a step
counts as free only by a release that came when no such ask can be under way any more (`ANSWER_WITHIN`), or that found
what was held: the other services never hold twice under one number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from kit.money import Money
from services.orders.domain import errors
from services.orders.domain.payment import PointsTender

SHARED_FOR = timedelta(minutes=10)
"""How long repeats of a request join its open attempt; later they begin another."""

HELD_BEYOND = timedelta(hours=1)
"""How much longer than the time to pay everything is held, should nobody release it."""

HELD_AT_MOST = timedelta(days=30)
"""Coupons and points are held for no longer: the other services would not."""

MONEY_HELD_AT_MOST = timedelta(days=180)
"""The same of stored value and gift cards: a deposit is held until its balance is due."""

ANSWER_WITHIN = timedelta(seconds=15)
"""No ask can be under way any more: it has half of this as its deadline, repeats included, and the other service has as
long again to stop."""

QUIET_FOR = timedelta(seconds=15)
"""An attempt that nobody went on with for so long is taken up by a replica."""

REVIVED_WITHIN = timedelta(seconds=40)
"""How long a closed order whose money came may take to be brought back. Then the money goes back."""

_SLOWEST = timedelta(seconds=8)


class CheckoutState(StrEnum):
    """Where an attempt stands."""

    OPEN = "OPEN"
    PLACED = "PLACED"
    ABANDONED = "ABANDONED"
    RELEASED = "RELEASED"


OUTCOMES: Mapping[CheckoutState, frozenset[CheckoutState]] = {
    CheckoutState.OPEN: frozenset({CheckoutState.PLACED, CheckoutState.ABANDONED, CheckoutState.RELEASED}),
    CheckoutState.PLACED: frozenset(),
    CheckoutState.ABANDONED: frozenset({CheckoutState.RELEASED}),
    CheckoutState.RELEASED: frozenset(),
}
"""What an attempt can become. One that holds nothing is RELEASED as soon as it is given up."""


class StepKind(StrEnum):
    """What a step holds."""

    COUPONS = "COUPONS"
    POINTS = "POINTS"
    STORED_VALUE = "STORED_VALUE"
    GIFT_CARD = "GIFT_CARD"


class StepState(StrEnum):
    """Where a step stands."""

    PLANNED = "PLANNED"
    TRYING = "TRYING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    SKIPPED = "SKIPPED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"


class Move(StrEnum):
    """What can happen to a step."""

    ASK = "ASK"
    ANSWER = "ANSWER"
    REFUSE = "REFUSE"
    GIVE_UP = "GIVE_UP"
    RELEASE = "RELEASE"


TRANSITIONS: Mapping[tuple[StepState, Move], frozenset[StepState]] = {
    (StepState.PLANNED, Move.ASK): frozenset({StepState.TRYING}),
    (StepState.TRYING, Move.ASK): frozenset({StepState.TRYING}),
    (StepState.REFUSED, Move.ASK): frozenset({StepState.TRYING}),
    (StepState.TRYING, Move.ANSWER): frozenset({StepState.DONE}),
    (StepState.REFUSED, Move.ANSWER): frozenset({StepState.DONE}),
    (StepState.DONE, Move.ANSWER): frozenset({StepState.DONE}),
    (StepState.TRYING, Move.REFUSE): frozenset({StepState.REFUSED}),
    (StepState.REFUSED, Move.REFUSE): frozenset({StepState.REFUSED}),
    (StepState.PLANNED, Move.GIVE_UP): frozenset({StepState.SKIPPED}),
    (StepState.TRYING, Move.GIVE_UP): frozenset({StepState.COMPENSATING}),
    (StepState.DONE, Move.GIVE_UP): frozenset({StepState.COMPENSATING}),
    (StepState.REFUSED, Move.GIVE_UP): frozenset({StepState.REFUSED, StepState.COMPENSATING}),
    (StepState.COMPENSATING, Move.RELEASE): frozenset({StepState.COMPENSATING, StepState.COMPENSATED}),
}
"""The state machine of a step: what each state allows, and where it may lead. Nothing else happens to a step."""

_AT_REST = frozenset({StepState.REFUSED, StepState.SKIPPED, StepState.COMPENSATED})


@dataclass(frozen=True, slots=True)
class Held:
    """What another service holds: its name for it, and what that is worth; coupons have neither."""

    name: str = ""
    value: Money | None = None


NOTHING = Held()
"""No name and no worth."""


@dataclass(frozen=True, slots=True)
class Release:
    """How a round to give a step back went: `found` if something was held, `reason` if it failed."""

    position: int
    found: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be held by another service. `amount` is what it pays of the order; of points, once it is known.
    `answered` tells that the other service once said yes. It `renews` what the same order had held by that name."""

    position: int
    kind: StepKind
    coupons: tuple[str, ...] = ()
    points: int = 0
    amount: Money | None = None
    state: StepState = StepState.PLANNED
    hold: str = ""
    answered: bool = False
    attempts: int = 0
    releases: int = 0
    reason: str = ""
    ask_time: datetime | None = None
    update_time: datetime | None = None
    renews: str = ""

    @property
    def held(self) -> bool:
        """Whether the other service holds it."""
        return self.state is StepState.DONE

    @property
    def at_rest(self) -> bool:
        """Whether nothing is held for it, and nothing ever will be."""
        return self.state in _AT_REST

    def ask(self, now: datetime) -> Step:
        """The other service is about to be asked. Raises a Fault when the step was given up meanwhile."""
        if self.state is StepState.DONE:
            return self
        return self._moved(Move.ASK, StepState.TRYING, now, attempts=self.attempts + 1, ask_time=now)

    def answer(self, held: Held, now: datetime) -> Step:
        """The other service holds it. Raises a Fault when the step was given up meanwhile."""
        amount = self.amount if held.value is None else held.value
        values = {"hold": held.name, "amount": amount, "answered": True, "reason": ""}
        return self._moved(Move.ANSWER, StepState.DONE, now, **values)

    def refuse(self, reason: str, now: datetime) -> Step:
        """The other service said no. Raises a Fault when the step was given up meanwhile."""
        return self._moved(Move.REFUSE, StepState.REFUSED, now, reason=reason)

    def give_up(self, now: datetime) -> Step:
        """Nobody wants it any more. Who was asked more than once and refused may have said yes to the other ask."""
        if (self.state, Move.GIVE_UP) not in TRANSITIONS:
            return self
        if self.state is StepState.PLANNED:
            return self._moved(Move.GIVE_UP, StepState.SKIPPED, now)
        sure = self.state is StepState.REFUSED and self.attempts == 1
        return self._moved(Move.GIVE_UP, StepState.REFUSED if sure else StepState.COMPENSATING, now)

    def release(self, how: Release, now: datetime) -> Step:
        """A round to give it back is over: it is free if that is sure, and is tried again otherwise."""
        if self.state is StepState.COMPENSATED:
            return self
        answered = self.answered or how.found
        sure = not how.reason and (answered or self._unanswerable(now))
        state = StepState.COMPENSATED if sure else StepState.COMPENSATING
        values = {"releases": self.releases + 1, "answered": answered, "reason": how.reason or self.reason}
        return self._moved(Move.RELEASE, state, now, **values)

    def _unanswerable(self, now: datetime) -> bool:
        return self.ask_time is None or now >= self.ask_time + ANSWER_WITHIN

    def _moved(self, move: Move, state: StepState, now: datetime, **values: object) -> Step:
        if state not in TRANSITIONS.get((self.state, move), frozenset()):
            raise errors.checkout_abandoned()
        return replace(self, state=state, update_time=now, **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt and the id that its order has or would have, unless it `pays` another that is there already.
    `hold_until` is when the other services let go by themselves: surely after the order could be paid. `drive_time` is
    when a replica takes it up, unless somebody goes on with it before; `rounds` counts those in which it was given
    back. `store` is where the order would be sold, if in one. `intent` is the payment whose money came when the order
    that it pays was closed, if it is to bring that back."""

    order_id: UUID
    open_time: datetime
    hold_until: datetime
    member: UUID | None = None
    steps: tuple[Step, ...] = ()
    state: CheckoutState = CheckoutState.OPEN
    reason: str = ""
    rounds: int = 0
    drive_time: datetime | None = None
    update_time: datetime | None = None
    end_time: datetime | None = None
    store: str = ""
    pays: UUID | None = None
    intent: UUID | None = None

    @classmethod
    def begin(
        cls,
        order_id: UUID,
        *,
        member: UUID | None,
        steps: Sequence[Step],
        pay_within: timedelta,
        now: datetime,
        store: str = "",
        pays: UUID | None = None,
    ) -> Attempt:
        """A new attempt."""
        money = all(step.kind in {StepKind.STORED_VALUE, StepKind.GIFT_CARD} for step in steps)
        until = now + min(pay_within + HELD_BEYOND, MONEY_HELD_AT_MOST if money else HELD_AT_MOST)
        plan = tuple(replace(step, update_time=now) for step in steps)
        driven = now + QUIET_FOR
        return cls(order_id, now, until, member, plan, drive_time=driven, update_time=now, store=store, pays=pays)

    @classmethod
    def revive(
        cls, attempt_id: UUID, *, pays: UUID, intent: UUID, member: UUID | None, steps: Sequence[Step], now: datetime
    ) -> Attempt:
        """A new attempt to bring an order back with the money of a payment. The next replica that looks leads it."""
        begun = cls.begin(attempt_id, member=member, steps=steps, pay_within=timedelta(), now=now, pays=pays)
        return replace(begun, intent=intent, drive_time=now)

    @property
    def order(self) -> UUID:
        """The order that it is about, whether that is there or not."""
        return self.pays or self.order_id

    @property
    def buyer(self) -> UUID:
        """The member that coupons, points and stored value belong to. Raises a Fault if there is none."""
        if self.member is None:
            raise invalid("member", "is needed for coupons, points and stored value")
        return self.member

    @property
    def overdue(self) -> bool:
        """Whether it has tried to bring its order back for too long."""
        return self.intent is not None and (self.update_time or self.open_time) >= self.open_time + REVIVED_WITHIN

    def stale(self, now: datetime) -> bool:
        """Whether it is too old to be joined: what it held may be about to expire."""
        return now >= self.open_time + SHARED_FOR

    def joined(self, now: datetime) -> Attempt:
        """A repeat of the request goes on with it."""
        return replace(self, update_time=now, drive_time=now + QUIET_FOR)

    def taken_up(self, now: datetime) -> Attempt:
        """A replica found that nobody goes on with it: it goes on itself if it may, and else gives it up."""
        led = self.state is CheckoutState.OPEN and self.intent is not None
        return self.joined(now) if led else self.give_up("TIMED_OUT", now)

    def due(self, now: datetime) -> Attempt:
        """The next replica that looks takes it up."""
        return replace(self, drive_time=now) if self.state is CheckoutState.ABANDONED else self

    def ask(self, position: int, now: datetime) -> Attempt:
        """A step is about to be taken. Raises a Fault when the attempt was given up meanwhile."""
        return self._going_on(self.step(position).ask(now), now)

    def answer(self, position: int, held: Held, now: datetime) -> Attempt:
        """A step is taken. Raises a Fault when the attempt was given up meanwhile."""
        return self._going_on(self.step(position).answer(held, now), now)

    def refuse(self, position: int, reason: str, now: datetime) -> Attempt:
        """A step was refused. Raises a Fault when the attempt was given up meanwhile."""
        return self._going_on(self.step(position).refuse(reason, now), now)

    def give_up(self, reason: str, now: datetime) -> Attempt:
        """It will never be placed, and whoever gives it up gives everything back now. Not for a placed one."""
        if self.state is not CheckoutState.OPEN:
            return replace(self, drive_time=now + QUIET_FOR) if self.state is CheckoutState.ABANDONED else self
        steps = tuple(step.give_up(now) for step in self.steps)
        return _settled(replace(self, steps=steps, reason=reason, update_time=now, drive_time=now + QUIET_FOR), now)

    def release(self, releases: Sequence[Release], now: datetime) -> Attempt:
        """A round to give back is over. What is not surely free is tried again, ever more slowly."""
        if self.state is not CheckoutState.ABANDONED:
            return self
        done = {each.position: each for each in releases}
        steps = tuple(step.release(done[step.position], now) if step.position in done else step for step in self.steps)
        pause = min(timedelta(seconds=2**self.rounds), _SLOWEST)
        driven = replace(self, steps=steps, rounds=self.rounds + 1, update_time=now, drive_time=now + pause)
        return _settled(driven, now)

    def step(self, position: int) -> Step:
        """One of its steps, by its position from 1."""
        return self.steps[position - 1]

    def to_release(self) -> tuple[Step, ...]:
        """What may still be held."""
        return tuple(step for step in self.steps if step.state is StepState.COMPENSATING)

    def points(self) -> PointsTender | None:
        """The points that are held."""
        for step in self.steps:
            if step.kind is StepKind.POINTS and step.amount is not None:
                return PointsTender(step.hold, step.points, step.amount)
        return None

    def _going_on(self, step: Step, now: datetime) -> Attempt:
        if self.state is not CheckoutState.OPEN:
            raise errors.checkout_abandoned()
        steps = tuple(step if each.position == step.position else each for each in self.steps)
        return replace(self, steps=steps, update_time=now, drive_time=now + QUIET_FOR)


def _settled(attempt: Attempt, now: datetime) -> Attempt:
    """The attempt that was given up, in the state that its steps make it."""
    if all(step.at_rest for step in attempt.steps):
        return replace(attempt, state=CheckoutState.RELEASED, end_time=now, drive_time=None)
    return replace(attempt, state=CheckoutState.ABANDONED)
