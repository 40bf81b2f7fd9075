"""What is known of a service's methods for callers who see a part of the organisation, without running them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from google.api import resource_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from kit.errors import Fault, Kind
from kit.rpc import policy
from kit.rpc.call import Call, Identity
from kit.rpc.reach import Named, Reach
from tests.architecture.test_protos import METHODS, files

PATTERNS = {
    options.type.rpartition("/")[2]: options.pattern[0]
    for file in files()
    for message in file.message_types_by_name.values()
    if (options := message.GetOptions().Extensions[resource_pb2.resource]).pattern
}
PART = "/cn/east"


def methods_of(service: str) -> list[MethodDescriptor]:
    """The RPCs of a service."""
    return [method for method in METHODS if method.full_name.startswith(f"kehu.{service}.")]


def call_of(method: MethodDescriptor) -> Call:
    """A call of an administrator who sees the part."""
    service = method.containing_service.full_name
    return Call(policy.methods_of(service)[f"/{service}/{method.name}"], Identity("clerk", ("admin",), PART), 0.0)


def naming(method: MethodDescriptor, collections: Collection[str]) -> Any:
    """A request of the method in which every name is of something in one of the collections."""
    request = message_factory.GetMessageClass(method.input_type)()
    _fill(request, method.input_type, collections, depth=0)
    return request


def outcomes(reach: Reach, methods: Iterable[MethodDescriptor], collections: Collection[str]) -> dict[str, Kind | None]:
    """What becomes of each method when everything that can be named is beyond the caller's part; None: it goes on."""
    found: dict[str, Kind | None] = {}
    for method in methods:
        try:
            asyncio.run(reach.narrow(call_of(method), naming(method, collections)))
        except Fault as fault:
            found[method.name] = fault.kind
        else:
            found[method.name] = None
    return found


class Blind:
    """An edge to which everything that is named is beyond the caller's part."""

    async def read(self, _usecase: object, _org: str, named: Named) -> tuple[str, str]:
        """The first thing that is named."""
        collection, ids = next(iter(named.items()))
        return collection, ids[0]


def _fill(message: Any, form: Descriptor, collections: Collection[str], *, depth: int) -> None:
    for field in form.fields:
        if field.message_type is not None:
            own = field.message_type.full_name.startswith("kehu.") and depth < 2
            if own and not field.message_type.GetOptions().map_entry:
                inner = getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name)
                _fill(inner, field.message_type, collections, depth=depth + 1)
        elif field.type == field.TYPE_STRING and (name := _name(field, collections)):
            if field.is_repeated:
                getattr(message, field.name).append(name)
            else:
                setattr(message, field.name, name)


def _name(field: FieldDescriptor, collections: Collection[str]) -> str:
    reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
    holder = field.containing_type
    own = field.name == "name" and holder is not None and holder.GetOptions().Extensions[resource_pb2.resource].pattern
    pattern = own[0] if own else PATTERNS.get((reference.type or reference.child_type).rpartition("/")[2], "")
    if reference.child_type:
        pattern = pattern.rpartition("/")[0].rpartition("/")[0] if pattern.count("/") > 1 else ""
    if field.name == "store" and not pattern:
        return "beyond"
    if pattern.partition("/")[0] not in {each.partition("/")[0] for each in collections}:
        return ""
    return re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), pattern)
