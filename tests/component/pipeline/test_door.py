"""Who may come in, and what a stranger or the log learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from kehu.pipeline.v1 import account_pb2, lead_pb2

from kit.rpc import Server, policy
from kit.telemetry import logs
from services.pipeline.config import Config
from services.pipeline.server import build
from tests.component.pipeline.calls import Stub, add_rep, capture, convert
from tests.support.rpc import Keys, channel_to, refused, serving


@pytest.fixture
def server(url: str, settings: Callable[..., Any]) -> Server:
    """Pipeline, not yet running."""
    return build(settings(Config, database_url=url))


@pytest.mark.parametrize("role", ["viewer", "clerk", "shopper"])
async def test_a_change_needs_the_scope(server: Server, keys: Keys, role: str) -> None:
    async with serving(server, keys.bearer(role)) as channel:
        refusal = await refused(add_rep(Stub(channel)))
    assert (refusal.code, refusal.metadata["scope"]) == (grpc.StatusCode.PERMISSION_DENIED, "pipeline.write")


async def test_who_may_only_send_leads_learns_nothing_of_a_person(
    server: Server, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policy.ROLES, "webform", ("leads.write",))
    person = {"display_name": "Wang Fang", "phone": "13800138000", "email": "fang@example.com"}
    async with serving(server, keys.bearer("sales")) as sales:
        known = (await capture(Stub(sales), **person)).lead
        async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("webform")) as form:
            answer = await capture(Stub(form), phone="13800138000")
            own = await capture(Stub(form), phone="13800138001", display_name="Li Lei")
    assert answer == lead_pb2.CaptureLeadResponse(
        lead=lead_pb2.Lead(name=known.name, state=known.state, owner=known.owner), duplicate=True
    )
    assert own.lead.display_name == "Li Lei"


async def test_no_personal_data_is_in_the_log_or_in_an_error(
    pipeline: Stub, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(logs._origin, "service", "pipeline")  # as after a start
    person = {"display_name": "Wang Fang", "phone": "13800138000", "email": "fang@example.com", "note": "call at night"}
    lead = (await capture(pipeline, company_name="Blue Door", **person)).lead
    await convert(pipeline, lead.name)
    giving_up = lead_pb2.DisqualifyLeadRequest(name=lead.name, reason="fang@example.com")
    refusals = [
        await refused(capture(pipeline, phone="13800138000x13800138000x")),
        await refused(convert(pipeline, lead.name)),
        await refused(pipeline.DisqualifyLead(giving_up)),
        await refused(pipeline.GetAccount(account_pb2.GetAccountRequest(name="accounts/fang@example.com"))),
    ]
    logged = "".join(capfd.readouterr())
    assert logged.count("PipelineService/CaptureLead") == 2
    said = logged + "".join(f"{each.message}{each.metadata}{each.fields}" for each in refusals)
    for secret in ("Wang", "1380013", "fang@", "night", "Blue Door"):
        assert secret not in said
