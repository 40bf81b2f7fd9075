"""CaptureLead, GetLead, ListLeads, GetAssignment, ConvertLead, DisqualifyLead."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import grpc
import pytest
from google.type.date_pb2 import Date
from kehu.pipeline.v1 import contact_pb2, lead_pb2, opportunity_pb2

from tests.component.pipeline.calls import CLOSE, Stub, add_account, add_contact, add_rep, capture, convert, usd
from tests.support.rpc import refused


async def test_a_lead_is_kept_normalised_and_given_to_somebody(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    answer = await capture(pipeline, display_name="王芳", phone="138-0013-8000", email="F@B.cn", note="two\nlines")
    lead = answer.lead
    assert not answer.duplicate
    assert (lead.phone, lead.email, lead.note, lead.owner) == ("+8613800138000", "f@b.cn", "two\nlines", rep.name)
    assert lead.state == lead_pb2.LEAD_STATE_OPEN
    assert await pipeline.GetLead(lead_pb2.GetLeadRequest(name=lead.name)) == lead


async def test_a_number_is_read_in_the_region_that_is_named(pipeline: Stub) -> None:
    lead = lead_pb2.Lead(source="fair", phone="(030) 901820")
    answer = await pipeline.CaptureLead(lead_pb2.CaptureLeadRequest(lead=lead, region_code="DE"))
    assert answer.lead.phone == "+4930901820"


async def test_twenty_calls_with_one_key_make_one_lead(pipeline: Stub) -> None:
    await add_rep(pipeline)
    answers = await asyncio.gather(*(capture(pipeline, email="Fang@Example.com", source=f"s{n}") for n in range(20)))
    assert len({answer.lead.name for answer in answers}) == 1
    assert Counter(answer.duplicate for answer in answers) == {True: 19, False: 1}
    assert len({answer.lead.source for answer in answers}) == 1


async def test_a_new_key_beside_a_known_one_is_a_duplicate_too(pipeline: Stub) -> None:
    first = await capture(pipeline, email="a@b.cn")
    second = await capture(pipeline, email="a@b.cn", phone="13800138000")
    assert second.duplicate
    assert second.lead == first.lead


async def test_a_company_alone_is_a_key_and_beside_a_person_it_is_none(pipeline: Stub) -> None:
    first = await capture(pipeline, company_name="Blue Door Ltd.")
    assert (await capture(pipeline, company_name="BLUE DOOR")).lead.name == first.lead.name
    assert not (await capture(pipeline, company_name="Blue Door", email="a@b.cn")).duplicate


async def test_who_comes_back_after_the_end_is_a_new_lead(pipeline: Stub) -> None:
    first = (await capture(pipeline, email="a@b.cn")).lead
    await pipeline.DisqualifyLead(lead_pb2.DisqualifyLeadRequest(name=first.name, reason="no budget"))
    assert not (await capture(pipeline, email="a@b.cn")).duplicate


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": "Somebody"}, "lead"),
        ({"email": "a@b.cn", "source": ""}, "lead.source"),
        ({"email": "a@b.cn", "source": "Web Form"}, "lead.source"),
        ({"email": "@"}, "lead.email"),
        ({"phone": "abc"}, "lead.phone"),
        ({"email": "a@b.cn", "note": "a\0b"}, "lead.note"),
        ({"company_name": "Blue\nDoor"}, "lead.company_name"),
    ],
)
async def test_what_is_no_lead_is_refused_on_its_field(pipeline: Stub, fields: dict[str, object], field: str) -> None:
    refusal = await refused(capture(pipeline, **fields))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_leads_are_given_by_weight_and_each_choice_says_why(pipeline: Stub) -> None:
    heavy, light = await add_rep(pipeline, weight=2), await add_rep(pipeline, weight=1)
    away = await add_rep(pipeline, available=False)
    leads = [(await capture(pipeline, email=f"{number}@b.cn")).lead for number in range(6)]
    assert Counter(lead.owner for lead in leads) == {heavy.name: 4, light.name: 2}
    name = f"{leads[0].name}/assignment"
    assignment = await pipeline.GetAssignment(lead_pb2.GetAssignmentRequest(name=name))
    assert (assignment.name, assignment.owner, assignment.period, assignment.sequence) == (name, heavy.name, 1, 1)
    assert (assignment.rule, assignment.reason) == ("weighted-quota/1", "due first among 2 with room in their quota")
    assert {each.rep: each.standing for each in assignment.candidates} == {
        heavy.name: lead_pb2.CANDIDATE_STANDING_CHOSEN,
        light.name: lead_pb2.CANDIDATE_STANDING_LATER,
        away.name: lead_pb2.CANDIDATE_STANDING_UNAVAILABLE,
    }


async def test_a_lead_without_an_owner_has_no_assignment(pipeline: Stub) -> None:
    lead = (await capture(pipeline, email="a@b.cn")).lead
    assert lead.owner == ""
    name = f"{lead.name}/assignment"
    refusal = await refused(pipeline.GetAssignment(lead_pb2.GetAssignmentRequest(name=name)))
    assert (refusal.code, refusal.metadata) == (grpc.StatusCode.NOT_FOUND, {"name": name})


async def test_leads_are_listed_by_owner_and_by_state(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    first, second = [(await capture(pipeline, email=f"{number}@b.cn")).lead.name for number in range(2)]
    await pipeline.DisqualifyLead(lead_pb2.DisqualifyLeadRequest(name=first, reason="spam"))
    for request, expected in (
        (lead_pb2.ListLeadsRequest(), [first, second]),
        (lead_pb2.ListLeadsRequest(owner=rep.name, page_size=1), [first]),
        (lead_pb2.ListLeadsRequest(owner=rep.name, state=lead_pb2.LEAD_STATE_OPEN), [second]),
        (lead_pb2.ListLeadsRequest(state=lead_pb2.LEAD_STATE_CONVERTED), []),
    ):
        assert [lead.name for lead in (await pipeline.ListLeads(request)).leads] == expected


async def test_a_lead_becomes_account_contact_and_opportunity(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    lead = (await capture(pipeline, display_name="王芳", company_name="蓝门有限公司", email="f@b.cn")).lead
    answer = await convert(
        pipeline,
        lead.name,
        opportunity_display_name="Machines",
        amount=usd(5400),
        close_date=CLOSE,
        role=contact_pb2.DECISION_ROLE_DECIDER,
        influence=5,
        etag=lead.etag,
    )
    assert (answer.account_reused, answer.contact_reused) == (False, False)
    assert (answer.account.display_name, answer.account.owner) == ("蓝门有限公司", rep.name)
    part = contact_pb2.AccountRole(account=answer.account.name, role=contact_pb2.DECISION_ROLE_DECIDER, influence=5)
    assert (answer.contact.display_name, answer.contact.email) == ("王芳", "f@b.cn")
    assert list(answer.contact.account_roles) == [part]
    opportunity = answer.opportunity
    assert (opportunity.display_name, opportunity.stage, opportunity.lead) == ("Machines", "QUALIFY", lead.name)
    assert (opportunity.amount, opportunity.close_date, opportunity.owner) == (usd(5400), CLOSE, rep.name)
    assert (answer.lead.account, answer.lead.contact, answer.lead.opportunity) == (
        answer.account.name, answer.contact.name, opportunity.name,
    )  # fmt: skip
    assert answer.lead.state == lead_pb2.LEAD_STATE_CONVERTED
    steps = await pipeline.ListStageChanges(opportunity_pb2.ListStageChangesRequest(parent=opportunity.name))
    assert [(step.to_stage, step.changed_by) for step in steps.stage_changes] == [("QUALIFY", "wang")]


async def test_conversion_finds_the_account_and_the_contact_again(pipeline: Stub) -> None:
    account = await add_account(pipeline, display_name="Blue Door Cafés Ltd.")
    contact = await add_contact(pipeline, email="f@b.cn")
    lead = (await capture(pipeline, company_name="BLUE DOOR CAFÉS", email="F@b.cn", phone="13800138000")).lead
    answer = await convert(pipeline, lead.name)
    assert (answer.account_reused, answer.contact_reused) == (True, True)
    assert (answer.account.name, answer.contact.name) == (account.name, contact.name)
    assert [part.account for part in answer.contact.account_roles] == [account.name]
    assert answer.contact.phone == ""


async def test_conversion_goes_to_the_account_that_is_named(pipeline: Stub) -> None:
    other = await add_account(pipeline, display_name="Other")
    lead = (await capture(pipeline, company_name="Blue Door", email="f@b.cn")).lead
    assert (await convert(pipeline, lead.name, account=other.name)).account.name == other.name


async def test_a_person_without_a_company_stays_with_their_account(pipeline: Stub) -> None:
    first = await convert(pipeline, (await capture(pipeline, display_name="Wang Fang", email="f@b.cn")).lead.name)
    assert first.account.display_name == "Wang Fang"
    again = await convert(pipeline, (await capture(pipeline, email="f@b.cn")).lead.name)
    assert (again.account.name, again.contact.name) == (first.account.name, first.contact.name)
    namesake = await convert(pipeline, (await capture(pipeline, display_name="Wang Fang", email="x@b.cn")).lead.name)
    assert namesake.account.name != first.account.name


async def test_twenty_calls_convert_once(pipeline: Stub) -> None:
    lead = (await capture(pipeline, email="f@b.cn")).lead
    outcomes = await asyncio.gather(*(convert(pipeline, lead.name) for _ in range(20)), return_exceptions=True)
    assert len([each for each in outcomes if not isinstance(each, BaseException)]) == 1
    found = await pipeline.ListOpportunities(opportunity_pb2.ListOpportunitiesRequest())
    assert len(found.opportunities) == 1
    refusal = await refused(convert(pipeline, lead.name))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LEAD_CLOSED")
    assert refusal.metadata == {"lead": lead.name, "state": "CONVERTED"}


async def test_a_repeated_request_converts_once_and_answers_the_same(pipeline: Stub) -> None:
    lead = (await capture(pipeline, email="f@b.cn")).lead
    request_id = str(uuid4())
    first = await convert(pipeline, lead.name, request_id=request_id)
    assert await convert(pipeline, lead.name, request_id=request_id) == first


async def test_a_conversion_that_fails_leaves_nothing_behind(pipeline: Stub) -> None:
    lead = (await capture(pipeline, email="f@b.cn", company_name="Blue Door")).lead
    for fields, code in (
        ({"account": f"accounts/{uuid4()}"}, grpc.StatusCode.NOT_FOUND),
        ({"close_date": Date(year=2026, month=2, day=30)}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"amount": usd(-1)}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"amount": usd(0, 1)}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"etag": '"7"'}, grpc.StatusCode.ABORTED),
    ):
        assert (await refused(convert(pipeline, lead.name, **fields))).code == code
    assert (await pipeline.GetLead(lead_pb2.GetLeadRequest(name=lead.name))) == lead
    assert not (await pipeline.ListContacts(contact_pb2.ListContactsRequest())).contacts


async def test_giving_up_says_why_and_only_once(pipeline: Stub) -> None:
    lead = (await capture(pipeline, email="f@b.cn")).lead
    request = lead_pb2.DisqualifyLeadRequest(name=lead.name, reason="spam", etag=lead.etag)
    after = await pipeline.DisqualifyLead(request)
    assert (after.state, after.disqualify_reason) == (lead_pb2.LEAD_STATE_DISQUALIFIED, "spam")
    assert (await refused(pipeline.DisqualifyLead(request))).code == grpc.StatusCode.ABORTED
    assert (await refused(convert(pipeline, lead.name))).reason == "LEAD_CLOSED"
    blank = lead_pb2.DisqualifyLeadRequest(name=(await capture(pipeline, email="x@b.cn")).lead.name, reason=" ")
    assert (await refused(pipeline.DisqualifyLead(blank))).fields == ["reason"]
