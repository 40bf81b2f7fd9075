"""A B2B deal: a lead becomes account, contact and opportunity, moves through the stages, is won, becomes an order."""

from __future__ import annotations

from kehu.pipeline.v1 import lead_pb2, opportunity_pb2, pipeline_pb2_grpc

from cli.demo.scene import Json, Scene, cents, once, usd
from cli.demo.shop import put_on_sale

UNIT_PRICE = 180_000
UNITS = 3
STAGES = ("DEVELOP", "PROPOSE", "NEGOTIATE")


def play(scene: Scene) -> None:
    """The deal, step by step."""
    scene.post("reps", {"displayName": "韩梅梅"}, request_id=once())
    product = put_on_sale(scene, title="Espresso machine", price=200_000, stock=5)
    lead = capture(scene)
    converted = convert(scene, lead)
    quote = offer(scene, converted["opportunity"], product)
    move(scene, converted["opportunity"])
    win(scene, converted["opportunity"], quote)


def capture(scene: Scene) -> str:
    """The same lead twice, by gRPC: one lead, given to a sales person."""
    key = once()[:8]
    lead = lead_pb2.Lead(
        source="webform", display_name="王芳", company_name=f"Demo Cafés {key} Co., Ltd.", email=f"{key}@example.com"
    )
    with scene.channel() as channel:
        stub = pipeline_pb2_grpc.PipelineServiceStub(channel)
        request = lead_pb2.CaptureLeadRequest
        first = stub.CaptureLead(request(lead=lead, request_id=once()), metadata=scene.metadata)
        second = stub.CaptureLead(request(lead=lead, request_id=once()), metadata=scene.metadata)
    scene.check("the same lead captured twice is one", first.lead.name == second.lead.name, first.lead.name)
    scene.check("the lead has an owner", first.lead.owner.startswith("reps/"), first.lead.owner)
    return str(first.lead.name)


def convert(scene: Scene, lead: str) -> dict[str, str]:
    """Account, contact and opportunity in one step, by REST."""
    body: Json = {
        "opportunityDisplayName": "Machines for three shops",
        "amount": usd(UNITS * UNIT_PRICE),
        "closeDate": {"year": 2099, "month": 12, "day": 31},
        "role": "DECISION_ROLE_DECIDER",
        "influence": 5,
        "requestId": once(),
    }
    answer = scene.post(f"{lead}:convert", body)
    names = {key: str(_name(answer, key)) for key in ("account", "contact", "opportunity")}
    scene.check("the lead became account, contact and opportunity", all(names.values()), names)
    return names


def _name(answer: Json, key: str) -> str:
    value = answer.get(key, "")
    return str(value["name"]) if isinstance(value, dict) else str(value)


def offer(scene: Scene, opportunity: str, product: Json) -> Json:
    """A quote, accepted by the customer, by REST."""
    line = {
        "product": product["name"],
        "title": "Espresso machine",
        "quantity": str(UNITS),
        "unitPrice": usd(UNIT_PRICE),
    }
    quote = scene.post("quotes", {"opportunity": opportunity, "lines": [line]}, request_id=once())
    accepted = scene.post(f"{quote['name']}:accept", {"contentHash": quote["contentHash"], "requestId": once()})
    scene.check("the quote is accepted as it was offered", accepted.get("state") == "QUOTE_STATE_ACCEPTED", accepted)
    return quote


def move(scene: Scene, opportunity: str) -> None:
    """Through the stages, by gRPC; the history keeps each step."""
    with scene.channel() as channel:
        stub = pipeline_pb2_grpc.PipelineServiceStub(channel)
        for stage in STAGES:
            request = opportunity_pb2.MoveOpportunityRequest(name=opportunity, stage=stage, request_id=once())
            moved = stub.MoveOpportunity(request, metadata=scene.metadata)
    scene.check("the opportunity moved through its stages", moved.stage == STAGES[-1], moved.stage)


def win(scene: Scene, opportunity: str, quote: Json) -> None:
    """Won, by REST; its quote becomes an order, and the opportunity keeps the link."""
    scene.post(f"{opportunity}:win", {"quote": quote["name"], "requestId": once()})
    order, seconds = scene.eventually(lambda: scene.get(opportunity).get("order", ""), bool)
    scene.check("the won quote became an order", bool(order), f"{order}, after {seconds * 1000:.0f} ms")
    total = cents(scene.get(order).get("total", {})) if order else 0
    scene.check("the order's total is the quote's", total == UNITS * UNIT_PRICE, f"{total} cents")
    history = scene.get(f"{opportunity}/stageChanges").get("stageChanges", [])
    scene.check(
        "the history has every stage", len(history) >= len(STAGES) + 2, [each.get("toStage") for each in history]
    )
