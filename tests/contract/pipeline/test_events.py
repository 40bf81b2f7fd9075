"""What goes out, word for word: other services read it."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from services.pipeline import publish
from services.pipeline.domain import events
from services.pipeline.domain.events import Fact
from services.pipeline.storage.unit import PipelineUnit
from tests.support.builders.pipeline import NOW

ONE, TWO, THREE, FOUR = (UUID(int=number) for number in range(1, 5))
ID = "00000000-0000-0000-0000-00000000000"
AT = "2026-03-01T09:00:00Z"

GOLDEN: list[tuple[Fact, str, dict[str, object]]] = [
    (
        events.LeadCreated(ONE, 1, "webform", NOW),
        f"leads/{ID}1",
        {"lead": f"leads/{ID}1", "source": "webform", "createTime": AT},
    ),
    (
        events.LeadAssigned(ONE, 2, TWO, NOW),
        f"leads/{ID}1",
        {"lead": f"leads/{ID}1", "owner": f"reps/{ID}2", "assignTime": AT},
    ),
    (
        events.LeadConverted(ONE, 3, TWO, THREE, FOUR, NOW),
        f"leads/{ID}1",
        {
            "lead": f"leads/{ID}1",
            "account": f"accounts/{ID}2",
            "contact": f"contacts/{ID}3",
            "opportunity": f"opportunities/{ID}4",
            "convertTime": AT,
        },
    ),
    (
        events.OpportunityStageChanged(ONE, 2, "QUALIFY", "DEVELOP", NOW + timedelta(microseconds=5)),
        f"opportunities/{ID}1",
        {
            "opportunity": f"opportunities/{ID}1",
            "fromStage": "QUALIFY",
            "toStage": "DEVELOP",
            "changeTime": "2026-03-01T09:00:00.000005Z",
        },
    ),
    (
        events.OpportunityWon(
            ONE, 6, TWO, THREE, (events.SoldLine(FOUR, 3, Money(1_800_50, "USD")),), Money(5_401_50, "USD"), NOW
        ),
        f"opportunities/{ID}1",
        {
            "opportunity": f"opportunities/{ID}1",
            "account": f"accounts/{ID}2",
            "quote": f"quotes/{ID}3",
            "lines": [
                {
                    "product": f"products/{ID}4",
                    "quantity": "3",
                    "unitPrice": {"currencyCode": "USD", "units": "1800", "nanos": 500000000},
                }
            ],
            "total": {"currencyCode": "USD", "units": "5401", "nanos": 500000000},
            "winTime": AT,
        },
    ),
]


@pytest.mark.parametrize(("fact", "subject", "body"), GOLDEN, ids=lambda value: type(value).__name__)
def test_a_fact_goes_out_as_this_event(fact: Fact, subject: str, body: dict[str, object]) -> None:
    event = publish.to_event(fact)
    name = type(fact).__name__
    assert (event.type, event.schema) == (name, f"kehu.pipeline.v1.{name}")
    assert (event.subject, event.version) == (subject, fact.version)
    assert json.loads(event.payload) == body


def test_every_fact_has_its_event() -> None:
    assert {type(fact) for fact, _, _ in GOLDEN} == set(Fact.__args__)


def test_what_is_no_fact_is_not_published() -> None:
    with pytest.raises(TypeError, match="str is not published"):
        publish.to_event("news")


def test_facts_go_out_with_the_transaction_or_not_at_all(database: Database[PipelineUnit]) -> None:
    facts = [fact for fact, _, _ in GOLDEN]

    def fail(unit: PipelineUnit) -> None:
        unit.emit(facts)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.write(fail)
    assert database.read(sent) == []
    database.write(lambda unit: unit.emit(facts))
    assert database.read(sent) == [(type(fact).__name__, fact.version) for fact in facts]


def sent(unit: PipelineUnit) -> list[tuple[str, int]]:
    rows = unit.connection.execute(text("select type, subject_version from outbox order by sequence"))
    return [(row.type, row.subject_version) for row in rows]
