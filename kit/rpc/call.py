"""The call under way: who calls what, until when."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

from google.protobuf.message import Message

_current: ContextVar[Call] = ContextVar("call")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, as a verified token says it."""

    subject: str
    roles: tuple[str, ...] = ()
    org: str = ""
    """The part of the organisation whose data the caller may see, such as `/cn/east`; empty: all of it."""
    expires: float = 0.0


@dataclass(frozen=True, slots=True)
class Method:
    """What the descriptors say of an RPC."""

    name: str
    scope: str
    request: type[Message]
    response: type[Message]
    streams: bool = False
    """Whether the answer is a stream of messages."""
    self_proving: bool = False
    """Whether callers bring no token, because the request itself proves where it comes from."""

    privileged: bool = False
    """Whether its calls are recorded in the audit log."""

    @property
    def batch(self) -> bool:
        """Whether a call of it goes through many rows, and may take longer."""
        name = self.name.rpartition("/")[2]
        return name.startswith(("Batch", "Import")) or name.endswith("Report")


@dataclass(frozen=True, slots=True)
class Call:
    """One RPC being served. `deadline` is an instant of the event loop's clock."""

    method: Method
    identity: Identity
    deadline: float

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


def own(task: str, deadline: float) -> Call:
    """What a background task of the process enters before it calls a peer: nobody else's call, but with a deadline."""
    return Call(Method(task, "", Message, Message), Identity(task), deadline)


def current() -> Call:
    """The call that the present task serves. Raises LookupError outside of one."""
    return _current.get()


def enter(call: Call) -> None:
    """Make `call` the current one of this task; a task serves one call."""
    _current.set(call)
