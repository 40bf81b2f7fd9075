"""What every RPC must have, read from the descriptors."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FileDescriptor, MethodDescriptor
from kehu.options.v1 import options_pb2

from kit.rpc import policy

ROOT = Path(__file__).resolve().parents[2]
GEN = ROOT / "gen"
SERVICES = ("members", "orders", "pipeline", "campaigns")
READS = (
    "Get",
    "List",
    "Search",
    "Suggest",
    "Lookup",
    "Query",
    "Preview",
    "Price",
    "BatchPrice",
    "Quote",
    "Explain",
    "Watch",
)


def files() -> list[FileDescriptor]:
    names = sorted(path.relative_to(GEN).as_posix() for path in (GEN / "kehu").rglob("*_pb2.py"))
    for name in names:
        import_module(name.removesuffix(".py").replace("/", "."))
    pool = descriptor_pool.Default()
    return [pool.FindFileByName(name.removesuffix("_pb2.py") + ".proto") for name in names]


METHODS: list[MethodDescriptor] = [
    method for file in files() for service in file.services_by_name.values() for method in service.methods
]


def test_the_four_services_are_there() -> None:
    assert {method.containing_service.file.package for method in METHODS} == {f"kehu.{name}.v1" for name in SERVICES}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rpc_has_a_scope_and_a_rest_path(method: MethodDescriptor) -> None:
    assert bool(scope_of(method)) != proves_itself(method)
    assert method.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern")


def test_every_rpc_is_called_by_a_test() -> None:
    layers = [ROOT / "tests" / layer for layer in ("component", "integration", "e2e", "security")]
    called = {
        word
        for layer in layers
        for path in layer.rglob("*.py")
        for word in re.findall(r"\b[A-Z][A-Za-z]+", path.read_text())
    }
    assert [method.full_name for method in METHODS if method.name not in called] == []


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rpc_that_changes_something_takes_a_request_id(method: MethodDescriptor) -> None:
    if not method.name.startswith(READS) and not proves_itself(method):
        assert "request_id" in method.input_type.fields_by_name


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_field_of_a_request_says_how_it_behaves(method: MethodDescriptor) -> None:
    silent = [
        field.full_name
        for field in method.input_type.fields
        if not field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    ]
    assert silent == []


def test_every_scope_is_granted_by_a_role_besides_the_administrator() -> None:
    scopes = {scope_of(method) for method in METHODS if not proves_itself(method)}
    others = tuple(role for role in policy.ROLES if role not in {"admin", "service"})
    owned_by_administrators = {"programmes.write"}
    assert {scope for scope in scopes if not policy.granted(others, scope)} == owned_by_administrators


def test_every_pattern_of_a_role_grants_something() -> None:
    scopes = {method.GetOptions().Extensions[options_pb2.scope] for method in METHODS}
    idle = [
        (role, pattern)
        for role, patterns in policy.ROLES.items()
        for pattern in patterns
        if not any(fnmatchcase(scope, pattern) for scope in scopes)
    ]
    assert idle == []


def test_only_notices_of_payment_providers_come_without_a_token() -> None:
    assert {method.full_name for method in METHODS if proves_itself(method)} == {
        "kehu.orders.v1.PaymentsService.ReceiveWechatPayNotice",
        "kehu.orders.v1.PaymentsService.ReceiveAlipayNotice",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_events_carry_no_personal_data(service: str) -> None:
    file = descriptor_pool.Default().FindFileByName(f"kehu/{service}/v1/events.proto")
    assert [name for message in file.message_types_by_name.values() for name in sensitive(message)] == []


def scope_of(method: MethodDescriptor) -> str:
    scope: str = method.GetOptions().Extensions[options_pb2.scope]
    return scope


def proves_itself(method: MethodDescriptor) -> bool:
    """Whether its callers bring no token, because the request has a signature that the method checks."""
    return bool(method.GetOptions().Extensions[options_pb2.self_proving])


def sensitive(message: Descriptor) -> list[str]:
    return [field.full_name for field in message.fields if field.GetOptions().Extensions[options_pb2.sensitive]]
