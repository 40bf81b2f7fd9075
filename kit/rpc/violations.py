"""What protovalidate found wrong with a request, in words for callers of both worlds.

A REST caller writes names of an enum's values and never sees their numbers, and nobody should have to read a
regular expression that forbids control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import protovalidate
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message

from kit.errors import Violation

_WORDS = {
    r"^\P{Cc}*$": "must not contain control characters",
    r"^\P{C}*$": "must not contain control or invisible characters",
    r"^[^\x00]*$": "must not contain a NUL character",
}


def told(request: Message, violations: Iterable[protovalidate.Violation]) -> list[Violation]:
    """Each violated field by its path, and what it must be."""
    return [Violation(_path(each), _description(request, each)) for each in violations]


def _path(violation: protovalidate.Violation) -> str:
    """`lines[2].quantity` from a violation's path."""
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path or "request"


def _description(request: Message, violation: protovalidate.Violation) -> str:
    rule = violation.proto.rule_id
    if rule == "string.pattern" and violation.rule_value in _WORDS:
        return _WORDS[violation.rule_value]
    if rule.startswith("enum.") and violation.proto.field:
        enum = _enum_at(request, [element.field_name for element in violation.proto.field.elements])
        if enum is not None:
            return f"must be one of {', '.join(_allowed(enum, rule, violation.rule_value))}"
    return violation.proto.message


def _allowed(enum: EnumDescriptor, rule: str, numbers: Sequence[int]) -> list[str]:
    """The names that pass the rule; `numbers` are those that it lists."""
    if rule == "enum.defined_only":
        return [value.name for value in enum.values]
    return [value.name for value in enum.values if (value.number in numbers) == (rule == "enum.in")]


def _enum_at(request: Message, path: Sequence[str]) -> EnumDescriptor | None:
    """The enum of the field at the path, or None where it is of another type."""
    *way, last = path
    message: Any = request.DESCRIPTOR
    for name in way:
        message = message.fields_by_name[name].message_type
    enum: EnumDescriptor | None = message.fields_by_name[last].enum_type
    return enum
