"""Every fact goes out as the proto JSON of its message."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.pipeline.v1 import events_pb2 as pb

from kit.money import Money
from services.pipeline.domain.events import (
    LeadAssigned,
    LeadConverted,
    LeadCreated,
    OpportunityStageChanged,
    OpportunityWon,
    SoldLine,
)
from services.pipeline.publish import to_event

ID = UUID("018f0000-0000-7000-8000-000000000001")
TIME = datetime(1997, 1, 1, 8, 30, 0, 250_000, tzinfo=UTC)
WIRE = Timestamp(seconds=852_107_400, nanos=250_000_000)
LEAD = f"leads/{ID}"
OPPORTUNITY = f"opportunities/{ID}"
SOLD = SoldLine(ID, 3, Money(1_999, "CNY"))
TOTAL = WireMoney(currency_code="CNY", units=59, nanos=970_000_000)
LINE = pb.WonLine(
    product=f"products/{ID}",
    quantity=3,
    unit_price=WireMoney(currency_code="CNY", units=19, nanos=990_000_000),
)


@pytest.mark.parametrize(
    ("fact", "subject", "message"),
    [
        (LeadCreated(ID, 7, "webform", TIME), LEAD, pb.LeadCreated(lead=LEAD, source="webform", create_time=WIRE)),
        (LeadAssigned(ID, 7, ID, TIME), LEAD, pb.LeadAssigned(lead=LEAD, owner=f"reps/{ID}", assign_time=WIRE)),
        (
            LeadConverted(ID, 7, ID, ID, ID, TIME),
            LEAD,
            pb.LeadConverted(
                lead=LEAD,
                account=f"accounts/{ID}",
                contact=f"contacts/{ID}",
                opportunity=OPPORTUNITY,
                convert_time=WIRE,
            ),
        ),
        (
            OpportunityStageChanged(ID, 7, "QUALIFY", "DEVELOP", TIME),
            OPPORTUNITY,
            pb.OpportunityStageChanged(
                opportunity=OPPORTUNITY, from_stage="QUALIFY", to_stage="DEVELOP", change_time=WIRE
            ),
        ),
        (
            OpportunityWon(ID, 7, ID, ID, (SOLD,), Money(5_997, "CNY"), TIME),
            OPPORTUNITY,
            pb.OpportunityWon(
                opportunity=OPPORTUNITY,
                account=f"accounts/{ID}",
                quote=f"quotes/{ID}",
                lines=[LINE],
                total=TOTAL,
                win_time=WIRE,
            ),
        ),
    ],
)
def test_an_event_reads_back_as_its_message(fact: object, subject: str, message: Message) -> None:
    event = to_event(fact)
    assert json_format.Parse(event.payload, type(message)()) == message
    assert (event.type, event.schema) == (message.DESCRIPTOR.name, message.DESCRIPTOR.full_name)
    assert (event.subject, event.version) == (subject, 7)


def test_what_is_no_fact_of_pipeline_is_not_published() -> None:
    with pytest.raises(TypeError):
        to_event("a rumour")
