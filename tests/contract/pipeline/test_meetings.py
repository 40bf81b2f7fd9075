"""A sales person goes to another part of the organisation, with all that is theirs, in the worst moment of others:
nobody waits in a circle, and all of it ends in that part."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kit.db import Database
from services.pipeline.domain.lead import LeadState
from services.pipeline.domain.opportunity import Opportunity
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import conversion, lead, opportunity, rep
from services.pipeline.usecases.conversion import ConvertLead, NewIds
from services.pipeline.usecases.lead import CaptureLead
from services.pipeline.usecases.opportunity import LinkOrder
from services.pipeline.usecases.rep import UpdateRep
from tests.support.builders import pipeline as build
from tests.support.meetings import deadlocks, meet

Db = Database[PipelineUnit]
PART = "/cn/east"


@pytest.fixture
def person(database: Db) -> UUID:
    """The only sales person."""
    made = build.rep()
    database.write(lambda unit: unit.reps.add(made))
    return made.id


def capture(database: Db, **known: str) -> UUID:
    captured = database.write(lead.capture, CaptureLead(uuid4(), "webform", **known))
    assert not captured.duplicate
    return captured.lead.id


def convert(database: Db, lead_id: UUID) -> object:
    return database.write(conversion.convert, ConvertLead(lead_id, "tester", NewIds(uuid4(), uuid4(), uuid4())))


def add(unit: PipelineUnit, deal: Opportunity) -> None:
    unit.opportunities.add(deal)


def move(unit: Any, person: UUID) -> None:
    rep.update(unit, UpdateRep(person, {"org": PART}))


def test_a_lead_is_converted_while_its_owner_moves(database: Db, person: UUID) -> None:
    known = capture(database, email="a@b.cn", company_name="Blue Door")
    before = deadlocks()
    meet(
        database,
        lambda unit: unit.reps.lock(person),
        lambda: convert(database, known),
        then=lambda unit: move(unit, person),
    )
    assert deadlocks() == before
    assert database.read(lambda unit: unit.leads.get(known)).state is LeadState.CONVERTED
    parts = "select org from leads union select org from accounts union select org from opportunities"
    assert database.read(lambda unit: unit.connection.execute(text(parts)).all()) == [(PART,)]


def test_a_lead_is_converted_while_another_one_of_its_company_comes_for_the_owner_who_moves(
    database: Db, person: UUID
) -> None:
    known = capture(database, email="a@b.cn", company_name="Blue Door")
    before = deadlocks()
    meet(
        database,
        lambda unit: unit.reps.lock(person),
        lambda: capture(database, company_name="Blue Door"),
        lambda: convert(database, known),
        then=lambda unit: move(unit, person),
    )
    assert deadlocks() == before
    assert database.read(lambda unit: unit.leads.get(known)).org == PART


def test_opportunities_get_their_orders_while_their_owner_moves(database: Db, person: UUID) -> None:
    account = build.account()
    second, first = sorted((uuid4(), uuid4()), reverse=True)  # stored in this order
    deals = [build.opportunity(id=key, account=account.id, owner=person) for key in (second, first)]
    database.write(lambda unit: unit.accounts.add(account))
    for deal in deals:
        database.write(add, deal)
    database.write(lambda unit: unit.connection.execute(text("analyze opportunities")))  # reads them as they are stored
    links = [LinkOrder(key, uuid4()) for key in (first, second)]
    before = deadlocks()
    meet(
        database,
        lambda unit: unit.opportunities.lock(second),
        lambda: database.write(move, person),
        lambda: database.write(opportunity.link_orders, links),
    )
    assert deadlocks() == before
    kept = database.read(lambda unit: [unit.opportunities.get(key) for key in (first, second)])
    assert [(each.org, each.order) for each in kept] == [(PART, link.order) for link in links]
