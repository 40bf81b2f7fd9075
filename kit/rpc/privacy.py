"""Messages without what is personal: every field that the protos mark as `sensitive` is left out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from kehu.options.v1 import options_pb2

M = TypeVar("M", bound=Message)


def bare(message: M) -> M:
    """A copy without sensitive fields, however deep they are."""
    copy = type(message)()
    copy.CopyFrom(message)
    _strip(copy)
    return copy


def _strip(message: Message) -> None:
    for name in _sensitive(message.DESCRIPTOR):
        message.ClearField(name)
    for field, value in message.ListFields():
        for each in _messages(field, value):
            _strip(each)


def _messages(field: FieldDescriptor, value: Any) -> Iterable[Message]:
    """The messages in a field's value; none when it holds numbers or texts."""
    if field.message_type is None:
        return ()
    if not field.message_type.GetOptions().map_entry:
        return value if field.is_repeated else (value,)
    return value.values() if field.message_type.fields_by_name["value"].message_type else ()


@lru_cache(maxsize=256)
def _sensitive(descriptor: Descriptor) -> tuple[str, ...]:
    return tuple(field.name for field in descriptor.fields if field.GetOptions().Extensions[options_pb2.sensitive])
