"""The conventions of the API (AIP), read from the descriptors: what a reviewer would else look for by eye."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2, resource_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor

GEN = Path(__file__).resolve().parents[2] / "gen"
# Each row of an import is judged for itself, so that a bad one never fails the call.
ROWS = {
    f"kehu.orders.v1.{kind}{part}"
    for kind, parts in {
        "Imported": ("Order", "Line"),
        "ProductRow": ("", "Option", "Component", "Price", "Stock"),
        "Platform": ("Order", "Line", "Refund", "RefundLine"),
    }.items()
    for part in parts
}
# Orders, events and rules name these by their code alone, whether or not the catalogue keeps them.
BY_CODE = {"channel", "store", "category"}


def files() -> Iterator[FileDescriptor]:
    for path in sorted((GEN / "kehu").rglob("*_pb2.py")):
        name = path.relative_to(GEN).as_posix().removesuffix("_pb2.py")
        import_module(f"{name}_pb2".replace("/", "."))
        if not name.endswith("/events"):
            yield descriptor_pool.Default().FindFileByName(f"{name}.proto")


def nested(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    for message in messages:
        yield message
        yield from nested(message.nested_types)


FILES = list(files())
MESSAGES = [
    message
    for file in FILES
    for message in nested(file.message_types_by_name.values())
    if not message.GetOptions().map_entry
]
METHODS = [method for file in FILES for service in file.services_by_name.values() for method in service.methods]
LISTS = [method for method in METHODS if method.name.startswith("List")]
UPDATES = [method for method in METHODS if method.name.startswith("Update")]


def behaviors(field: FieldDescriptor) -> list[int]:
    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def resource(message: Descriptor) -> resource_pb2.ResourceDescriptor:
    found: resource_pb2.ResourceDescriptor = message.GetOptions().Extensions[resource_pb2.resource]
    return found


def asked_for() -> Iterator[FieldDescriptor]:
    """Every field that a caller may fill, however deep in a request."""
    waiting, seen = [method.input_type for method in METHODS], set()
    while waiting:
        message = waiting.pop()
        if message.full_name in seen or not message.full_name.startswith("kehu."):
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field_behavior_pb2.OUTPUT_ONLY not in behaviors(field):
                yield field
                waiting += [field.message_type] if field.message_type else []


def test_every_field_says_how_it_behaves() -> None:
    assert [field.full_name for message in MESSAGES for field in message.fields if not behaviors(field)] == []


def test_every_text_list_and_choice_that_is_asked_for_has_its_limits() -> None:
    bounded = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM)
    unlimited = [
        field.full_name
        for field in asked_for()
        if (field.type in bounded or field.is_repeated)
        and not field.GetOptions().HasExtension(validate_pb2.field)
        and field.full_name.rpartition(".")[0] not in ROWS
        and not (
            field.containing_type and field.containing_type.GetOptions().map_entry
        )  # the field that is the map limits its keys and values
    ]
    assert unlimited == []


def test_whatever_has_a_name_is_a_resource_whose_name_is_its_identifier() -> None:
    named = [
        message for message in MESSAGES if "name" in message.fields_by_name and not message.name.endswith("Request")
    ]

    assert [message.full_name for message in named if not resource(message).pattern] == []
    assert [
        message.full_name
        for message in named
        if field_behavior_pb2.IDENTIFIER not in behaviors(message.fields_by_name["name"])
    ] == []


def test_a_text_that_is_called_after_a_resource_says_that_it_refers_to_it() -> None:
    singulars = {resource(message).singular for message in MESSAGES} - {""} - BY_CODE

    silent = [
        field.full_name
        for message in MESSAGES
        for field in message.fields
        if field.type == FieldDescriptor.TYPE_STRING
        and (field.json_name.removesuffix("s") if field.is_repeated else field.json_name) in singulars
        and not field.GetOptions().HasExtension(resource_pb2.resource_reference)
    ]
    assert silent == []


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_method_on_one_resource_says_which(method: MethodDescriptor) -> None:
    unsaid = [
        name
        for name in ("name", "parent")
        if name in method.input_type.fields_by_name
        and not method.input_type.fields_by_name[name].GetOptions().HasExtension(resource_pb2.resource_reference)
    ]
    assert unsaid == []


@pytest.mark.parametrize("method", LISTS, ids=lambda method: method.name)
def test_a_list_comes_in_pages(method: MethodDescriptor) -> None:
    first, *_ = method.output_type.fields

    assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
    assert first.is_repeated
    assert "next_page_token" in method.output_type.fields_by_name


@pytest.mark.parametrize("method", UPDATES, ids=lambda method: method.name)
def test_an_update_has_a_mask_and_answers_a_resource_with_an_etag(method: MethodDescriptor) -> None:
    assert method.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern") == "patch"
    assert "update_mask" in method.input_type.fields_by_name
    assert method.output_type.fields_by_name["etag"].number == 99


def test_no_number_is_unsigned_and_only_shares_are_fractions() -> None:
    unsigned = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
    fractions = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)
    fields = [field for message in MESSAGES for field in message.fields]

    assert [field.full_name for field in fields if field.type in unsigned] == []
    assert {field.full_name for field in fields if field.type in fractions} == {
        "kehu.pipeline.v1.FunnelStage.conversion"
    }
