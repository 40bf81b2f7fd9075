"""How far a caller sees: one whose token names a part of the organisation reaches the data of that part alone.

A service whose data knows its part of the organisation gives its server a `Reach`. It is asked for callers of a part
only; all others never come here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from kit import org
from kit.errors import Fault, Kind, not_found
from kit.org import Named, within
from kit.rpc.call import Call
from kit.rpc.edge import Edge

__all__ = ["UUIDS", "Confined", "Named", "Reach", "Rules", "texts", "too_narrow", "within"]

UUIDS = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
"""The form of the ids of most collections."""


class Reach(Protocol):
    """What a service does with the calls of those who see a part of the organisation."""

    async def narrow(self, call: Call, request: Message) -> None:
        """Before the call: raise a Fault if it asks for more than the caller sees, or narrow the request to that."""

    async def check(self, call: Call, answer: Message) -> None:
        """After a call that changed nothing: raise a Fault if its answer tells of more than the caller sees."""


@dataclass(frozen=True)
class Rules:
    """How each method of a service is confined. One that is not in here is about all of the organisation: callers of a
    part are refused."""

    by_name: AbstractSet[str]
    """Those that are about what their request names: all of it must be within the caller's part."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Those whose request has a field for the part, and which: it is the caller's own if the request names none."""
    moves: Mapping[str, str] = field(default_factory=dict)
    """Those of `by_name` that may bring something with an `org` elsewhere, and the field with it: it must stay within
    the caller's part."""
    of_nobody: AbstractSet[str] = frozenset()
    """Those that may be called although they name nothing: nothing of any part is in them."""
    answered: AbstractSet[str] = frozenset()
    """Those that find something, which is looked at when found."""

    @property
    def stated(self) -> frozenset[str]:
        """The methods that callers of a part may call."""
        return frozenset({*self.by_name, *self.parts, *self.of_nobody, *self.answered})


class Confined:
    """Confines each method as the rules say.

    `collections` are those with an owner or a part of their own, with the form of their ids; names of other things are
    passed over. The service's units of work know what belongs where (`kit.org.Unit`); what is beyond the part is
    answered as if it were not there, by `missing` of its collection and id.
    """

    def __init__(
        self,
        rules: Rules,
        collections: Mapping[str, str],
        edge: Edge[Any],
        *,
        missing: Callable[[str, str], Fault] = lambda collection, id_: not_found(f"{collection}/{id_}"),
    ) -> None:
        self._rules = rules
        self._edge = edge
        self._missing = missing
        forms = "|".join(f"{collection}/(?:{id_})" for collection, id_ in collections.items())
        self._name = re.compile(rf"({forms})(?:/.*)?")

    async def narrow(self, call: Call, request: Message) -> None:
        """See `Reach`."""
        method, org_ = call.method.name.rpartition("/")[2], call.identity.org
        if method not in self._rules.stated:
            raise too_narrow(call)
        if (path := self._rules.parts.get(method)) is not None:
            _take_part(call, request, path)
        if (moved := self._rules.moves.get(method)) is not None:
            _stays(call, request, moved)
        if method in self._rules.by_name and not self.named(request, referring=True):
            raise too_narrow(call)
        if method not in self._rules.answered and (named := self.named(request)):
            await self.look(org_, named)

    async def check(self, call: Call, answer: Message) -> None:
        """See `Reach`."""
        if call.method.name.rpartition("/")[2] in self._rules.answered:
            await self.look(call.identity.org, self.named(answer))

    async def look(self, org_: str, named: Named) -> None:
        """Raise a Fault for the first thing that is not within the part."""
        beyond = await self._edge.read(org.outside, org_, named)
        if beyond is not None:
            raise self._missing(*beyond)

    def named(self, message: Message, *, referring: bool = False) -> Named:
        """The things with a part that a message names, at any depth; only in fields for names, if `referring`.

        A name in a note is looked at as well, but makes no call one about what it names.
        """
        found: dict[str, list[str]] = defaultdict(list)
        for field_, text in texts(message):
            if (match := self._name.fullmatch(text)) and (not referring or _refers(field_)):
                collection, _, id_ = match[1].rpartition("/")
                found[collection].append(id_)
        return dict(found)


def too_narrow(call: Call) -> Fault:
    """The call is about all of the organisation, or about another part than the caller's."""
    return Fault(
        Kind.PERMISSION_DENIED,
        "ORG_SCOPE_MISSING",
        f"the call reaches beyond {call.identity.org}, which is what its caller sees",
        metadata={"org": call.identity.org, "method": call.method.name},
    )


def texts(message: Message) -> Iterator[tuple[FieldDescriptor, str]]:
    """Every text in a message, however deep, with its field."""
    for field_, value in message.ListFields():
        if field_.message_type is not None and field_.message_type.GetOptions().map_entry:
            for each in value.values():
                yield from _texts(field_, each)
        else:
            for each in value if field_.is_repeated else (value,):
                yield from _texts(field_, each)


def _texts(field_: FieldDescriptor, value: object) -> Iterator[tuple[FieldDescriptor, str]]:
    if isinstance(value, str):
        yield field_, value
    elif isinstance(value, Message):
        yield from texts(value)


def _refers(field_: FieldDescriptor) -> bool:
    """Whether a field is for the name of a resource: of another one, or of the message itself."""
    options = field_.GetOptions()
    reference = options.Extensions[resource_pb2.resource_reference]
    behaviours = options.Extensions[field_behavior_pb2.field_behavior]
    return bool(reference.type or reference.child_type) or field_behavior_pb2.IDENTIFIER in behaviours


def _take_part(call: Call, request: Message, path: str) -> None:
    """Set the field for the part to what is asked for, by default the caller's. Raises a Fault for any other."""
    *holders, name = path.split(".")
    holder = reduce(getattr, holders, request)
    asked = org.parse(getattr(holder, name), field=path) or call.identity.org
    if not within(asked, call.identity.org):
        raise too_narrow(call)
    setattr(holder, name, asked)


def _stays(call: Call, request: Message, resource: str) -> None:
    """Raise a Fault if the change would move something out of the caller's sight."""
    holder, mask = getattr(request, resource), getattr(request, "update_mask", None)
    paths = mask.paths if mask is not None else ()
    if (holder.org or "org" in paths or "*" in paths) and not within(
        org.parse(holder.org, field=f"{resource}.org"), call.identity.org
    ):
        raise too_narrow(call)
