"""Daily bills of payment providers: what nobody noticed, and what nobody here knows of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1 import payments_pb2 as pb

from kit.clock import utc_now
from kit.db import AsyncDatabase
from services.orders import publish
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.paying import Paying
from tests.component.orders.paying import WECHAT, Till, paid_by_providers, tills
from tests.support.providers import providers_of
from tests.support.rpc import Keys
from tools.providers.server import ProviderServer


@pytest.fixture
async def till(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys, provider_server: ProviderServer
) -> AsyncIterator[Till]:
    config = paid_by_providers(settings, provider_server, database_url=url, peers=peers)
    async with tills(lambda: build(config), keys.bearer("admin"), provider_server, servers=1) as (till,):
        yield till


@pytest.fixture
async def tomorrow(url: str, provider_server: ProviderServer) -> AsyncIterator[Paying]:
    """What follows a day later."""
    database = AsyncDatabase(
        url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: utc_now() + timedelta(days=1), name="tomorrow"
    )
    providers = providers_of(provider_server.keys, provider_server.address)
    yield Paying(database, providers)
    for provider in providers.values():
        await provider.aclose()
    await database.close()


async def test_a_bill_is_compared_once_and_tells_what_nobody_noticed(till: Till, tomorrow: Paying) -> None:
    known, unheard, gone = [await till.order(price=1000) for _ in range(3)]
    made = {order.name: await till.intent(order) for order in (known, unheard, gone)}
    desk = till.desk(WECHAT)
    await till.tell(WECHAT, desk.pay(made[known.name].reference, tell=False))
    await till.refund(known)
    await till.given(known)
    desk.pay(made[unheard.name].reference, tell=False)  # nobody hears of it before the bill
    await till.tell(WECHAT, desk.pay(made[gone.name].reference, tell=False))
    del desk.ledger.trades[made[gone.name].reference]  # the provider forgets what it took
    stranger = replace(desk.ledger.find(made[known.name].reference), number="0" * 32, refunds={})
    desk.ledger.trades[stranger.number] = stranger  # and tells of what was never asked for

    done = await asyncio.gather(*(tomorrow.reconcile() for _ in range(3)))

    assert sum(done) == 1
    assert (await till.again(unheard)).state == orders_pb2.Order.STATE_PAID
    listing = pb.ListReconciliationDifferencesRequest()
    found = (await till.payments.ListReconciliationDifferences(listing)).reconciliation_differences
    assert {(each.kind, each.reference, each.order) for each in found} == {
        (pb.ReconciliationDifference.KIND_MISSING_THERE, made[gone.name].reference, gone.name),
        (pb.ReconciliationDifference.KIND_MISSING_HERE, stranger.number, ""),
    }
    (report,) = (
        await till.payments.ListReconciliationReports(pb.ListReconciliationReportsRequest())
    ).reconciliation_reports
    assert report.difference_count == 2
    for each in found:
        request = pb.ResolveReconciliationDifferenceRequest(name=each.name, note="asked the provider")
        assert (await till.payments.ResolveReconciliationDifference(request)).note == "asked the provider"
    assert not (await till.payments.ListReconciliationDifferences(listing)).reconciliation_differences
