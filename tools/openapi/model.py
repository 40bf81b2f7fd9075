"""The API as the generators of documents see it: every message, enum and method with its comment."""

from __future__ import annotations

from dataclasses import dataclass, field

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from gateway.api import Rpc


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message."""

    proto: FieldDescriptorProto
    comment: str
    oneof: str
    """The oneof that it belongs to; empty if none."""

    @property
    def behaviors(self) -> set[str]:
        """Its `google.api.field_behavior`s by their names."""
        given = self.proto.options.Extensions[field_behavior_pb2.field_behavior]
        return {field_behavior_pb2.FieldBehavior.Name(each) for each in given}

    @property
    def rules(self) -> validate_pb2.FieldRules:
        """Its `buf.validate` rules."""
        return self.proto.options.Extensions[validate_pb2.field]

    @property
    def repeated(self) -> bool:
        """Whether it is a list (or a map)."""
        return self.proto.label == FieldDescriptorProto.LABEL_REPEATED

    @property
    def type_name(self) -> str:
        """The full name of its message or enum; empty for scalars."""
        return self.proto.type_name.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Message:
    """A message."""

    name: str
    proto: DescriptorProto
    comment: str
    fields: tuple[Field, ...]

    @property
    def is_map_entry(self) -> bool:
        """Whether it only stands for the entries of a map."""
        return self.proto.options.map_entry

    @property
    def rules(self) -> list[str]:
        """What `buf.validate` asks of its fields together, in sentences without a full stop."""
        return [rule.message for rule in self.proto.options.Extensions[validate_pb2.message].cel]

    @property
    def required_oneofs(self) -> set[str]:
        """The oneofs of which one field must be set."""
        return {oneof.name for oneof in self.proto.oneof_decl if oneof.options.Extensions[validate_pb2.oneof].required}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an enum."""

    name: str
    comment: str


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum."""

    name: str
    comment: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its REST forms."""

    rpc: Rpc
    comment: str
    response: str


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service; `room` is the short name of the service of the suite that it is a part of."""

    name: str
    room: str
    comment: str
    methods: tuple[Method, ...]

    @property
    def title(self) -> str:
        """What people call it: `StoredValue` for `kehu.members.v1.StoredValueService`."""
        return self.name.rpartition(".")[2].removesuffix("Service")


@dataclass(slots=True)
class Model:
    """The whole API."""

    services: list[Service] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    enums: dict[str, Enum] = field(default_factory=dict)
    patterns: set[str] = field(default_factory=set)
    """The patterns of all resources' names, such as `members/{member}/holds/{hold}`."""
