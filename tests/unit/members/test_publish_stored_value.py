"""A change of stored value goes out as the proto JSON of its message."""

from __future__ import annotations

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import events_pb2

from kit.posting import Cause
from services.members.domain.stored_value import Parts, Purse
from services.members.publish import to_event
from tests.support.builders.members import MEMBER, NOW
from tests.support.builders.stored_value import STORE


def test_a_change_of_stored_value_reads_back_as_its_message() -> None:
    before = Purse(MEMBER, "CNY", Parts(1_050, 100), version=4)
    after, _ = before.pay(Parts(1_000, 100), store=STORE, cause=Cause("PAYMENT", "orders/1", NOW))
    event = to_event(after.changed(before, source="orders/1", time=NOW))
    expected = events_pb2.StoredValueChanged(
        member=f"members/{MEMBER}",
        principal=WireMoney(currency_code="CNY", nanos=500_000_000),
        bonus=WireMoney(currency_code="CNY"),
        change=WireMoney(currency_code="CNY", units=-11),
        source="orders/1",
        change_time=Timestamp(seconds=int(NOW.timestamp())),
    )
    assert json_format.Parse(event.payload, events_pb2.StoredValueChanged()) == expected
    assert (event.type, event.schema) == ("StoredValueChanged", "kehu.members.v1.StoredValueChanged")
    assert (event.subject, event.version) == (f"members/{MEMBER}/storedValues/CNY", 6)
