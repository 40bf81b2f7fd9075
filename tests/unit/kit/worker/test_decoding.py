from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from kehu.campaigns.v1 import events_pb2 as campaigns
from kehu.members.v1 import events_pb2 as members
from kehu.orders.v1 import events_pb2 as orders
from kehu.pipeline.v1 import events_pb2 as pipeline

from kit.worker.decoding import decode

EVENTS: list[type[Message]] = [
    getattr(module, name)
    for module in (campaigns, members, orders, pipeline)
    for name in module.DESCRIPTOR.message_types_by_name
]
ODD = st.sampled_from(
    [None, "", "x", 7, -7, 1.5, True, [], {}, [1], ["1"], {"a": 1}, "1_0", " 1", "²", "9" * 30, "\ud800", "1997-01-01"]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def values(field: Any) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return st.builds(moment, st.datetimes(), st.sampled_from(["", ".123", ".123456", ".000000001"]))
        return documents(field.message_type)
    if field.enum_type is not None:
        return st.sampled_from(sorted(field.enum_type.values_by_name))
    return {
        field.TYPE_STRING: TEXT,
        field.TYPE_BOOL: st.booleans(),
        field.TYPE_INT64: st.integers(-(2**63), 2**63 - 1).map(str),
        field.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        field.TYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    }[field.type]


def moment(time: datetime, fraction: str) -> str:
    return f"{time.isoformat(timespec='seconds')}{fraction}Z"


def documents(descriptor: Any) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        field.json_name: st.lists(values(field), max_size=3) if field.is_repeated else values(field)
        for field in descriptor.fields
        if field.containing_oneof is None
    }
    return st.fixed_dictionaries({}, optional={**fields, "addedNextYear": ODD})


def parsed(body: bytes, kind: type[Message]) -> Message | None:
    try:
        return json_format.Parse(body, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError):
        return None


def decoded(body: bytes, kind: type[Message]) -> Message | None:
    try:
        return decode(body, kind)
    except (json_format.ParseError, ValueError):
        return None


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.DESCRIPTOR.name)
@given(data=st.data())
def test_every_event_is_read_as_protobuf_itself_reads_it(kind: type[Message], data: st.DataObject) -> None:
    body = json.dumps(data.draw(documents(kind.DESCRIPTOR))).encode()
    assert parsed(body, kind) is not None
    assert decode(body, kind) == parsed(body, kind)


@given(data=st.data(), kind=st.sampled_from(EVENTS))
def test_what_is_odd_is_taken_or_refused_as_protobuf_itself_does(data: st.DataObject, kind: type[Message]) -> None:
    document = data.draw(documents(kind.DESCRIPTOR))
    name = data.draw(st.sampled_from([field.json_name for field in kind.DESCRIPTOR.fields]))
    body = json.dumps({**document, name: data.draw(ODD)}).encode()
    assert decoded(body, kind) == parsed(body, kind)


def test_a_field_may_go_by_its_name_in_the_proto() -> None:
    body = b'{"net_total": {"currency_code": "CNY", "units": "5"}}'
    assert decode(body, orders.OrderPaid) == orders.OrderPaid(net_total={"currency_code": "CNY", "units": 5})


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-21T08:30:00.123456789Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2026-11-21T16:30:00+08:00",
        "2026-11-21 08:30:00Z",
        "2026-W47-6T08:30:00Z",
        "2026-11-21T08:30:00.1Z",
        "2026-11-21T08:30:00,123Z",
        "2026-11-21T08:30:00",
        "2026-02-30T00:00:00Z",
        "Z",
    ],
)
def test_a_time_is_taken_or_refused_as_protobuf_itself_does(time: str) -> None:
    body = json.dumps({"payTime": time}).encode()
    assert decoded(body, orders.OrderPaid) == parsed(body, orders.OrderPaid)


def test_an_empty_message_is_there_all_the_same() -> None:
    assert decode(b'{"netTotal": {}}', orders.OrderPaid).HasField("net_total")
