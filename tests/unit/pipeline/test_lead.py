"""Leads, from capture to their end."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kit.errors import Fault
from services.pipeline.domain.events import LeadAssigned, LeadConverted, LeadCreated
from services.pipeline.domain.keys import Key
from services.pipeline.domain.lead import Lead, LeadState
from tests.support.builders.pipeline import NOW, after, lead


def test_a_lead_comes_in_under_its_keys() -> None:
    captured, facts = lead(phone="+8613800138000").captured()
    assert captured.keys == (Key("email", "fang@example.com"), Key("phone", "+8613800138000"))
    assert facts == [LeadCreated(captured.id, 1, "webform", NOW)]


def test_two_people_of_one_company_are_two_leads() -> None:
    assert lead(company_name="Blue Door").keys == (Key("email", "fang@example.com"),)


def test_a_company_is_the_key_where_no_person_is_known() -> None:
    assert lead(email="", company_name="Blue Door Ltd.").keys == (Key("company", "bluedoor"),)


@pytest.mark.parametrize("company_name", ["", "  ", "!?"])
def test_a_lead_that_nobody_could_find_again_is_refused(company_name: str) -> None:
    with pytest.raises(Fault) as caught:
        lead(email="", company_name=company_name, display_name="Somebody").captured()
    assert caught.value.violations[0].field == "lead"


def test_a_lead_is_given_to_somebody() -> None:
    owner = uuid4()
    given, facts = lead().assigned(owner, after(1))
    assert (given.owner, given.version, given.update_time) == (owner, 2, after(1))
    assert facts == [LeadAssigned(given.id, 2, owner, after(1))]


def test_a_lead_converts_once() -> None:
    converted, facts = convert(lead())
    assert converted.state is LeadState.CONVERTED
    assert converted.opportunity is not None
    assert isinstance(facts[0], LeadConverted)
    for again in (lambda: convert(converted), lambda: converted.disqualified("late", NOW)):
        with pytest.raises(Fault) as caught:
            again()
        assert caught.value.reason == "LEAD_CLOSED"
        assert caught.value.metadata["state"] == "CONVERTED"


def test_giving_up_takes_a_reason() -> None:
    with pytest.raises(Fault) as caught:
        lead().disqualified("  ", NOW)
    assert caught.value.violations[0].field == "reason"
    assert lead().disqualified("spam", after(2)).disqualify_reason == "spam"


@pytest.mark.parametrize(
    ("known", "person", "organisation"),
    [
        ({"display_name": "Wang Fang", "company_name": "Blue Door"}, "Wang Fang", "Blue Door"),
        ({"display_name": "Wang Fang"}, "Wang Fang", "Wang Fang"),
        ({}, "fang@example.com", "fang@example.com"),
        ({"email": "", "phone": "+8613800138000"}, "+8613800138000", "+8613800138000"),
        ({"email": "", "company_name": "Blue Door"}, "Blue Door", "Blue Door"),
    ],
)
def test_a_lead_is_called_by_the_best_that_is_known(known: dict[str, str], person: str, organisation: str) -> None:
    assert (lead(**known).person, lead(**known).organisation) == (person, organisation)


def convert(given: Lead) -> tuple[Lead, list[object]]:
    converted, facts = given.converted(account=uuid4(), contact=uuid4(), opportunity=uuid4(), now=NOW)
    return converted, list(facts)
