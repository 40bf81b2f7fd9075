"""What goes into the stores comes out of them."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.pipeline.domain.contact import AccountRole, Role
from services.pipeline.domain.keys import Key
from services.pipeline.domain.lead import LeadState
from services.pipeline.storage.unit import PipelineUnit
from tests.support.builders import pipeline as build
from tests.support.builders.pipeline import NOW, after

Db = Database[PipelineUnit]


def test_a_sales_person_is_kept(database: Db) -> None:
    rep = build.rep(weight=7)

    def keep(unit: PipelineUnit) -> None:
        unit.reps.add(rep)
        assert unit.reps.get(rep.id) == unit.reps.lock(rep.id) == rep
        unit.reps.save(rep.revised({"available": False}, after(1)))
        assert unit.reps.all() == [rep.revised({"available": False}, after(1))]

    database.write(keep)


def test_an_account_is_kept_and_found_by_any_spelling_of_its_name(database: Db) -> None:
    owner, top = build.rep(), build.account("Blue Door Ltd.")
    below = build.account("Blue Door GmbH", parent=top.id, owner=owner.id, industry="retail", website="https://a.b")

    def keep(unit: PipelineUnit) -> None:
        unit.reps.add(owner)
        unit.accounts.add(top)
        unit.accounts.add(below)
        assert unit.accounts.get(below.id) == below
        oldest = min((top, below), key=lambda account: account.id)
        assert unit.accounts.matching("bluedoor") == oldest
        assert unit.accounts.matching("reddoor") is None
        assert unit.accounts.is_below(below.id, top.id)
        assert unit.accounts.is_below(top.id, top.id)
        assert not unit.accounts.is_below(top.id, below.id)
        everything = Page(10)
        assert unit.accounts.page(everything, parent=top.id, owner=None) == [below]
        assert unit.accounts.page(everything, parent=None, owner=owner.id) == [below]
        assert unit.accounts.page(everything, parent=top.id, owner=uuid4()) == []

    database.write(keep)


def test_a_contact_is_kept_with_its_parts_in_their_order(database: Db) -> None:
    here, there = build.account(), build.account("Other")
    parts = (AccountRole(there.id, Role.USER, 2), AccountRole(here.id, Role.DECIDER, 5), AccountRole(here.id))
    contact = build.contact(*parts, email="fang@example.com", phone="+8613800138000", job_title="Owner")

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(here)
        unit.accounts.add(there)
        unit.contacts.add(contact)
        assert unit.contacts.get(contact.id) == contact
        assert unit.contacts.roles_in(here.id) == {Role.DECIDER, Role.UNSPECIFIED}
        assert unit.contacts.page(Page(10), account=here.id) == [contact]
        assert unit.contacts.page(Page(10), account=uuid4()) == []
        fewer = contact.revised({"account_roles": parts[:1]}, after(1))
        unit.contacts.save(fewer)
        assert unit.contacts.get(contact.id) == fewer
        assert unit.contacts.roles_in(here.id) == frozenset()

    database.write(keep)


def test_a_contact_matches_by_address_before_number_and_nothing_matches_nothing(database: Db) -> None:
    by_email, by_phone = build.contact(email="a@b.cn"), build.contact(phone="+861")
    nameless = build.contact()

    def keep(unit: PipelineUnit) -> None:
        for contact in (by_email, by_phone, nameless):
            unit.contacts.add(contact)
        assert unit.contacts.matching(email="a@b.cn", phone="+861") == by_email
        assert unit.contacts.matching(email="", phone="+861") == by_phone
        assert unit.contacts.matching(email="x@b.cn", phone="+861") == by_phone
        assert unit.contacts.matching(email="", phone="") is None

    database.write(keep)


def test_a_lead_is_found_by_its_keys_until_it_is_closed(database: Db) -> None:
    lead = build.lead(phone="+8613800138000", note="two lines\nof text", company_name="Blue Door", display_name="Fang")

    def keep(unit: PipelineUnit) -> None:
        unit.leads.add(lead)
        assert unit.leads.get(lead.id) == lead
        assert unit.leads.open_with([Key("phone", "+8613800138000")]) == lead
        assert unit.leads.open_with([Key("email", "+8613800138000")]) is None
        assert unit.leads.page(Page(10), owner=None, state=LeadState.OPEN) == [lead]
        closed = lead.disqualified("spam", after(1))
        unit.leads.save(closed)
        assert unit.leads.get(lead.id) == closed
        assert unit.leads.open_with(lead.keys) is None
        assert unit.leads.page(Page(10), owner=None, state=LeadState.OPEN) == []

    database.write(keep)


def test_one_key_never_belongs_to_two_open_leads(database: Db, capfd: pytest.CaptureFixture[str]) -> None:
    database.write(lambda unit: unit.leads.add(build.lead()))
    with pytest.raises(Fault) as caught:
        database.write(lambda unit: unit.leads.add(build.lead()))
    assert caught.value.reason == "CONFLICT"
    logged = "".join(capfd.readouterr())
    assert "lead_keys_pkey" in logged
    assert "fang@" not in logged


def test_an_opportunity_is_kept_with_every_field(database: Db) -> None:
    account, contact, owner = build.account(), build.contact(), build.rep()
    opportunity = build.opportunity(
        account=account.id,
        contact=contact.id,
        owner=owner.id,
        amount=Money(0, "JPY"),
        close_date=date(2026, 12, 31),
        quote=uuid4(),
        order=uuid4(),
        loss_reason="price",
        competitor="Rival",
    )

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(account)
        unit.contacts.add(contact)
        unit.reps.add(owner)
        begun = opportunity.begun("tester")
        unit.opportunities.begin(begun)
        assert unit.opportunities.get(opportunity.id) == begun.opportunity
        assert unit.opportunities.find_locked(uuid4()) is None
        assert unit.opportunities.steps(opportunity.id, Page(10)) == list(begun.steps)
        for found in (
            unit.opportunities.page(Page(10), account=account.id, owner=None, stage=None),
            unit.opportunities.page(Page(10), account=None, owner=owner.id, stage="QUALIFY"),
        ):
            assert found == [begun.opportunity]
        assert unit.opportunities.page(Page(10), account=None, owner=None, stage="WON") == []

    database.write(keep)


def test_history_comes_in_pages(database: Db) -> None:
    account = build.account()
    changed = build.ripe(account=account.id).begun("tester")

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(account)
        unit.opportunities.begin(changed)
        present = changed.opportunity
        for minute in range(1, 4):
            revised = present.revised({"amount": Money(minute, "USD")}, by="tester", now=after(minute))
            unit.opportunities.change(revised)
            present = revised.opportunity
        first = unit.opportunities.steps(present.id, Page(2))
        assert [step.number for step in first] == [1, 2, 3]
        assert [step.number for step in unit.opportunities.steps(present.id, Page(2, ("2",)))] == [3, 4]

    database.write(keep)


def test_a_quote_is_kept_intact(database: Db) -> None:
    account = build.account()
    begun = build.opportunity(account=account.id).begun("tester")
    lines = [build.line(2, 5, "JPY", title="机器"), build.line(1, 0, "JPY"), build.line(3, 7, "JPY")]
    offered = build.quote(begun.opportunity.id, *lines, expire_time=after(60))

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(account)
        unit.opportunities.begin(begun)
        assert unit.quotes.live(begun.opportunity.id) is None
        assert unit.quotes.revisions(begun.opportunity.id) == 0
        unit.quotes.add(offered)
        assert unit.quotes.get(offered.id) == offered
        unit.quotes.get(offered.id).require_intact()
        assert unit.quotes.live(begun.opportunity.id) == offered
        assert unit.quotes.revisions(begun.opportunity.id) == 1
        unit.quotes.save(offered.superseded(after(1)))
        assert unit.quotes.live(begun.opportunity.id) is None
        assert unit.quotes.page(Page(10), opportunity=begun.opportunity.id) == [offered.superseded(after(1))]
        assert unit.quotes.page(Page(10), opportunity=uuid4()) == []

    database.write(keep)


def test_an_opportunity_has_one_live_quote(database: Db) -> None:
    account = build.account()
    begun = build.opportunity(account=account.id).begun("tester")

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(account)
        unit.opportunities.begin(begun)
        unit.quotes.add(build.quote(begun.opportunity.id))
        unit.quotes.add(build.quote(begun.opportunity.id, revision=2))

    with pytest.raises(Fault) as caught:
        database.write(keep)
    assert caught.value.reason == "CONFLICT"


def test_an_assignment_is_kept_with_all_that_the_rule_saw(database: Db) -> None:
    reps, lead = [build.rep(weight=2), build.rep(), build.rep(available=False)], build.lead()

    def keep(unit: PipelineUnit) -> None:
        for rep in reps:
            unit.reps.add(rep)
        unit.leads.add(lead)
        before = unit.assignments.lock_rotation()
        rotation, choice = before.assign(unit.reps.all())
        assert choice is not None
        unit.assignments.save_rotation(rotation)
        assert unit.assignments.lock_rotation() == rotation
        with pytest.raises(Fault):
            unit.assignments.get(lead.id)
        assignment = build.assigned(lead.id, choice)
        unit.assignments.add(assignment)
        assert unit.assignments.get(lead.id) == assignment

    database.write(keep)


@pytest.mark.parametrize("store", ["reps", "accounts", "contacts", "leads", "opportunities", "quotes"])
def test_what_is_not_there_is_not_found(database: Db, store: str) -> None:
    missing = uuid4()

    def look(unit: PipelineUnit, way: str) -> None:
        getattr(getattr(unit, store), way)(missing)

    for way in ("get", "lock"):
        with pytest.raises(Fault) as caught:
            database.write(look, way)
        assert caught.value.metadata == {"name": f"{store}/{missing}"}


def test_pages_follow_each_other_without_gap_or_overlap(database: Db) -> None:
    reps = sorted((build.rep() for _ in range(5)), key=lambda rep: rep.id)

    def keep(unit: PipelineUnit) -> None:
        for rep in reps:
            unit.reps.add(rep)
        assert unit.reps.page(Page(2)) == reps[:3]
        assert unit.reps.page(Page(2, (str(reps[1].id),))) == reps[2:]

    database.write(keep)


def test_instants_come_back_in_utc(database: Db) -> None:
    rep = build.rep()
    database.write(lambda unit: unit.reps.add(rep))
    found = database.read(lambda unit: unit.reps.get(rep.id))
    assert found.create_time.isoformat() == NOW.isoformat()
