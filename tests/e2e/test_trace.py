"""One trace from the gateway, through service, outbox, relay and broker, to the effect in the other service."""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from cli.demo.scene import once, usd
from cli.scan.looking import look, metrics
from tests.e2e.callers import Caller
from tests.e2e.personal import Person, live
from tests.support.collector import collecting
from tests.support.suite import own_suite
from tests.support.waiting import until


def test_paying_an_order_is_one_trace_up_to_the_points_and_no_span_tells_of_a_person(tmp_path: Path) -> None:
    trace = secrets.token_hex(16)
    with collecting() as collector, own_suite(KEHU_OTLP_ENDPOINT=collector.endpoint, KEHU_TRACE_RATIO="1") as suite:
        caller = Caller(suite.gateway.removeprefix("http://"), suite.token("admin"))
        order = placed_order(caller)
        body = {"tender": "TENDER_MANUAL", "amount": usd(1200), "reference": "till", "requestId": once()}
        paid = caller.rest("POST", f"/v1/{order}:pay", body, headers={"traceparent": f"00-{trace}-{'1' * 16}-01"})
        assert paid.status == 200

        def of_the_trace() -> set[str]:
            return {span.name for span in collector.spans if span.trace_id.hex() == trace}

        wanted = {"kehu.orders.v1.OrdersService/PayOrder", "publish OrderPaid", "process OrderPaid"}
        until(lambda: wanted <= of_the_trace() and "publish PointsEarned" in of_the_trace(), within=60)
        person = Person()
        live(caller, person)
        until(lambda: collector.named("publish LeadConverted"), within=60)
        handled = metrics(suite, tmp_path / "metrics")
        telling = {path.stem for path in handled if "trace_id=" in path.read_text()}
        assert {"orders-serve", "members-serve", "members-consume"} <= telling, "exemplars lead to the traces"
    spans = {span.span_id: span for span in collector.spans if span.trace_id.hex() == trace}
    effects = [span for span in spans.values() if span.name == "publish PointsEarned"]
    path = [effects[0].name]
    while (parent := spans.get(effects[-1].parent_span_id)) is not None:
        effects.append(parent)
        path.append(parent.name)
    assert path[:5] == [
        "publish PointsEarned",
        "process OrderPaid",
        "publish OrderPaid",
        "PayOrder in transaction",
        "kehu.orders.v1.OrdersService/PayOrder",
    ]
    assert len(path) > 5, "the gateway's own span is the beginning"
    file = tmp_path / "spans"
    file.write_text("".join(f"{MessageToJson(each, indent=None, ensure_ascii=False)}\n" for each in collector.spans))
    looked = look(person.values, spans=[file])
    assert (looked.found, looked.lines["spans"]) == ([], len(collector.spans))


def placed_order(caller: Caller) -> str:
    """An order of one unit for 12.00 USD by a new member."""
    member = caller.rest("POST", "/v1/members", {"displayName": "Trace"}).json["name"]
    product = {"sku": uuid.uuid4().hex[:12], "title": "Traced", "price": usd(1200)}
    name = caller.rest("POST", "/v1/products", product).json["name"]
    caller.rest("POST", f"/v1/{name}/stocks/main:receive", {"quantity": "1", "requestId": once()})
    line = {"product": name, "quantity": "1"}
    body = {"member": member, "channel": "test", "lines": [line], "requestId": once()}
    return str(caller.rest("POST", "/v1/orders", body).json["name"])
