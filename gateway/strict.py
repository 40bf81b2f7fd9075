"""The filter that refuses JSON bodies with members that the method doesn't know: `strict.lua` and its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

from gateway.api import Binding, Service
from gateway.templates import Template
from gateway.typed import Json, http_filter

PROGRAM = Path(__file__).with_name("strict.lua")

# Their JSON is a string, or any JSON at all: nothing to look into.
_OPAQUE = {
    "google.api.HttpBody",
    "google.protobuf.Any",
    "google.protobuf.Duration",
    "google.protobuf.FieldMask",
    "google.protobuf.ListValue",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.Value",
}

Messages = dict[str, DescriptorProto]
Type = int | str | list[Any]


def filter_of(services: Iterable[Service], descriptors: FileDescriptorSet) -> Json:
    """The Lua filter for these services."""
    return http_filter("lua", "Lua", default_source_code={"inline_string": program(services, descriptors)})


def program(services: Iterable[Service], descriptors: FileDescriptorSet) -> str:
    """The program with its tables before it."""
    messages = _messages(descriptors)
    methods: dict[str, Any] = {}
    wanted: set[str] = set()
    for service in services:
        for rpc in service.rpcs:
            for binding in rpc.bindings:
                kind = _body_type(messages, rpc.request, binding)
                if isinstance(kind, str):
                    _place(methods.setdefault(binding.verb, {}), binding.template, kind)
                    wanted.add(kind)
    types = {name: _members(messages, name) for name in _reachable(messages, wanted)}
    return f"local METHODS = {_lua(methods)}\nlocal TYPES = {_lua(types)}\n{PROGRAM.read_text()}"


def _messages(descriptors: FileDescriptorSet) -> Messages:
    found: Messages = {}

    def add(scope: str, message: DescriptorProto) -> None:
        name = f"{scope}.{message.name}"
        found[name] = message
        for nested in message.nested_type:
            add(name, nested)

    for file in descriptors.file:
        for message in file.message_type:
            add(file.package, message)
    return found


def _body_type(messages: Messages, request: str, binding: Binding) -> Type | None:
    if not binding.body:
        return None
    if binding.body == "*":
        return request
    fields = {field.name: field for field in messages[request].field}
    return _type(messages, fields[binding.body])


def _place(tree: dict[str, Any], template: Template, kind: str) -> None:
    path, colon, verb = template.shape.partition(":")
    for segment in path.strip("/").split("/"):
        tree = tree.setdefault(segment, {})
    tree[f":{verb}" if colon else "$"] = kind


def _members(messages: Messages, name: str) -> dict[str, Type]:
    """The members of a type under both names that JSON may have them by."""
    return {
        spelling: _type(messages, field) for field in messages[name].field for spelling in (field.name, field.json_name)
    }


def _type(messages: Messages, field: FieldDescriptorProto) -> Type:
    name = field.type_name.removeprefix(".")
    if field.type != FieldDescriptorProto.TYPE_MESSAGE or name in _OPAQUE:
        return 1
    if messages[name].options.map_entry:
        return [_type(messages, messages[name].field[1])]
    return name


def _reachable(messages: Messages, names: set[str]) -> list[str]:
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_mentioned(_members(messages, name).values())) - found
    return sorted(found)


def _mentioned(kinds: Iterable[Type]) -> Iterator[str]:
    for kind in kinds:
        inner = kind[0] if isinstance(kind, list) else kind
        if isinstance(inner, str):
            yield inner


def _lua(value: object) -> str:
    """A Lua literal."""
    if isinstance(value, dict):
        return "{" + ",".join(f'["{key}"]={_lua(value[key])}' for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "{" + ",".join(_lua(each) for each in value) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)
