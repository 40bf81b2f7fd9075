"""Checkout: price, hold what the basket needs in other services, place; all of it or nothing.

The steps in other services happen before the transaction that stores the order, never inside it. Each is written down
before it is asked, and carries the order's id, so a repeat of the whole changes nothing more. If the order can't be
stored, what they hold is released at once if possible, and otherwise by whichever replica takes the attempt up
(usecases/checkout_recovery.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault
from kit.names import join
from services.orders.domain import errors
from services.orders.domain.checkout import NOTHING, Attempt, CheckoutState, Held, Release, Step, StepKind
from services.orders.domain.payment import Allowance, RefundPolicy
from services.orders.domain.quote import Quote
from services.orders.usecases import erasure
from services.orders.usecases.basket import Basket
from services.orders.usecases.placing import Placement
from services.orders.usecases.quote import Quoting
from services.orders.usecases.tendering import Tendered


class Placed(Protocol):
    """The answer to whoever placed an order."""

    @property
    def name(self) -> str:
        """The order's name."""


P = TypeVar("P", bound=Placed)


class Holder(Protocol):
    """Another service, as far as it holds one kind of thing for orders. Both calls may be repeated."""

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold what the step wants. Raises a Fault; one that is not transient is a refusal: nothing is held by this."""

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Give back what is held for the step; answers whether something was. Raises a Fault when that is not known."""


Holders = Mapping[StepKind, Holder]


class PointRules(Protocol):
    """Members, as far as it knows what points may pay for."""

    async def allowance(self, quote: Quote, member: UUID) -> Allowance | None:
        """How many points may pay for what is quoted, whatever the member has; None if that is not known."""


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def open(self, key: str, attempt: Attempt) -> Attempt:
        """The open attempt of a request, or this new one; nobody else changes it until the transaction ends."""

    def lock(self, order_id: UUID) -> Attempt | None:
        """An attempt that nobody else changes until the transaction ends."""

    def save(self, before: Attempt, after: Attempt) -> None:
        """Store what became of a locked attempt."""


