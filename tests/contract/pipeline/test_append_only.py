"""History, choices and offers: no statement changes them, whoever sends it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from kit.db import Database, migrations
from kit.db.engines import sync_url
from kit.errors import Fault
from services.pipeline.storage.unit import PipelineUnit
from tests.support.builders import pipeline as build
from tests.support.postgres import Databases

STATEMENTS = [
    "update stage_changes set to_stage = 'WON'",
    "update stage_changes set change_time = now()",
    "delete from stage_changes",
    "update assignments set reason = 'because'",
    "delete from assignments",
    "update quote_lines set unit_price = 1",
    "delete from quote_lines",
    "update quotes set total = 1",
    "update quotes set content_hash = ''",
    "update quotes set expire_time = null",
    "delete from quotes",
]


def test_even_the_owner_of_the_server_is_refused(database: Database[PipelineUnit]) -> None:
    database.write(fill)
    for statement in STATEMENTS:
        with pytest.raises(Fault) as caught:
            database.write(run, statement)
        assert "may only grow" in str(caught.value.__cause__), statement


@pytest.fixture
def engine(postgres: Databases) -> Iterator[Engine]:
    """A migrated database, seen as the service sees it: with a role of its own that owns the tables."""
    admin = create_engine(sync_url(postgres.admin_url), isolation_level="AUTOCOMMIT")
    name = f"pipeline_{secrets.token_hex(6)}"
    with admin.connect() as connection:
        connection.execute(text(f"create role {name} login password 'secret'"))
        connection.execute(text(f"create database {name} owner {name}"))
    url = make_url(postgres.admin_url).set(username=name, password="secret", database=name)
    migrations.upgrade("services.pipeline", url.render_as_string(hide_password=False))
    engine = create_engine(url.set(drivername="postgresql+psycopg2"))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
        connection.execute(text(f"drop role {name}"))
    admin.dispose()


def test_the_service_has_no_right_to_change_what_only_grows(engine: Engine) -> None:
    with engine.connect() as connection:
        for table in ("stage_changes", "assignments", "quote_lines"):
            rights = {
                right: connection.scalar(text(f"select has_table_privilege('{table}', '{right}')"))
                for right in ("select", "insert", "update", "delete", "truncate")
            }
            assert {right for right, held in rights.items() if held} == {"select", "insert"}


def run(unit: PipelineUnit, statement: str) -> None:
    unit.connection.execute(text(statement))


def fill(unit: PipelineUnit) -> None:
    """One row in each of the tables."""
    account, rep, lead = build.account(), build.rep(), build.lead()
    begun = build.opportunity(account=account.id).begun("tester")
    unit.accounts.add(account)
    unit.reps.add(rep)
    unit.leads.add(lead)
    unit.opportunities.begin(begun)
    unit.quotes.add(build.quote(begun.opportunity.id))
    _, choice = unit.assignments.lock_rotation().assign([rep])
    assert choice is not None
    unit.assignments.add(build.assigned(lead.id, choice))
