from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kehu.orders.v1.events_pb2 import OrderPaid

from kit.broker import headers
from kit.worker.events import Delivery, Received, Unreadable, read

TYPES = {"kehu.orders.v1.OrderPaid": OrderPaid}
ID = UUID("018f0000-0000-7000-8000-000000000001")
HEADERS = {
    headers.CE_ID: str(ID),
    headers.CE_TYPE: "kehu.orders.v1.OrderPaid",
    headers.CE_SOURCE: "kehu/orders",
    headers.CE_SUBJECT: "orders/1",
    headers.CE_SUBJECTVERSION: 3,
    headers.CE_TIME: "2026-11-21T08:30:00+00:00",
}
ANYTHING = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.binary(max_size=5), st.lists(st.integers()))


def delivery(body: bytes = b"{}", content_type: str = "application/json", **changes: Any) -> Delivery:
    return Delivery(1, body, content_type, {**HEADERS, **changes})


def test_an_event_has_what_its_headers_say() -> None:
    event = read(delivery(b'{"order": "orders/1"}'), TYPES)
    expected = Received(ID, "OrderPaid", "orders/1", 3, datetime(2026, 11, 21, 8, 30, tzinfo=UTC), event.message)
    assert event == expected
    assert event.message.order == "orders/1"


@given(
    body=st.binary(max_size=20),
    content_type=st.text(max_size=20),
    changes=st.dictionaries(st.sampled_from(sorted(HEADERS)), ANYTHING),
)
def test_whatever_is_delivered_is_an_event_or_unreadable(
    body: bytes, content_type: str, changes: dict[str, Any]
) -> None:
    strange = delivery(body, content_type, **changes)
    assert isinstance(strange.attempts, int)
    assert isinstance(strange.type, str)
    with suppress(Unreadable):
        assert isinstance(read(strange, TYPES), Received)


def test_a_bottomless_body_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="BODY_UNREADABLE"):
        read(delivery(b'{"lines":' + b"[" * 100_000), TYPES)


@pytest.mark.parametrize(
    ("traceparent", "sampled"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz", False),
        ("01", False),
        ("", False),
    ],
)
def test_the_trace_flag_says_whether_the_trace_is_recorded(traceparent: str, sampled: bool) -> None:
    assert read(delivery(traceparent=traceparent), TYPES).sampled is sampled
