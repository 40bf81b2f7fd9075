"""The second half of an import: members first, then their orders, in batches, several of them under way at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from cli.importing.gateway import EnrollAnswer, Gateway
from cli.importing.messages import Why, enroll_row, imported_order, member_of, outcome, why_refused
from cli.importing.pacing import Admit, Pace, at_once
from cli.importing.progress import Shown
from cli.importing.report import Account, Answer, Remark, Results
from cli.importing.scratch import Customer, Order, Scratch
from cli.importing.state import State

T = TypeVar("T")

_MEMBERS = "members"
_ORDERS = "orders"
_MOST_LINES = 2_000
"""Of one order, as `orders.ImportOrders` has it."""
_LINES_IN_BATCH = 4_000
"""Keeps a batch of large orders within what a gateway takes (some hundred bytes a line)."""


class Sending:
    """Sends what lies in the scratch database. Batches that `state` knows as answered are not sent again.

    Two kinds are, all the same: members, because their names are needed and are not kept, and the last batch of
    orders, because its answer tells whether the services still know what an earlier run sent.
    """

    def __init__(
        self, scratch: Scratch, gateway: Gateway, state: State, *, channel: str, pace: Pace, admit: Admit
    ) -> None:
        self._scratch = scratch
        self._gateway = gateway
        self._state = state
        self._channel = channel
        self._pace = pace
        self._admit = admit
        self._members: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._asked_again = state.last(_ORDERS)

    async def run(self, account: Account, shown: Shown) -> None:
        """Send everything, and put down in the account what became of it. Raises StaleState."""
        customers, orders, _ = self._scratch.counts()
        shown.begin("members", customers)
        members = _chunks(self._scratch.customers(), self._pace.members)
        await self._in_flight(members, self._enroll, account, shown, admit=at_once)
        shown.begin("orders", orders)
        chunks = _chunks(self._scratch.orders(), self._pace.orders, weight=lambda order: len(order.lines))
        await self._in_flight(chunks, self._import, account, shown, admit=self._admit)

    async def _in_flight(
        self,
        batches: Iterable[list[T]],
        send: Callable[[int, list[T], Account], Awaitable[None]],
        account: Account,
        shown: Shown,
        *,
        admit: Admit,
    ) -> None:
        free = asyncio.Semaphore(self._pace.in_flight)

        async def one(number: int, batch: list[T]) -> None:
            try:
                await send(number, batch, account)
                shown.advance(len(batch))
            finally:
                free.release()

        try:
            async with asyncio.TaskGroup() as group:
                for number, batch in enumerate(batches):
                    await admit(len(batch))
                    await free.acquire()
                    group.create_task(one(number, batch))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _enroll(self, number: int, batch: list[Customer], account: Account) -> None:
        answers = await self._gateway.enroll([enroll_row(self._channel, customer) for customer in batch])
        noticed = await self._enroll_bare(batch, answers)
        results = Results()
        for customer, answer in zip(batch, answers, strict=True):
            why = why_refused(answer)
            results.count(outcome(answer))
            if why:
                self._refused[customer.external] = f"{why.reason}: {why.explanation}"
            else:
                self._members[customer.external] = member_of(answer)
        self._put_down(_MEMBERS, number, Answer(results, noticed=tuple(noticed)), account)

    async def _enroll_bare(self, batch: list[Customer], answers: list[EnrollAnswer]) -> list[Remark]:
        """What is known of a customer may be wrong, or taken; who the customer is holds all the same."""
        again = [place for place, answer in enumerate(answers) if why_refused(answer) and any(batch[place].contact)]
        if not again:
            return []
        rows = [enroll_row(self._channel, batch[place], bare=True) for place in again]
        noticed = []
        for place, answer in zip(again, await self._gateway.enroll(rows), strict=True):
            why = why_refused(answers[place])
            if why and not why_refused(answer):
                noticed.append(Remark(batch[place].line, "", f"CONTACT_{why.reason}", why.explanation, ""))
            answers[place] = answer
        return noticed

    async def _import(self, number: int, batch: list[Order], account: Account) -> None:
        answer = self._state.answer(_ORDERS, number)
        if answer is None or number == self._asked_again:
            answer = await self._send(batch)
        self._put_down(_ORDERS, number, answer, account)
        refused = {remark.line for remark in answer.refused}
        for order in batch:
            if order.lines[0].line not in refused:
                account.items += sum(line.quantity for line in order.lines)
                account.amounts[order.currency] += sum(line.amount for line in order.lines)

    async def _send(self, batch: list[Order]) -> Answer:
        results, refused = Results(), []
        reasons = {order.id: why for order in batch if (why := self._hopeless(order))}
        sent = [order for order in batch if order.id not in reasons]
        members = [self._members[order.customer] if order.customer else "" for order in sent]
        messages = [imported_order(self._channel, *pair) for pair in zip(sent, members, strict=True)]
        answers = await self._gateway.import_orders(messages) if messages else []
        for order, answer in zip(sent, answers, strict=True):
            results.count(outcome(answer))
            if why := why_refused(answer):
                reasons[order.id] = why
        results.rejected += len(batch) - len(sent)
        for order in batch:
            if order.id in reasons:
                refused += [reasons[order.id].remark(line) for line in order.lines]
        return Answer(results, refused=tuple(refused))

    def _hopeless(self, order: Order) -> Why | None:
        """Why an order need not be sent at all."""
        if order.customer in self._refused:
            return Why("customer", "CUSTOMER_REFUSED", self._refused[order.customer])
        if len(order.lines) > _MOST_LINES:
            return Why("order", "ORDER_TOO_LONG", f"the order has {len(order.lines)} lines, more than {_MOST_LINES}")
        return None

    def _put_down(self, stage: str, number: int, answer: Answer, account: Account) -> None:
        known = self._state.answer(stage, number)
        if known is None:
            self._state.record(stage, number, answer)
        elif answer is not known and answer.results.created:
            raise StaleState
        account.take(stage, known or answer)


class StaleState(Exception):
    """A batch that the state knows as answered created rows: the state tells of another database."""


def _chunks(things: Iterable[T], most: int, *, weight: Callable[[T], int] = lambda _: 0) -> Iterator[list[T]]:
    """Divide into lists of `most` things, or fewer where they are heavy."""
    chunk: list[T] = []
    total = 0
    for thing in things:
        total += weight(thing)
        if chunk and (len(chunk) == most or total > _LINES_IN_BATCH):
            yield chunk
            chunk, total = [], weight(thing)
        chunk.append(thing)
    if chunk:
        yield chunk
