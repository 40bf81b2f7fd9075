"""The edge: where a parsed request becomes a use-case in one transaction, and its result a response.

A servicer's method is parse, call, render:

    async def CancelOrder(self, request, context):
        return await self._edge.write(request, usecases.cancel_order, convert.cancel(request), render=convert.order)
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from google.protobuf.message import Message

from kit import errors, idempotency
from kit.db import AsyncDatabase
from kit.errors import Fault
from kit.groupcommit import CAP, GroupCommit
from kit.idempotency import Answer, Key, Raced
from kit.rpc import call as calls
from kit.rpc import traced
from kit.rpc.call import Method
from kit.rpc.privacy import bare
from kit.telemetry import present
from kit.unit import Unit

U = TypeVar("U", bound=Unit)
C = TypeVar("C")
R = TypeVar("R")
M = TypeVar("M", bound=Message)
P = ParamSpec("P")

SetUsecase = Callable[[U, Sequence[C]], Sequence[R | Fault]]
_RACES = 3
_WARY = 64
"""Transactions that look for repeats first, after one that met a repeat."""


@dataclass(slots=True)
class _Caution:
    """For how many more transactions repeats are looked for before anything is done.

    Nearly all calls come once. Who comes again is noticed at the end, when his answer is there already: then all of
    the transaction is done anew, and so that a storm of repeats costs no more than looking, the next ones look first.
    """

    left: int = 0

    def looks(self) -> bool:
        """Whether the transaction that begins now looks."""
        if self.left:
            self.left -= 1
            return True
        return False

    def warn(self) -> None:
        """There was a repeat."""
        self.left = _WARY


@dataclass(frozen=True, slots=True)
class Command(Generic[C]):
    """A command with its call's trace, and what makes a repeat of it recognisable; `key` is None when the caller gave
    no request id."""

    value: C
    method: Method
    key: Key | None
    fingerprint: bytes
    trace: str


class Edge(Generic[U]):
    """Runs use-cases for the servicers of one service."""

    def __init__(self, database: AsyncDatabase[U]) -> None:
        self._database = database
        self._lanes: list[GroupCommit[Any, Any]] = []
        self._answers = self.gather("answers", _kept)
        self._written: Callable[[], None] = _nothing
        self._caution = _Caution()

    def watched(self, written: Callable[[], None]) -> Self:
        """The same edge, which tells after each `write`: for what a process keeps in memory of what is written."""
        other = copy(self)
        vars(other)["_written"] = written
        return other

    async def answered(self, request: Message) -> Any:
        """The answer that is kept for a repeat of the request, or None.

        For calls with steps in other services before their transaction: those must not be taken again, for they may
        end differently now. Raises a Fault when the request id was used for another request.
        """
        command = _command(request, None)
        return await self._answers(command) if command.key is not None else None

    async def read(self, usecase: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a use-case that only reads."""
        return await self._database.read(usecase, *args, **kwargs)

    async def write(
        self,
        request: Message,
        usecase: Callable[[U, C], R],
        command: C,
        *,
        render: Callable[[R], M],
        recall: Callable[[U, M], M] | None = None,
    ) -> M:
        """Run a use-case in one transaction, once per request id; answers the response.

        A response with personal data has a `recall`: it is kept without its sensitive fields, and a repeat is answered
        by what `recall(unit, kept)` makes of that, so that a stored answer never outlives an erasure.
        """

        def one(unit: U, values: Sequence[C]) -> Sequence[R | Fault]:
            return [usecase(unit, value) for value in values]

        keyed = _command(request, command)
        try:
            outcome = (await self._run(one, [keyed], render, recall))[0]
        except Fault:
            # The same request may have been faster elsewhere, and left nothing to do for this one but its answer.
            if await self.answered(request) is None:
                raise
            self._caution.warn()
            outcome = (await self._run(one, [keyed], render, recall))[0]
        if isinstance(outcome, Fault):
            raise outcome
        self._written()
        return outcome

    def lane(
        self, name: str, usecase: SetUsecase[U, C, R], *, render: Callable[[R], M], cap: int = CAP
    ) -> Callable[[Message, C], Any]:
        """A group-commit lane for a set-oriented use-case; call it with a request and its command."""

        async def run(batch: Sequence[Command[C]]) -> Sequence[M | Fault]:
            return await self._run(usecase, batch, render)

        commit: GroupCommit[Command[C], M] = GroupCommit(run, lane=name, cap=cap)
        self._lanes.append(commit)

        async def call(request: Message, command: C) -> M:
            try:
                return await commit(_command(request, command))
            except Fault:
                # A twin in another replica may have been faster, and left nothing to do for this one but its answer.
                answered: M | None = await self.answered(request)
                if answered is None:
                    raise
                self._caution.warn()
                return answered

        return call

    def gather(self, name: str, usecase: SetUsecase[U, C, R], *, cap: int = CAP) -> Callable[[C], Any]:
        """As a lane, for a read: concurrent calls share one statement."""

        async def run(batch: Sequence[C]) -> Sequence[R | Fault]:
            return await self._database.read(usecase, batch)

        lane: GroupCommit[C, R] = GroupCommit(run, lane=name, cap=cap)
        self._lanes.append(lane)
        return lane

    def together(
        self, name: str, run: Callable[[Sequence[C]], Awaitable[Sequence[R | Fault]]], *, cap: int = CAP
    ) -> Callable[[C], Awaitable[R]]:
        """As a lane, for what concurrent calls do together outside of any transaction, such as one call of a peer."""
        lane: GroupCommit[C, R] = GroupCommit(run, lane=name, cap=cap)
        self._lanes.append(lane)
        return lane

    async def close(self) -> None:
        """Commit what waits in the lanes."""
        for lane in self._lanes:
            await lane.close()

    async def _run(
        self,
        usecase: SetUsecase[U, C, R],
        batch: Sequence[Command[C]],
        render: Callable[[R], M],
        recall: Callable[[U, M], M] | None = None,
    ) -> Sequence[M | Fault]:
        for _ in range(1 + _RACES):
            look = self._caution.looks()
            try:
                answers, met = await self._database.write(_answer, usecase, batch, render, recall, look=look)
            except Raced:
                self._caution.warn()
                continue
            if met:
                self._caution.warn()
            return answers
        raise errors.conflict()


