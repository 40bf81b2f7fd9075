"""How far a caller sees: one whose token names a part of the organisation reaches the data of that part alone.

A service whose data knows its part of the organisation gives its server a `Reach`. It is asked for callers of a part
only; all others never come here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from google.protobuf.message import Message

from kit.errors import Fault, Kind
from kit.rpc.call import Call


class Reach(Protocol):
    """What a service does with the calls of those who see a part of the organisation."""

    async def narrow(self, call: Call, request: Message) -> None:
        """Before the call: raise a Fault if it asks for more than the caller sees, or narrow the request to that."""

    async def check(self, call: Call, answer: Message) -> None:
        """After a call that changed nothing: raise a Fault if its answer tells of more than the caller sees."""


def within(path: str, org: str) -> bool:
    """Whether a path of the organisation is `org` itself or below it: `/cn/east/shanghai` is within `/cn/east`."""
    return path == org or path.startswith(f"{org}/")


def too_narrow(call: Call) -> Fault:
    """The call is about all of the organisation, or about another part than the caller's."""
    return Fault(
        Kind.PERMISSION_DENIED,
        "ORG_SCOPE_MISSING",
        f"the call reaches beyond {call.identity.org}, which is what its caller sees",
        metadata={"org": call.identity.org, "method": call.method.name},
    )


def texts(message: Message) -> Iterator[str]:
    """Every text in a message, however deep."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for each in value.values():
                yield from _texts(each)
        else:
            for each in value if field.is_repeated else (value,):
                yield from _texts(each)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        yield from texts(value)
