"""Many at once, in real threads on a real database: one of them wins, the others learn of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.page import Page
from services.pipeline.domain.lead import LeadState
from services.pipeline.domain.quote import QuoteState
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import account, conversion, lead, opportunity, quote, rep
from services.pipeline.usecases.account import CreateAccount, UpdateAccount
from services.pipeline.usecases.conversion import ConvertLead, NewIds
from services.pipeline.usecases.lead import Captured, CaptureLead
from services.pipeline.usecases.opportunity import CreateOpportunity, MoveOpportunity
from services.pipeline.usecases.quote import AcceptQuote, CreateQuote
from services.pipeline.usecases.rep import CreateRep
from tests.support.builders import pipeline as build

Db = Database[PipelineUnit]
R = TypeVar("R")
CROWD = 20


def at_once(calls: Sequence[Callable[[], R]]) -> list[R | Fault]:
    """Each call in a thread of its own, all let go in the same moment."""
    start = Barrier(len(calls))

    def run(call: Callable[[], R]) -> R | Fault:
        start.wait()
        try:
            return call()
        except Fault as fault:
            return fault

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def add_reps(database: Db, weights: Sequence[int]) -> list[UUID]:
    ids = [uuid4() for _ in weights]
    for rep_id, weight in zip(ids, weights, strict=True):
        database.write(rep.create, CreateRep(rep_id, "Han Meimei", weight, available=True))
    return ids


@pytest.mark.parametrize(
    "known",
    [
        {"email": "fang@example.com"},
        {"phone": "+8613800138000"},
        {"company_name": "Blue Door Ltd."},
        {"email": "fang@example.com", "phone": "+8613800138000", "company_name": "Blue Door"},
    ],
)
def test_twenty_captures_of_one_key_make_one_lead(database: Db, known: dict[str, str]) -> None:
    add_reps(database, [1, 1])

    def capture() -> Captured:
        return database.write(lead.capture, CaptureLead(uuid4(), "webform", **known))

    captured = [each for each in at_once([capture] * CROWD) if isinstance(each, Captured)]
    assert len(captured) == CROWD
    assert len({each.lead.id for each in captured}) == 1
    assert [each.duplicate for each in captured].count(False) == 1
    assert len(database.read(lambda unit: unit.leads.page(Page(50), owner=None, state=None))) == 1


def test_captures_with_crossed_keys_do_not_lock_each_other_out(database: Db) -> None:
    add_reps(database, [1])
    pairs = [("a@b.cn", "+861"), ("b@b.cn", "+861"), ("a@b.cn", "+862"), ("b@b.cn", "+862")]

    def capture(email: str, phone: str) -> Captured:
        return database.write(lead.capture, CaptureLead(uuid4(), "webform", email=email, phone=phone))

    outcomes = at_once([partial(capture, *pair) for pair in pairs * 5])
    assert all(isinstance(each, Captured) for each in outcomes)
    leads = database.read(lambda unit: unit.leads.page(Page(50), owner=None, state=None))
    keys = [key for each in leads for key in each.keys]
    assert len(keys) == len(set(keys))


def test_leads_that_come_at_once_are_given_fairly(database: Db) -> None:
    first, second, third = add_reps(database, [3, 2, 1])

    def capture() -> Captured:
        return database.write(lead.capture, CaptureLead(uuid4(), "webform", email=f"{uuid4()}@example.com"))

    captured = [each for _ in range(3) for each in at_once([capture] * CROWD) if isinstance(each, Captured)]
    assert Counter(each.lead.owner for each in captured) == {first: 30, second: 20, third: 10}
    sequences = sorted(
        database.read(lambda unit: [unit.assignments.get(each.lead.id).choice.sequence for each in captured])
    )
    assert sequences == list(range(1, 61))


def test_twenty_conversions_of_one_lead_make_one_opportunity(database: Db) -> None:
    captured = database.write(lead.capture, CaptureLead(uuid4(), "webform", email="a@b.cn", company_name="Blue Door"))

    outcomes = at_once([partial(convert, database, captured.lead.id)] * CROWD)
    refused = [each for each in outcomes if isinstance(each, Fault)]
    assert [each.reason for each in refused] == ["LEAD_CLOSED"] * (CROWD - 1)
    assert database.read(count_all) == (1, 1, 1)


def test_leads_of_one_company_converted_at_once_share_its_account(database: Db) -> None:
    leads = []
    for number in range(8):
        name = "Blue Door Ltd." if number % 2 else "BLUE DOOR"
        capture = CaptureLead(uuid4(), "webform", email=f"{number}@b.cn", company_name=name)
        leads.append(database.write(lead.capture, capture).lead.id)

    outcomes = at_once([partial(convert, database, lead_id) for lead_id in leads])
    converted = [each for each in outcomes if isinstance(each, conversion.Converted)]
    assert len(converted) == len(leads)
    assert len({each.account.id for each in converted}) == 1
    assert [each.account_reused for each in converted].count(False) == 1
    assert database.read(count_all) == (1, 8, 8)


def test_of_two_moves_with_one_etag_one_is_aborted(database: Db) -> None:
    deal = add_opportunity(database)

    def move() -> object:
        return database.write(opportunity.move, MoveOpportunity(deal, "tester", "DEVELOP", version=1))

    outcomes = at_once([move, move])
    assert [each.reason for each in outcomes if isinstance(each, Fault)] == ["ETAG_MISMATCH"]
    assert len(database.read(lambda unit: unit.opportunities.steps(deal, Page(9)))) == 2


def test_of_many_moves_without_an_etag_one_takes_place(database: Db) -> None:
    deal = add_opportunity(database)

    def move() -> object:
        return database.write(opportunity.move, MoveOpportunity(deal, "tester", "DEVELOP"))

    outcomes = at_once([move] * CROWD)
    assert [each.reason for each in outcomes if isinstance(each, Fault)] == ["STAGE_STEP_UNKNOWN"] * (CROWD - 1)


def test_quotes_offered_at_once_are_revisions_and_the_last_is_live(database: Db) -> None:
    deal = add_opportunity(database)

    def offer() -> object:
        return database.write(quote.create, CreateQuote(uuid4(), deal, (build.line(),)))

    assert not [each for each in at_once([offer] * CROWD) if isinstance(each, Fault)]
    kept = database.read(lambda unit: unit.quotes.page(Page(50), opportunity=deal))
    assert sorted(each.revision for each in kept) == list(range(1, CROWD + 1))
    assert [each.revision for each in kept if each.state is not QuoteState.SUPERSEDED] == [CROWD]


def test_a_quote_is_accepted_once_however_many_say_yes(database: Db) -> None:
    deal, offered = add_opportunity(database), uuid4()
    database.write(quote.create, CreateQuote(offered, deal, (build.line(),)))

    def accept() -> object:
        return database.write(quote.accept, AcceptQuote(offered))

    outcomes = at_once([accept] * CROWD)
    assert [each.reason for each in outcomes if isinstance(each, Fault)] == ["QUOTE_NOT_OFFERED"] * (CROWD - 1)


def test_two_parents_chosen_at_once_never_make_a_circle(database: Db) -> None:
    left, right = uuid4(), uuid4()
    for each in (left, right):
        database.write(account.create, CreateAccount(each, {"display_name": "Blue Door"}))

    def put(below: UUID, above: UUID | None) -> object:
        return database.write(account.update, UpdateAccount(below, {"parent": above}))

    for _ in range(5):
        outcomes = at_once([partial(put, left, right), partial(put, right, left)])
        assert [fault.reason for fault in outcomes if isinstance(fault, Fault)] == ["ACCOUNT_CYCLE"]
        put(left, None)
        put(right, None)


def test_waiting_leads_are_given_once_though_two_replicas_look(database: Db) -> None:
    for number in range(30):
        database.write(lead.capture, CaptureLead(uuid4(), "webform", email=f"{number}@b.cn"))
    add_reps(database, [1, 1])

    def give() -> int:
        return database.write(lead.assign_waiting, 20)

    given = [each for each in at_once([give, give]) if isinstance(each, int)]
    assert sum(given) + give() == 30
    leads = database.read(lambda unit: unit.leads.page(Page(50), owner=None, state=LeadState.OPEN))
    assert set(Counter(each.owner for each in leads).values()) == {15}


def convert(database: Db, lead_id: UUID) -> conversion.Converted:
    new = NewIds(uuid4(), uuid4(), uuid4())
    return database.write(conversion.convert, ConvertLead(lead_id, "tester", new))


def add_opportunity(database: Db) -> UUID:
    """One with an amount, in the first stage."""
    owner, deal = uuid4(), uuid4()
    database.write(account.create, CreateAccount(owner, {"display_name": "Blue Door"}))
    fields = {"display_name": "Machines", "amount": build.line().amount}
    database.write(opportunity.create, CreateOpportunity(deal, "tester", owner, fields))
    return deal


def count_all(unit: PipelineUnit) -> tuple[int, int, int]:
    """Accounts, contacts, opportunities."""
    everything = Page(100)
    return (
        len(unit.accounts.page(everything, parent=None, owner=None)),
        len(unit.contacts.page(everything, account=None)),
        len(unit.opportunities.page(everything, account=None, owner=None, stage=None)),
    )
