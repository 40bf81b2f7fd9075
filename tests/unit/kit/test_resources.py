"""A refusal because something does not exist says what kind of thing it is."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from pathlib import Path

import pytest
from google.api import resource_pb2
from google.rpc.error_details_pb2 import ResourceInfo

from kit.errors import Fault, Kind, not_found
from kit.rpc.resources import type_of
from kit.rpc.status import status_of

PROTOS = Path(__file__).parents[3] / "protos" / "kehu"
SERVICES = ("members", "orders", "campaigns", "pipeline")


def declared(service: str) -> list[tuple[str, str]]:
    """The patterns of a service's resources with their types."""
    files = (import_module(f"kehu.{service}.v1.{file.stem}_pb2") for file in (PROTOS / service / "v1").glob("*.proto"))
    messages = chain.from_iterable(file.DESCRIPTOR.message_types_by_name.values() for file in files)
    resources = [message.GetOptions().Extensions[resource_pb2.resource] for message in messages]
    return [(pattern, resource.type) for resource in resources for pattern in resource.pattern]


@pytest.mark.parametrize("service", SERVICES)
def test_every_resource_of_a_service_is_known_by_its_name(service: str) -> None:
    patterns = declared(service)
    assert len(patterns) > 5
    assert {kind for _, kind in patterns if not kind.startswith(f"{service}.kehu.dev/")} == set()
    assert [(pattern, type_of(pattern.replace("{", "").replace("}", ""))) for pattern, _ in patterns] == patterns


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("members/018f0000-0000-7000-8000-000000000002", "members.kehu.dev/Member"),
        ("members/1/holds/2", "members.kehu.dev/Hold"),
        ("members/1/tierStatus", "members.kehu.dev/TierStatus"),
        ("orders/1", "orders.kehu.dev/Order"),
        ("elsewhere/1", "elsewhere"),
        ("elsewhere/1/things/2", "things"),
        ("", ""),
    ],
)
def test_a_name_tells_the_type_and_an_undeclared_one_its_collection(name: str, kind: str) -> None:
    for service in SERVICES:
        declared(service)
    assert type_of(name) == kind


def told(fault: Fault) -> list[ResourceInfo]:
    """What a refusal says of resources."""
    infos = [
        ResourceInfo.FromString(each.value) for each in status_of(fault).details if each.Is(ResourceInfo.DESCRIPTOR)
    ]
    return list(infos)


def test_what_does_not_exist_is_told_with_its_type() -> None:
    declared("members")
    assert told(not_found("members/1/holds/2")) == [
        ResourceInfo(resource_type="members.kehu.dev/Hold", resource_name="members/1/holds/2")
    ]
    assert told(Fault(Kind.FAILED_PRECONDITION, "X", "x", metadata={"name": "members/1"})) == []
    (long,) = told(not_found("a" * 10_000))
    assert len(long.resource_type) == len(long.resource_name) == 400
