"""Messages and enums as JSON schemas, in the form that the gateway's JSON has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

from tools.openapi import rules
from tools.openapi.model import Field, Message, Model

Json = dict[str, Any]

_LONG = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_SCALARS: dict[int, Json] = {
    Proto.TYPE_STRING: {"type": "string"},
    Proto.TYPE_BOOL: {"type": "boolean"},
    Proto.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    Proto.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Proto.TYPE_FLOAT: {"type": "number", "format": "float"},
    Proto.TYPE_INT32: {"type": "integer", "format": "int32"},
    Proto.TYPE_INT64: _LONG,
}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
    "google.protobuf.Empty": {"type": "object"},
}


class Schemas:
    """The schemas that the document refers to; asking for a reference is what puts one there."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.found: dict[str, Json] = {}

    def message(self, name: str, *, without: Collection[str] = (), partial: bool = False) -> Json:
        """A reference to a message: whole, or `without` the fields that stand elsewhere in the request.

        A `partial` one, the body of an update, may lack what a new resource must have.
        """
        if name in _WELL_KNOWN:
            return _WELL_KNOWN[name]
        key = f"{short(name)}Update" if partial else short(name)
        if key not in self.found:
            self.found[key] = {}  # a message may hold itself
            self.found[key] = self._message(self._model.messages[name], without, partial=partial)
        return {"$ref": f"#/components/schemas/{key}"}

    def field(self, field: Field) -> Json:
        """The schema of a field, with its comment and limits."""
        if entry := self._map_entry(field):
            schema: Json = {"type": "object", "additionalProperties": self._one(entry.fields[1])}
        elif field.repeated:
            items = {**self._one(field), **rules.limits(field.rules.repeated.items)}
            schema = {"type": "array", "items": items, **rules.list_limits(field.rules)}
        else:
            schema = {**self._one(field), **rules.limits(field.rules)}
        if text := " ".join(filter(None, [field.comment, rules.words(field.rules)])):
            schema["description"] = text
        if field.behaviors & {"OUTPUT_ONLY", "IDENTIFIER"}:
            schema["readOnly"] = True
        return schema

    def _one(self, field: Field) -> Json:
        if field.proto.type == Proto.TYPE_MESSAGE:
            return dict(self.message(field.type_name))
        if field.proto.type == Proto.TYPE_ENUM:
            return self._enum(field.type_name)
        return dict(_SCALARS[field.proto.type])

    def _map_entry(self, field: Field) -> Message | None:
        message = self._model.messages.get(field.type_name)
        return message if message and message.is_map_entry else None

    def _message(self, message: Message, without: Collection[str], *, partial: bool) -> Json:
        fields = [field for field in message.fields if field.proto.name not in without]
        schema: Json = {
            "type": "object",
            "description": " ".join(filter(None, [message.comment, *_rules_of(message)])),
            "properties": {field.proto.json_name: self.field(field) for field in fields},
        }
        required = [field.proto.json_name for field in fields if "REQUIRED" in field.behaviors]
        if required and not partial:
            schema["required"] = required
        if choices := _choices(message, fields, partial=partial):
            schema["allOf"] = choices
        return schema

    def _enum(self, name: str) -> Json:
        key = short(name)
        enum = self._model.enums[name]
        lines = [f"- `{value.name}`: {value.comment}" for value in enum.values]
        self.found[key] = {
            "type": "string",
            "description": "\n".join([f"{enum.comment}\n" if enum.comment else "", *lines]).strip(),
            "enum": [value.name for value in enum.values],
        }
        return {"$ref": f"#/components/schemas/{key}"}


def short(name: str) -> str:
    """The name of a schema: `members.Member` for `kehu.members.v1.Member`."""
    return name.removeprefix("kehu.").replace(".v1.", ".", 1)


def _rules_of(message: Message) -> list[str]:
    return [f"Rule: {each}." for each in message.rules]


def _choices(message: Message, fields: list[Field], *, partial: bool) -> list[Json]:
    """At most one field of each oneof; exactly one where it must be."""
    members: dict[str, list[str]] = {}
    for field in fields:
        if field.oneof:
            members.setdefault(field.oneof, []).append(field.proto.json_name)
    found: list[Json] = []
    for oneof, names in members.items():
        alone: list[Json] = [{"required": [name]} for name in names]
        if partial or oneof not in message.required_oneofs:
            alone.append({"not": {"anyOf": [{"required": [name]} for name in names]}})
        found.append({"oneOf": alone})
    return found
