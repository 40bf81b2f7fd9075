"""From the protos to the model: compiled with their comments, which the descriptor set for Envoy doesn't have."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.api import resource_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

from gateway import api
from tools.generate import DETAIL_TYPES, ROOT, ROOTS, sources
from tools.openapi.model import Enum, Field, Message, Method, Model, Service, Value

Place = tuple[int, ...]
"""Where something stands in a file, as numbers of fields and indexes in turn."""

# The numbers that descriptor.proto gives the parts of a file, of a message, and of an enum or a service.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED_MESSAGE, _NESTED_ENUM = 2, 3, 4
_VALUE = _METHOD = 2


def read() -> Model:
    """Compile the protos with their comments and read them."""
    return model_of(_compiled())


def model_of(descriptors: FileDescriptorSet) -> Model:
    """Read a descriptor set that was compiled with its source information."""
    rpcs = {rpc.path: rpc for service in api.services(descriptors) for rpc in service.rpcs}
    reader = _Reader(rpcs)
    for file in descriptors.file:
        reader.add(file)
    reader.model.services.sort(key=lambda service: service.name)
    return reader.model


def _compiled() -> FileDescriptorSet:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "descriptors.binpb")
        includes = [f"-I{ROOT / root}" for root in ROOTS] + [f"-I{Path(protoc.__file__).parent / '_proto'}"]
        options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
        files = [name for name in sources() if name.startswith("kehu/")]
        if protoc.main(["protoc", *includes, *options, *files, *DETAIL_TYPES]) != 0:
            raise SystemExit("protoc failed; the lines above name the file")
        return FileDescriptorSet.FromString(out.read_bytes())


@dataclass(slots=True)
class _Reader:
    rpcs: Mapping[str, api.Rpc]
    model: Model = field(default_factory=Model)
    comments: dict[Place, str] = field(default_factory=dict)

    def add(self, file: FileDescriptorProto) -> None:
        """Read one file."""
        self.comments = {tuple(each.path): _text(each.leading_comments) for each in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            self._message(file.package, message, (_MESSAGE, index))
        for index, enum in enumerate(file.enum_type):
            self._enum(file.package, enum, (_ENUM, index))
        for index, service in enumerate(file.service):
            name = f"{file.package}.{service.name}"
            place = (_SERVICE, index)
            if any(f"/{name}/{method.name}" in self.rpcs for method in service.method):
                methods = tuple(
                    Method(
                        self.rpcs[f"/{name}/{method.name}"],
                        self._comment((*place, _METHOD, number)),
                        method.output_type.removeprefix("."),
                    )
                    for number, method in enumerate(service.method)
                )
                room = file.package.split(".")[1]
                self.model.services.append(Service(name, room, self._comment(place), methods))

    def _message(self, scope: str, message: DescriptorProto, place: Place) -> None:
        name = f"{scope}.{message.name}"
        fields = tuple(
            Field(each, self._comment((*place, _FIELD, index)), _oneof(message, index))
            for index, each in enumerate(message.field)
        )
        self.model.messages[name] = Message(name, message, self._comment(place), fields)
        self.model.patterns.update(message.options.Extensions[resource_pb2.resource].pattern)
        for index, nested in enumerate(message.nested_type):
            self._message(name, nested, (*place, _NESTED_MESSAGE, index))
        for index, enum in enumerate(message.enum_type):
            self._enum(name, enum, (*place, _NESTED_ENUM, index))

    def _enum(self, scope: str, enum: EnumDescriptorProto, place: Place) -> None:
        name = f"{scope}.{enum.name}"
        values = tuple(
            Value(each.name, self._comment((*place, _VALUE, index))) for index, each in enumerate(enum.value)
        )
        self.model.enums[name] = Enum(name, self._comment(place), values)

    def _comment(self, place: Place) -> str:
        return self.comments.get(place, "")


def _oneof(message: DescriptorProto, index: int) -> str:
    """The oneof of a field; `optional` makes one that nobody wrote, which doesn't count."""
    proto = message.field[index]
    if not proto.HasField("oneof_index") or proto.proto3_optional:
        return ""
    return message.oneof_decl[proto.oneof_index].name


def _text(comment: str) -> str:
    """A comment as running text; an empty line between paragraphs stays."""
    paragraphs = comment.strip().split("\n\n")
    return "\n\n".join(" ".join(line.strip() for line in each.splitlines()) for each in paragraphs)
