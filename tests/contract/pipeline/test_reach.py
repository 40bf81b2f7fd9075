"""Parts of the organisation in SQL: lists agree with single reads, and come by the indexes made for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, text

from kit.db import Database
from kit.org import outside, within
from kit.page import Page
from services.pipeline.domain.contact import AccountRole
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import account, lead, rep
from services.pipeline.usecases.account import CreateAccount, UpdateAccount
from services.pipeline.usecases.lead import CaptureLead
from services.pipeline.usecases.rep import UpdateRep
from tests.support.builders import pipeline as build
from tests.support.statements import indexes, plans

Db = Database[PipelineUnit]
ALL = Page(1000)
ORGS = ("", "/cn", "/cn/east", "/cn/east/li", "/cn/east2", "/cn/eas", "/cn/east%", "/cn/east/li/x")


class RolledBack(Exception):
    """Ends an example's transaction."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(ORGS), min_size=1, max_size=8), org=st.sampled_from(ORGS[1:]))
def test_lists_show_what_single_reads_show(database: Db, parts: list[str], org: str) -> None:
    def check(unit: PipelineUnit) -> None:
        accounts = [build.account(org=part) for part in parts]
        contacts = [build.contact(org=part) for part in parts]
        of_accounts = [build.contact(AccountRole(each.id)) for each in accounts]
        deals = [build.opportunity(account=accounts[0].id, org=part) for part in parts]
        for each in accounts:
            unit.accounts.add(each)
        for contact in (*contacts, *of_accounts):
            unit.contacts.add(contact)
        for deal in deals:
            unit.opportunities.begin(deal.begun("tester"))
        quotes = [build.quote(deal.id) for deal in deals]
        for quote in quotes:
            unit.quotes.add(quote)

        shown = {
            "accounts": [each.id for each in unit.accounts.page(ALL, parent=None, owner=None, org=org)],
            "contacts": [each.id for each in unit.contacts.page(ALL, account=None, org=org)],
            "opportunities": [
                each.id for each in unit.opportunities.page(ALL, account=None, owner=None, stage=None, org=org)
            ],
            "quotes": [each.id for each in unit.quotes.page(ALL, opportunity=None, org=org)],
        }
        inside = [part != "" and within(part, org) for part in parts]
        made = {
            "accounts": list(zip((each.id for each in accounts), inside, strict=True)),
            "contacts": list(zip((each.id for each in (*contacts, *of_accounts)), inside * 2, strict=True)),
            "opportunities": list(zip((each.id for each in deals), inside, strict=True)),
            "quotes": list(zip((each.id for each in quotes), inside, strict=True)),
        }
        for kind, things in made.items():
            assert shown[kind] == sorted(thing for thing, is_inside in things if is_inside)
            for thing, is_inside in things:
                assert (outside(unit, org, {kind: [str(thing)]}) is None) is is_inside
        raise RolledBack

    with pytest.raises(RolledBack):
        database.write(check)


def test_whoever_moves_and_what_comes_to_them_meanwhile_end_in_one_part(database: Db) -> None:
    """Leads are captured and accounts handed over while their owner goes from part to part."""
    person = build.rep()
    database.write(lambda unit: unit.reps.add(person))
    orphan = build.account("Orphan")
    database.write(lambda unit: unit.accounts.add(orphan))

    def act(number: int) -> None:
        kind = number % 3
        if kind == 0:
            database.write(rep.update, UpdateRep(person.id, {"org": f"/cn/{number}"}))
        elif kind == 1:
            database.write(lead.capture, CaptureLead(uuid4(), "webform", email=f"{number}@example.com"))
        else:
            database.write(account.create, CreateAccount(uuid4(), {"display_name": f"A{number}", "owner": person.id}))
            database.write(account.update, UpdateAccount(orphan.id, {"owner": person.id if number % 2 else None}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(60)))

    def apart(unit: PipelineUnit) -> list[tuple[str, str]]:
        rows = unit.connection.execute(
            text("""
                select t.org, r.org from (select owner, org from leads union all select owner, org from accounts) t
                join reps r on r.id = t.owner where t.org <> r.org
            """)
        )
        return [(row[0], row[1]) for row in rows]

    assert database.read(apart) == []


