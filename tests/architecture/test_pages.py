"""The page of a service names every event that it publishes, and every one that it listens to."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

SERVICES = ("members", "orders", "pipeline", "campaigns")
ROOT = Path(__file__).resolve().parents[2]


def page(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_names_every_event_that_the_service_publishes(service: str) -> None:
    file: FileDescriptor = import_module(f"kehu.{service}.v1.events_pb2").DESCRIPTOR
    messages = file.message_types_by_name
    parts = {field.message_type.name for message in messages.values() for field in message.fields if field.message_type}
    assert [name for name in messages if name not in parts and f"`{name}`" not in page(service)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_names_every_event_that_the_service_listens_to(service: str) -> None:
    heard = import_module(f"services.{service}.consumer").subscriptions.events
    names = {name for subscription in heard for name in subscription.events}
    assert names
    assert [name for name in sorted(names) if f"`{name}`" not in page(service)] == []
