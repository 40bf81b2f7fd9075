"""Calls that share a transaction, each in its own trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from kit.errors import Fault
from kit.rpc.call import Method
from kit.telemetry import sampled, span, unrecorded
from kit.unit import Unit

U = TypeVar("U", bound=Unit)
R = TypeVar("R")


class Traced(Protocol):
    """A command, the method that it came by, and the trace of its call."""

    @property
    def value(self) -> Any:
        """The command."""

    @property
    def method(self) -> Method:
        """The method."""

    @property
    def trace(self) -> str:
        """The call's `traceparent`."""


def handle(
    usecase: Callable[[U, Sequence[Any]], Sequence[R | Fault]], unit: U, commands: Sequence[Traced]
) -> list[Any]:
    """Run a set-oriented use-case over the commands; one outcome each, in their order.

    Those of recorded traces are handled alone, one after the other in the same transaction, so that the events that
    they cause belong to their trace and to no other. Several of traces that nobody records share one, for the log.
    """
    outcomes: list[Any] = [None] * len(commands)
    plain = [index for index, command in enumerate(commands) if not sampled(command.trace)]
    if plain:
        shared = span("shared", kind="internal", traceparent=commands[plain[0]].trace)
        with shared if len(plain) == 1 else unrecorded():
            for index, outcome in zip(plain, usecase(unit, [commands[index].value for index in plain]), strict=True):
                outcomes[index] = outcome
    if len(plain) == len(commands):
        return outcomes
    for index, command in enumerate(commands):
        if sampled(command.trace):
            attributes: dict[str, str | int] = {
                "db.system.name": "postgresql",
                "kehu.transaction.commands": len(commands),
            }
            name = f"{command.method.name.rpartition('/')[2]} in transaction"
            with span(name, kind="internal", traceparent=command.trace, attributes=attributes):
                [outcomes[index]] = usecase(unit, [command.value])
    return outcomes
