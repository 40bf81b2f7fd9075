"""Both adapters against a server that speaks the real protocols, and that shares no code with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from kit.errors import Fault
from kit.money import Money
from services.orders.providers.port import (
    Charge,
    Provider,
    Refunding,
    Scene,
    Standing,
    Status,
)
from tests.support.providers import providers_of
from tools.providers.desk import Desk
from tools.providers.server import ProviderServer

_numbers = count(1)


def charge(scene: Scene, fen: int = 1005, *, expires_in: float = 900) -> Charge:
    """A charge of a few yuan."""
    return Charge(
        reference=f"test_{next(_numbers):08d}",
        amount=Money(fen, "CNY"),
        subject="茶 a/b=c, 50%",
        scene=scene,
        expire_time=datetime.now(UTC) + timedelta(seconds=expires_in),
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        client_ip="203.0.113.7",
        return_url="https://shop.example/done?a=1&b=2",
    )


class Account:
    """A provider, and the hand behind it."""

    def __init__(self, provider: Provider, desk: Desk) -> None:
        self.provider = provider
        self.desk = desk
        self.scene = Scene.NATIVE if provider.name == "WECHAT_PAY" else Scene.PRECREATE

    async def paid(self, fen: int = 1005) -> Charge:
        """A charge that a buyer paid."""
        made = charge(self.scene, fen)
        await self.provider.prepare(made)
        self.desk.pay(made.reference, tell=False)
        return made


@pytest.fixture(params=["WECHAT_PAY", "ALIPAY"])
async def account(request: pytest.FixtureRequest, provider_server: ProviderServer) -> AsyncIterator[Account]:
    provider = providers_of(provider_server.keys, provider_server.address, provider_timeout="PT1S")[request.param]
    desk = provider_server.wechat_pay if request.param == "WECHAT_PAY" else provider_server.alipay
    yield Account(provider, desk)
    await provider.aclose()


def refunding(made: Charge, reference: str, fen: int) -> Refunding:
    return Refunding(reference, made.reference, "", Money(fen, "CNY"), made.amount, "退货")


async def test_a_charge_is_opened_paid_and_asked_for(account: Account) -> None:
    made = await account.paid()
    standing = await account.provider.query(made.reference)
    paid = account.desk.ledger.find(made.reference).settled
    assert (standing.status, standing.amount) == (Status.SUCCEEDED, Money(1005, "CNY"))
    assert (standing.reference, standing.transaction) == (made.reference, paid.transaction)
    assert standing.pay_time == paid.time.replace(microsecond=0)
    assert standing.merchant in {account.provider.merchant, ""}


async def test_a_charge_that_nobody_knows_is_not_found(account: Account) -> None:
    assert await account.provider.query("nobody_knows") == Standing("nobody_knows", Status.NOT_FOUND)
    assert (await account.provider.query_refund("nobody_knows", "nobody_knows")).status is Status.NOT_FOUND
    await account.provider.close("nobody_knows")


async def test_a_closed_charge_stays_closed_however_often_it_is_closed(account: Account) -> None:
    made = charge(account.scene)
    await account.provider.prepare(made)
    if account.provider.name == "ALIPAY":
        account.desk.provider.scan(made.reference)  # type: ignore[union-attr]
    assert (await account.provider.query(made.reference)).status is Status.PENDING
    await account.provider.close(made.reference)
    await account.provider.close(made.reference)
    assert (await account.provider.query(made.reference)).status is Status.CLOSED


async def test_what_is_paid_cannot_be_closed(account: Account) -> None:
    made = await account.paid()
    with pytest.raises(Fault) as refused:
        await account.provider.close(made.reference)
    assert (refused.value.reason, refused.value.transient) == ("CHARGE_PAID", False)
