"""CreateOpportunity, GetOpportunity, ListOpportunities, UpdateOpportunity, Move, Win, Lose, ListStageChanges."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from kehu.pipeline.v1 import opportunity_pb2 as pb
from sqlalchemy import text

from kit.db import Database
from services.pipeline.storage.unit import PipelineUnit
from tests.component.pipeline.calls import (
    CLOSE,
    Stub,
    accept,
    add_account,
    add_contact,
    add_opportunity,
    add_rep,
    line,
    move,
    offer,
    usd,
    win,
)
from tests.support.rpc import refused


async def test_an_opportunity_is_kept_as_it_was_given(pipeline: Stub) -> None:
    account, owner = await add_account(pipeline), await add_rep(pipeline)
    contact = await add_contact(pipeline, account.name)
    added = await add_opportunity(pipeline, account.name, owner=owner.name, contact=contact.name)
    assert await pipeline.GetOpportunity(pb.GetOpportunityRequest(name=added.name)) == added
    assert (added.stage, added.amount, added.close_date) == ("QUALIFY", usd(100), CLOSE)
    assert (added.account, added.owner, added.contact) == (account.name, owner.name, contact.name)
    assert added.stage_time == added.create_time


async def test_what_the_service_says_is_not_taken_from_the_caller(pipeline: Stub) -> None:
    added = await add_opportunity(pipeline, stage="WON", order=f"orders/{uuid4()}", loss_reason="x")
    assert (added.stage, added.order, added.loss_reason) == ("QUALIFY", "", "")


async def test_opportunities_are_listed_by_account_owner_and_stage(pipeline: Stub) -> None:
    owner = await add_rep(pipeline)
    first, second = await add_opportunity(pipeline), await add_opportunity(pipeline, owner=owner.name)
    await move(pipeline, first.name, "DEVELOP")
    for request, expected in (
        (pb.ListOpportunitiesRequest(), [first.name, second.name]),
        (pb.ListOpportunitiesRequest(account=first.account), [first.name]),
        (pb.ListOpportunitiesRequest(owner=owner.name), [second.name]),
        (pb.ListOpportunitiesRequest(stage="DEVELOP"), [first.name]),
        (pb.ListOpportunitiesRequest(stage="DEVELOP", owner=owner.name), []),
    ):
        answer = await pipeline.ListOpportunities(request)
        assert [each.name for each in answer.opportunities] == expected
    refusal = await refused(pipeline.ListOpportunities(pb.ListOpportunitiesRequest(stage="BOUGHT")))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["stage"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": ""}, "opportunity.display_name"),
        ({"account": "accounts/1"}, "opportunity.account"),
        ({"amount": usd(-1)}, "opportunity.amount"),
        ({"amount": usd(10**11)}, "opportunity.amount"),
        ({"amount": usd(2**62)}, "opportunity.amount"),
        ({"amount": usd(0, 5)}, "opportunity.amount.nanos"),
        ({"amount": Money(units=1)}, "opportunity.amount.currency_code"),
        ({"close_date": Date(year=2026)}, "opportunity.close_date"),
        ({"close_date": Date(year=10**6, month=1, day=1)}, "opportunity.close_date"),
    ],
)
async def test_what_is_no_opportunity_is_refused_on_its_field(
    pipeline: Stub, fields: dict[str, Any], field: str
) -> None:
    account = await add_account(pipeline)
    refusal = await refused(add_opportunity(pipeline, **{"account": account.name, **fields}))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


@pytest.mark.parametrize("field", ["account", "contact", "owner"])
async def test_references_lead_somewhere(pipeline: Stub, field: str) -> None:
    account = await add_account(pipeline)
    nowhere = {"account": f"accounts/{uuid4()}", "contact": f"contacts/{uuid4()}", "owner": f"reps/{uuid4()}"}[field]
    refusal = await refused(add_opportunity(pipeline, **{"account": account.name, field: nowhere}))
    assert (refusal.code, refusal.metadata) == (grpc.StatusCode.NOT_FOUND, {"name": nowhere})


async def test_an_opportunity_goes_through_the_stages_to_the_win(
    pipeline: Stub, database: Database[PipelineUnit]
) -> None:
    deal = await add_opportunity(pipeline)
    for stage in ("DEVELOP", "PROPOSE", "NEGOTIATE"):
        assert (await move(pipeline, deal.name, stage)).stage == stage
    quote = await offer(pipeline, deal.name, line(3, usd(1800, 500_000_000)))
    await accept(pipeline, quote.name, content_hash=quote.content_hash)
    won = await win(pipeline, deal.name, quote.name)
    assert (won.stage, won.quote, won.amount) == ("WON", quote.name, usd(5401, 500_000_000))
    steps = await pipeline.ListStageChanges(pb.ListStageChangesRequest(parent=deal.name))
    assert [(step.from_stage, step.to_stage) for step in steps.stage_changes] == [
        ("", "QUALIFY"),
        ("QUALIFY", "DEVELOP"),
        ("DEVELOP", "PROPOSE"),
        ("PROPOSE", "NEGOTIATE"),
        ("NEGOTIATE", "WON"),
    ]
    assert {step.changed_by for step in steps.stage_changes} == {"wang"}
    assert [step.amount for step in steps.stage_changes][3:] == [usd(100), usd(5401, 500_000_000)]
    assert steps.stage_changes[4].name == f"{deal.name}/stageChanges/5"
    [sold] = database.read(lambda unit: published(unit, "OpportunityWon"))
    assert (sold["opportunity"], sold["account"], sold["quote"]) == (deal.name, deal.account, quote.name)
    assert sold["total"] == {"currencyCode": "USD", "units": "5401", "nanos": 500000000}
    assert sold["lines"][0]["product"] == quote.lines[0].product
    assert len(database.read(lambda unit: published(unit, "OpportunityStageChanged"))) == 4


async def test_a_stage_says_what_it_lacks(pipeline: Stub) -> None:
    account = await add_account(pipeline)
    deal = await add_opportunity(pipeline, account.name, amount=None, close_date=None)
    refusal = await refused(move(pipeline, deal.name, "NEGOTIATE", reason="hurry"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_GATE_SHUT")
    assert refusal.metadata == {"stage": "NEGOTIATE", "missing": "amount, close_date, economic_buyer_or_decider"}


async def test_a_skip_needs_a_reason(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    assert (await refused(move(pipeline, deal.name, "PROPOSE"))).reason == "STAGE_REASON_MISSING"
    assert (await move(pipeline, deal.name, "PROPOSE", reason="they know us")).stage == "PROPOSE"
    assert (await refused(move(pipeline, deal.name, "QUALIFY"))).reason == "STAGE_REASON_MISSING"


async def test_a_move_does_not_end_an_opportunity(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    for stage in ("WON", "LOST"):
        refusal = await refused(move(pipeline, deal.name, stage, reason="x"))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_STEP_UNKNOWN")
    for stage in ("BOUGHT", "", "won", "A" * 40):
        refusal = await refused(move(pipeline, deal.name, stage, reason="x"))
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["stage"])


async def test_of_two_moves_with_one_etag_one_is_aborted(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    outcomes = await asyncio.gather(
        *(move(pipeline, deal.name, "DEVELOP", etag=deal.etag) for _ in range(2)), return_exceptions=True
    )
    codes = [each.code() for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert codes == [grpc.StatusCode.ABORTED]


async def test_the_same_move_sent_three_times_is_one_step(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    request_id = str(uuid4())
    answers = [await move(pipeline, deal.name, "DEVELOP", request_id=request_id) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    steps = await pipeline.ListStageChanges(pb.ListStageChangesRequest(parent=deal.name))
    assert len(steps.stage_changes) == 2


async def test_losing_says_to_whom_and_why_and_is_the_end(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    lost = await pipeline.LoseOpportunity(
        pb.LoseOpportunityRequest(name=deal.name, reason="price", competitor="Rival", etag=deal.etag)
    )
    assert (lost.stage, lost.loss_reason, lost.competitor) == ("LOST", "price", "Rival")
    refusal = await refused(move(pipeline, deal.name, "DEVELOP", reason="again"))
    assert (refusal.reason, refusal.metadata["stage"]) == ("OPPORTUNITY_CLOSED", "LOST")
    assert (await refused(offer(pipeline, deal.name))).reason == "OPPORTUNITY_CLOSED"


@pytest.mark.parametrize(("reason", "competitor", "field"), [("", "Rival", "reason"), ("price", "", "competitor")])
async def test_losing_without_a_word_is_refused(pipeline: Stub, reason: str, competitor: str, field: str) -> None:
    deal = await add_opportunity(pipeline)
    request = pb.LoseOpportunityRequest(name=deal.name, reason=reason, competitor=competitor)
    refusal = await refused(pipeline.LoseOpportunity(request))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_winning_takes_an_accepted_quote_of_the_opportunity(pipeline: Stub) -> None:
    deal, other = await add_opportunity(pipeline), await add_opportunity(pipeline)
    quote = await offer(pipeline, deal.name)
    refusal = await refused(win(pipeline, deal.name, quote.name, reason="quick"))
    assert refusal.metadata == {"stage": "WON", "missing": "accepted_quote"}
    await accept(pipeline, quote.name)
    refusal = await refused(win(pipeline, other.name, quote.name, reason="quick"))
    assert refusal.reason == "QUOTE_OF_ANOTHER_OPPORTUNITY"
    assert (await refused(win(pipeline, deal.name, quote.name))).reason == "STAGE_REASON_MISSING"
    assert (await refused(win(pipeline, deal.name, f"quotes/{uuid4()}"))).code == grpc.StatusCode.NOT_FOUND
    assert (await win(pipeline, deal.name, quote.name, reason="quick")).stage == "WON"


async def test_twenty_calls_win_once(pipeline: Stub, database: Database[PipelineUnit]) -> None:
    deal = await add_opportunity(pipeline)
    quote = await accept(pipeline, (await offer(pipeline, deal.name)).name)
    calls = (win(pipeline, deal.name, quote.name, reason="quick") for _ in range(20))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, pb.Opportunity)]) == 1
    assert len(database.read(lambda unit: published(unit, "OpportunityWon"))) == 1


async def test_an_update_keeps_what_the_stage_needs_and_leaves_a_step(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    await move(pipeline, deal.name, "DEVELOP")
    after = await pipeline.UpdateOpportunity(
        pb.UpdateOpportunityRequest(opportunity=pb.Opportunity(name=deal.name, amount=usd(250), display_name="More"))
    )
    assert (after.amount, after.display_name, after.close_date) == (usd(250), "More", CLOSE)
    cleared = pb.UpdateOpportunityRequest(
        opportunity=pb.Opportunity(name=deal.name), update_mask=FieldMask(paths=["amount"])
    )
    assert (await refused(pipeline.UpdateOpportunity(cleared))).metadata["missing"] == "amount"
    steps = await pipeline.ListStageChanges(pb.ListStageChangesRequest(parent=deal.name, page_size=2))
    rest = await pipeline.ListStageChanges(
        pb.ListStageChangesRequest(parent=deal.name, page_size=2, page_token=steps.next_page_token)
    )
    assert [(step.from_stage, step.to_stage, step.amount.units) for step in rest.stage_changes] == [
        ("DEVELOP", "DEVELOP", 250)
    ]


async def test_an_opportunity_keeps_its_account(pipeline: Stub) -> None:
    deal, other = await add_opportunity(pipeline), await add_account(pipeline)
    request = pb.UpdateOpportunityRequest(
        opportunity=pb.Opportunity(name=deal.name, account=other.name), update_mask=FieldMask(paths=["account"])
    )
    assert (await refused(pipeline.UpdateOpportunity(request))).fields == ["update_mask"]


async def test_history_belongs_to_an_opportunity(pipeline: Stub) -> None:
    nowhere = f"opportunities/{uuid4()}"
    refusal = await refused(pipeline.ListStageChanges(pb.ListStageChangesRequest(parent=nowhere)))
    assert refusal.code == grpc.StatusCode.NOT_FOUND


def published(unit: PipelineUnit, kind: str) -> list[dict[str, Any]]:
    rows = unit.connection.scalars(text("select payload from outbox where type = :kind"), {"kind": kind})
    return [json.loads(row) for row in rows]