class Work(erasure.Knowing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""


@dataclass(frozen=True, slots=True)
class Open:
    """Join the open attempt of the request with this key, or begin one under `order_id`. It `pays` an order that is
    there, if it says one."""

    key: str
    order_id: UUID
    member: UUID | None = None
    steps: tuple[Step, ...] = ()
    pay_within: timedelta = timedelta(0)
    store: str = ""
    pays: UUID | None = None


@dataclass(frozen=True, slots=True)
class GoOn:
    """What is known of the step before, and which step is about to be taken; 0 for none."""

    order_id: UUID
    answered: int = 0
    held: Held = NOTHING
    refused: int = 0
    reason: str = ""
    asking: int = 0

    def then(self, position: int) -> GoOn:
        """And this step is about to be taken."""
        return replace(self, asking=position)


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Give an attempt up, for a reason."""

    order_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """How a round to give an attempt's steps back went."""

    order_id: UUID
    releases: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """Where a checkout is written down: each function runs the use-case of its name in a transaction of its own."""

    open_attempt: Callable[[Open], Awaitable[Attempt]]
    go_on: Callable[[GoOn], Awaitable[Attempt]]
    give_up: Callable[[GiveUp], Awaitable[Attempt | None]]
    released: Callable[[Released], Awaitable[Attempt | None]]


def open_attempt(unit: Work, command: Open) -> Attempt:
    """Join the open attempt of a request, unless it is stale: then that one is given up and another begins. Nothing is
    held for a member who was forgotten."""
    erasure.check_known(unit, command.member)
    new = Attempt.begin(
        command.order_id,
        member=command.member,
        steps=command.steps,
        pay_within=command.pay_within,
        now=unit.now,
        store=command.store,
        pays=command.pays,
    )
    attempt = unit.checkouts.open(command.key, new)
    if attempt is new:
        return new
    if attempt.stale(unit.now) or len(attempt.steps) != len(new.steps):
        unit.checkouts.save(attempt, attempt.give_up("TIMED_OUT", unit.now).due(unit.now))
        return unit.checkouts.open(command.key, new)
    joined = attempt.joined(unit.now)
    unit.checkouts.save(attempt, joined)
    return joined


def go_on(unit: Work, command: GoOn) -> Attempt:
    """Write down what a step came to and which is next. Raises a Fault when the attempt was given up meanwhile."""
    before = _existing(unit, command.order_id)
    after = before
    if command.answered:
        after = after.answer(command.answered, command.held, unit.now)
    if command.refused:
        after = after.refuse(command.refused, command.reason, unit.now)
    if command.asking:
        after = after.ask(command.asking, unit.now)
    unit.checkouts.save(before, after)
    return after


def give_up(unit: Work, command: GiveUp) -> Attempt | None:
    """Give an attempt up; answers it, with what may be released, or None when there is no such attempt."""
    before = unit.checkouts.lock(command.order_id)
    if before is None:
        return None
    after = before.give_up(command.reason, unit.now)
    unit.checkouts.save(before, after)
    return after


def released(unit: Work, command: Released) -> Attempt | None:
    """Write down how a round to give back went."""
    before = unit.checkouts.lock(command.order_id)
    if before is None:
        return None
    after = before.release(command.releases, unit.now)
    unit.checkouts.save(before, after)
    return after


class Checkout:
    """Leads a basket through all services. Its arguments reach the database and the peers; the `refund_policy` is what
    new orders get."""

    def __init__(
        self,
        *,
        quote: Quoting,
        rules: PointRules,
        book: Book,
        holders: Holders,
        pay_within: timedelta,
        refund_policy: RefundPolicy = (),
    ) -> None:
        self.quote = quote
        self._rules = rules
        self._book = book
        self._holders = holders
        self._pay_within = pay_within
        self._refund_policy = refund_policy

    async def place(
        self,
        basket: Basket,
        attempt: Open,
        *,
        store: Callable[[Placement], Awaitable[P]],
        afterwards: Callable[[Awaitable[None]], Awaitable[None]],
    ) -> P:
        """Price the basket, hold what it needs, and `store` the order; if that fails, release what was held.

        `store` may answer the order of a repeat of the same request that came first.
        `afterwards` runs the release to its end even when the present call is cancelled.
        """
        placement = partial(Placement.of, basket, pay_within=self._pay_within, refund_policy=self._refund_policy)
        if not basket.steps():
            return await store(placement(await self.quote(basket, attempt.order_id), attempt.order_id))

        async def placed(quote: Quote, held: Attempt) -> P:
            return await store(placement(quote, held.order_id, held=held))

        return await self._lead(
            basket,
            replace(attempt, pay_within=self._pay_within),
            quote=partial(self.quote, basket),
            store=placed,
            ours=lambda order, held: order.name == join("orders", held.order_id),
            afterwards=afterwards,
        )

    async def pay(
        self,
        tendered: Tendered,
        attempt: Open,
        *,
        store: Callable[[Attempt], Awaitable[P]],
        ours: Callable[[P, Attempt], bool],
        afterwards: Callable[[Awaitable[None]], Awaitable[None]],
    ) -> P:
        """Hold what is to pay an order that is there already, and `store` it as its payments; if that fails, release
        what was held. An answer that isn't `ours` is that of a repeat of the same request, which came first."""

        async def quote(_: UUID) -> Quote:
            return tendered.quote

        return await self._lead(
            tendered.basket,
            attempt,
            quote=quote,
            store=lambda _, held: store(held),
            ours=ours,
            afterwards=afterwards,
        )

    async def _lead(
        self,
        basket: Basket,
        attempt: Open,
        *,
        quote: Callable[[UUID], Awaitable[Quote]],
        store: Callable[[Quote, Attempt], Awaitable[P]],
        ours: Callable[[P, Attempt], bool],
        afterwards: Callable[[Awaitable[None]], Awaitable[None]],
    ) -> P:
        begun = await self._book.open_attempt(
            replace(
                attempt,
                member=basket.buyer.member,
                steps=basket.steps(),
                store=basket.store.removeprefix("stores/"),
            )
        )
        try:
            priced = await quote(begun.order_id)
            priced.check_coupons()
            await self._check_points(basket, begun, priced)
            held = await hold(
                begun,
                book=self._book,
                holders=self._holders,
                store=basket.store or basket.channel,
                code=lambda step: basket.code(step) if step.kind is StepKind.GIFT_CARD else "",
            )
            stored = await store(priced, held)
        except BaseException as error:
            await afterwards(self._undo(GiveUp(begun.order_id, reason_of(error))))
            raise
        if not ours(stored, held):  # a twin of this request was first
            await afterwards(self._undo(GiveUp(begun.order_id, "SUPERSEDED")))
        return stored

    async def _check_points(self, basket: Basket, attempt: Attempt, quote: Quote) -> None:
        """Raise a Fault unless the points may pay for what is quoted. Whether the member has them is for the hold to
        say: the balance lacks what an earlier try of the same request holds already."""
        if basket.points:
            allowance = await self._rules.allowance(quote, attempt.buyer)
            if allowance is not None:
                allowance.check(basket.points)

    async def _undo(self, command: GiveUp) -> None:
        attempt = await self._book.give_up(command)
        if attempt is not None and attempt.state is CheckoutState.ABANDONED:
            await self._book.released(await release(attempt, self._holders))


async def hold(
    attempt: Attempt, *, book: Book, holders: Holders, store: str = "", code: Callable[[Step], str] = lambda _: ""
) -> Attempt:
    """Take the steps one after the other. What is known of one is written down with the intent to take the next. What
    was held before (`Step.renews`) needs neither store nor code."""
    known = GoOn(attempt.order_id)
    for step in attempt.steps:
        if step.held:
            continue  # a twin, or an earlier process, has taken it
        attempt = await book.go_on(known.then(step.position))
        try:
            held = await holders[step.kind].hold(attempt, step, store=store, code=code(step))
        except Fault as fault:
            if not fault.transient:
                await book.go_on(GoOn(attempt.order_id, refused=step.position, reason=fault.reason))
            raise
        known = GoOn(attempt.order_id, answered=step.position, held=held)
    return await book.go_on(known) if known.answered else attempt


async def release(attempt: Attempt, holders: Holders) -> Released:
    """Ask for everything back that an attempt may hold, all at once: a service that hangs must not keep what the others
    hold."""

    async def one(step: Step) -> Release:
        try:
            return Release(step.position, found=await holders[step.kind].release(attempt, step))
        except Fault as fault:
            return Release(step.position, reason=fault.reason)

    return Released(attempt.order_id, tuple(await asyncio.gather(*map(one, attempt.to_release()))))


def reason_of(error: BaseException) -> str:
    """What is written down of why an attempt was given up."""
    if isinstance(error, Fault):
        return error.reason
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "INTERNAL"


def _existing(unit: Work, order_id: UUID) -> Attempt:
    attempt = unit.checkouts.lock(order_id)
    if attempt is None:
        raise errors.checkout_abandoned()
    return attempt
