"""What the API offers, read from the descriptor set: services, their methods, and the REST paths of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto
from kehu.options.v1 import options_pb2

from gateway.templates import Template

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTORS = ROOT / "gen" / "descriptors.binpb"
"""The descriptor set that `python -m tools.generate` writes."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One REST form of a method: verb, path and which field the body fills (`*`: all that the path doesn't)."""

    verb: str
    template: Template
    body: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """One method, with the scope that its callers need."""

    service: str
    name: str
    request: str
    """The full name of the request's message type."""
    scope: str
    bindings: tuple[Binding, ...]
    self_proving: bool = False
    """Whether callers bring no token, because the request itself proves where it comes from."""
    streams: bool = False
    """Whether the answer is a stream of messages."""

    @property
    def path(self) -> str:
        """The path of the gRPC call."""
        return f"/{self.service}/{self.name}"

    @property
    def reads(self) -> bool:
        """Whether the method changes nothing, told by its REST form: it is a GET."""
        return bool(self.bindings) and all(binding.verb == "GET" for binding in self.bindings)


@dataclass(frozen=True, slots=True)
class Service:
    """One gRPC service; `room` is the folder and the upstream that answer for it."""

    name: str
    room: str
    rpcs: tuple[Rpc, ...]


def load(path: Path = DESCRIPTORS) -> FileDescriptorSet:
    """Read a descriptor set from its file."""
    return FileDescriptorSet.FromString(path.read_bytes())


def services(descriptors: FileDescriptorSet) -> list[Service]:
    """Every service under `kehu.<room>.v1`, in the order of their names. `ValueError` if two paths clash."""
    found = [
        Service(name, file.package.split(".")[1], tuple(_rpc(name, method) for method in service.method))
        for file in descriptors.file
        if file.package.startswith("kehu.")
        for service in file.service
        for name in [f"{file.package}.{service.name}"]
    ]
    found.sort(key=lambda service: service.name)
    _refuse_clashes(found)
    return found


def _rpc(service: str, method: MethodDescriptorProto) -> Rpc:
    rule = method.options.Extensions[annotations_pb2.http]
    scope = method.options.Extensions[options_pb2.scope]
    proving = method.options.Extensions[options_pb2.self_proving]
    return Rpc(
        service,
        method.name,
        method.input_type.removeprefix("."),
        scope,
        tuple(_bindings(rule)),
        self_proving=proving,
        streams=method.server_streaming,
    )


def _bindings(rule: http_pb2.HttpRule) -> Iterator[Binding]:
    pattern = rule.WhichOneof("pattern")
    if pattern is None:
        return
    verb, path = (
        (rule.custom.kind, rule.custom.path) if pattern == "custom" else (pattern.upper(), getattr(rule, pattern))
    )
    yield Binding(verb, Template.parse(path), rule.body)
    for other in rule.additional_bindings:
        yield from _bindings(other)


def _refuse_clashes(found: list[Service]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for rpc in (rpc for service in found for rpc in service.rpcs):
        for binding in rpc.bindings:
            key = (binding.verb, binding.template.shape)
            if key in taken:
                raise ValueError(f"{binding.verb} {binding.template.text} belongs to {taken[key]} and to {rpc.path}")
            taken[key] = rpc.path