@pytest.mark.parametrize("table", ["accounts", "leads", "opportunities"])
def test_a_page_of_a_small_part_comes_by_its_index_and_of_a_large_one_by_the_key(database: Db, table: str) -> None:
    database.write(_crowd)
    store: Callable[[PipelineUnit], ResourceStore[Any]] = lambda unit: getattr(unit, table)  # noqa: E731

    assert f"{table}_by_org" in _indexes(database, store, "/cn/east/tiny")
    assert _indexes(database, store, "/cn/east") == [f"{table}_pkey"]


def test_the_quotes_and_contacts_of_a_small_part_are_found_from_what_it_has(database: Db) -> None:
    database.write(_crowd)
    database.write(_more)

    def quotes(unit: PipelineUnit) -> None:
        unit.quotes.page(Page(50), opportunity=None, org="/cn/east/tiny")

    def contacts(unit: PipelineUnit) -> None:
        unit.contacts.page(Page(50), account=None, org="/cn/east/tiny")

    assert {"opportunities_by_org", "quotes_revisions"} <= _indexes_of(database, quotes)
    assert {"accounts_by_org", "account_roles_by_account"} <= _indexes_of(database, contacts)


def _more(unit: PipelineUnit) -> None:
    """A quote for each opportunity, a contact for each account."""
    for statement in (
        """insert into quotes (id, opportunity, revision, total, currency, content_hash, state, create_time,
                               update_time, version)
           select gen_random_uuid(), id, 1, 1, 'USD', '', 'OFFERED', now(), now(), 1 from opportunities""",
        """insert into contacts (id, display_name, job_title, phone, email, create_time, update_time, version)
           select id, 'x', '', '', '', now(), now(), 1 from accounts""",
        """insert into account_roles (contact, position, account, role, influence)
           select id, 0, id, 'USER', 0 from accounts""",
    ):
        unit.connection.execute(text(statement))
    for table in ("quotes", "contacts", "account_roles"):
        unit.connection.execute(text(f"analyze {table}"))


def _indexes_of(database: Db, read: Callable[[PipelineUnit], object]) -> set[str]:
    """The indexes that a read goes by."""

    def explain(unit: PipelineUnit) -> set[str]:
        return set(indexes(plans(unit.connection, lambda: read(unit))[0]))

    return database.read(explain)


def _crowd(unit: PipelineUnit) -> None:
    """30,000 of each kind, all but 1,000 of them in one part, 10 of them in a small one."""
    org = "case when n <= 10 then '/cn/east/tiny' when n <= 1000 then '' else '/cn/east/' || n % 50 end"
    rows = "from generate_series(1, 30000) n"
    now = "now(), now(), 1"
    account = build.account()
    unit.accounts.add(account)
    for statement in (
        f"""insert into accounts (id, display_name, match_key, industry, website, create_time, update_time, version,
                                  org)
            select gen_random_uuid(), 'x', 'x', '', '', {now}, {org} {rows}""",
        f"""insert into leads (id, source, display_name, company_name, phone, email, note, state, disqualify_reason,
                               create_time, update_time, version, org)
            select gen_random_uuid(), 'x', '', '', '', '', '', 'OPEN', '', {now}, {org} {rows}""",
        f"""insert into opportunities (id, display_name, account, stage, stage_time, loss_reason, competitor, steps,
                                       create_time, update_time, version, org)
            select gen_random_uuid(), 'x', '{account.id}', 'QUALIFY', now(), '', '', 0, {now}, {org} {rows}""",
    ):
        unit.connection.execute(text(statement))
    for table in ("accounts", "leads", "opportunities"):
        unit.connection.execute(text(f"analyze {table}"))


def _indexes(database: Db, store: Callable[[PipelineUnit], ResourceStore[Any]], org: str) -> list[str]:
    """The indexes by which a page after another one of a part comes."""

    def explain(unit: PipelineUnit) -> list[str]:
        kept = store(unit)
        plans: list[Any] = []

        def many(statement: Select[Any]) -> Sequence[Any]:
            compiled = statement.compile(unit.connection.engine, compile_kwargs={"render_postcompile": True})
            plans.append(unit.connection.exec_driver_sql(f"explain (format json) {compiled}", compiled.params).scalar())
            return []

        kept._many = many  # type: ignore[method-assign,assignment]
        after = Page(50, (str(UUID(int=0)),))
        kept._page(after, *kept._of(org))
        return sorted(set(indexes(plans[0][0]["Plan"])))

    return database.read(explain)