def _nothing() -> None:
    """Nobody wants to know."""


def _kept(unit: Unit, commands: Sequence[Command[None]]) -> list[Message | Fault | None]:
    stored = idempotency.find(unit.connection, [command.key for command in commands if command.key])
    return [_repeat(command, commands, stored, {}, {}) if command.key in stored else None for command in commands]


def _answer(
    unit: U,
    usecase: SetUsecase[U, C, R],
    batch: Sequence[Command[C]],
    render: Callable[[R], M],
    recall: Callable[[U, M], M] | None,
    *,
    look: bool,
) -> tuple[Sequence[M | Fault], bool]:
    """Answer repeats from what is stored, run the rest, store their answers; all in the unit's transaction. Also tells
    whether there were any repeats; unless it is to `look` for them, the transaction fails of them at its end."""
    stored = idempotency.find(unit.connection, [command.key for command in batch if command.key]) if look else {}
    first: dict[Key, int] = {}
    fresh: list[int] = []
    for index, command in enumerate(batch):
        if command.key is None or (command.key not in stored and first.setdefault(command.key, index) == index):
            fresh.append(index)
    results = dict(zip(fresh, traced.handle(usecase, unit, [batch[index] for index in fresh]), strict=True))
    answers: dict[int, M | Fault] = {
        index: result if isinstance(result, Fault) else render(result) for index, result in results.items()
    }
    unit.answer(_to_store(batch, answers, bare if recall else None))
    repeated = {
        index: _repeat(command, batch, stored, first, answers)
        for index, command in enumerate(batch)
        if index not in answers
    }
    if recall is not None:
        repeated = {
            index: answer if isinstance(answer, Fault) or batch[index].key not in stored else recall(unit, answer)
            for index, answer in repeated.items()
        }
    return [answers[index] if index in answers else repeated[index] for index in range(len(batch))], bool(stored)


def _repeat(
    command: Command[C],
    batch: Sequence[Command[C]],
    stored: dict[Key, Answer],
    first: dict[Key, int],
    answers: dict[int, M | Fault],
) -> M | Fault:
    """The answer to a command whose key was answered before, or earlier in this batch."""
    key = command.key
    assert key is not None  # noqa: S101 - only keyed commands are repeats
    fingerprint = stored[key].fingerprint if key in stored else batch[first[key]].fingerprint
    if fingerprint != command.fingerprint:
        return errors.request_id_reused(key.request_id)
    if key in stored:
        return command.method.response.FromString(stored[key].response)  # type: ignore[return-value]
    return answers[first[key]]


def _to_store(
    batch: Sequence[Command[C]], answers: dict[int, M | Fault], strip: Callable[[M], M] | None
) -> dict[Key, Answer]:
    """What to keep: the answers of keyed commands that succeeded. A failed run leaves nothing behind."""
    kept = {}
    for index, answer in answers.items():
        key = batch[index].key
        if key is not None and not isinstance(answer, Fault):
            stored = strip(answer) if strip else answer
            kept[key] = Answer(batch[index].fingerprint, stored.SerializeToString())
    return kept


def _command(request: Message, value: C) -> Command[C]:
    call = calls.current()
    request_id = getattr(request, "request_id", "")
    if not request_id:
        return Command(value, call.method, None, b"", present())
    fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    return Command(value, call.method, Key(call.identity.subject, call.method.name, request_id), fingerprint, present())
