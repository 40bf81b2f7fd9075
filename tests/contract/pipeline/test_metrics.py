"""What pipeline counts: leads and opportunities, once they are committed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from kit.db import Database
from services.pipeline import consumer, metrics, publish
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import conversion, lead
from services.pipeline.usecases.conversion import ConvertLead, NewIds
from services.pipeline.usecases.lead import CaptureLead, DisqualifyLead
from tests.support.builders.pipeline import NOW


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted(url: str, clock: Clock) -> Iterator[Database[PipelineUnit]]:
    """A database whose commits are counted."""
    database = Database(url, partial(PipelineUnit, publish=publish.to_event), committed=metrics.count, clock=clock)
    yield database
    database.close()


def of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def test_leads_and_how_long_they_waited_for_an_answer(counted: Database[PipelineUnit], clock: Clock) -> None:
    kinds = ["converted", "disqualified"]
    captured, decided = of("leads_captured_total"), [of("leads_decided_total", outcome=kind) for kind in kinds]
    waited, answered = of("lead_response_seconds_sum"), of("lead_response_seconds_count")
    ids = [uuid4(), uuid4(), uuid4()]
    for number, id_ in enumerate(ids):
        command = CaptureLead(id_, "webform", email=f"{number}@example.com")
        counted.write(lead.capture, command)
        assert counted.write(lead.capture, command).duplicate
    counted.write(consumer.tell_leads)
    assert of("leads_unassigned") == len(ids)
    clock.now += timedelta(hours=1)
    counted.write(lead.disqualify, DisqualifyLead(ids[0], "no interest"))
    clock.now += timedelta(hours=1)
    counted.write(conversion.convert, ConvertLead(ids[1], "tests", NewIds(uuid4(), uuid4(), uuid4())))
    counted.write(consumer.tell_leads)
    counted.write(consumer.tell_funnel)
    assert of("leads_captured_total") - captured == len(ids)
    assert [of("leads_decided_total", outcome=kind) for kind in kinds] == [each + 1 for each in decided]
    assert of("lead_response_seconds_count") - answered == 2
    assert of("lead_response_seconds_sum") - waited == timedelta(hours=3).total_seconds()
    assert of("leads_unassigned") == 1
    assert (of("opportunities_open", stage="QUALIFY"), of("opportunities_open", stage="PROPOSE")) == (1, 0)
