"""Notices of payment providers: ten at once, forged, replayed, too old. `tools/providers` plays the provider."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from faults.arena import Arena
from faults.fault import Fault, Finding, found
from faults.shop import once
from faults.standin import standing_in
from tools.providers.desk import FORGERIES, Desk
from tools.providers.exchange import Post
from tools.providers.server import ProviderServer, serving

_AT_ONCE = 10
_MOST_SECONDS = 5.0
_CALL_SECONDS = 60.0
_AGAIN = {429, 503, 504}
_PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class _Answer:
    status: int
    seconds: float


class _Notices:
    """Orders' `serve` with a provider, and what a stranger on the internet would send to it."""

    def __init__(self) -> None:
        self._providers: ProviderServer

    @contextmanager
    def setting(self, arena: Arena) -> Iterator[None]:
        """The process again, with settings that lead to a provider."""
        with serving() as self._providers:
            settings = self._providers.settings(f"http://{arena.gateway}/v1/paymentNotices")
            with standing_in(arena.suite, "orders-serve", arena.log("orders-serve-paying"), settings):
                yield

    def play(self, arena: Arena, seconds: float) -> list[Finding]:
        """Pay orders and send their notices in every bad way, while the writers write."""
        desk, end = self._providers.wechat_pay, time.monotonic() + seconds
        good: list[_Answer] = []
        bad: list[_Answer] = []
        orders: list[str] = []
        product = _product(arena)
        while time.monotonic() < end or not orders:
            order, notice = _paid_at_provider(arena, desk, product)
            orders.append(order)
            bad += _sent([desk.forge(notice, how) for how in FORGERIES if how != "body"])
            good += _sent([notice] * _AT_ONCE)
            good += _sent([notice])
            bad += _sent([desk.forge(notice, "signature")] * 2)
        paid = [_payments(arena, order) for order in orders]
        slowest = max(each.seconds for each in (*good, *bad))
        return [
            found(
                "each order was paid once",
                all(each == 1 for each in paid),
                f"{len(orders)} orders, {sum(paid)} payments",
            ),
            found("every true notice was accepted", all(each.status < 300 for each in good), _statuses(good)),
            found("every forged notice was refused", all(each.status >= 400 for each in bad), _statuses(bad)),
            found(f"each was answered within {_MOST_SECONDS:.0f} s", slowest < _MOST_SECONDS, f"{slowest:.2f} s"),
        ]


def _product(arena: Arena) -> str:
    """Something at a price in the provider's currency."""
    price = {"currencyCode": "CNY", "units": "10"}
    made = _post(arena, f"products?requestId={once()}", {"sku": f"N-{once()[:8]}", "title": "N", "price": price})
    _post(arena, f"{made['name']}/stocks/main:receive", {"quantity": "10000", "requestId": once()})
    return made["name"]


def _paid_at_provider(arena: Arena, desk: Desk, product: str) -> tuple[str, Post]:
    """An order whose buyer has just paid at the provider, who has told nobody yet."""
    body = {"channel": "notices", "lines": [{"product": product, "quantity": "1"}], "requestId": once()}
    order = _post(arena, "orders", {**body, "member": arena.shop.members[0]})
    intent = {"provider": "PAYMENT_PROVIDER_WECHAT_PAY", "scene": "PAYMENT_SCENE_NATIVE"}
    made = _post(arena, f"{order['name']}/paymentIntents?requestId={once()}", intent)
    return order["name"], desk.pay(made["reference"], tell=False)


def _payments(arena: Arena, order: str) -> int:
    statement = "select count(*) from payments where order_id = %s::uuid"
    return int(str(arena.evidence.query("orders", statement, order.removeprefix("orders/"))[0][0]))


def _sent(posts: list[Post]) -> list[_Answer]:
    """Send all at once."""
    with ThreadPoolExecutor(len(posts)) as pool:
        return list(pool.map(_send, posts))


def _send(post: Post) -> _Answer:
    begin = time.monotonic()
    with requests.Session() as http:
        http.trust_env = False
        answer = http.post(post.url, data=post.body, headers=dict(post.headers), timeout=_CALL_SECONDS)
    return _Answer(answer.status_code, time.monotonic() - begin)


def _post(arena: Arena, path: str, body: dict[str, Any]) -> dict[str, str]:
    """Call until it is answered; every call here has a request id."""
    bearer = {"authorization": f"Bearer {arena.suite.token('admin')}"}
    with requests.Session() as http:
        http.trust_env = False
        until = time.monotonic() + _CALL_SECONDS
        while True:
            answer = http.post(f"http://{arena.gateway}/v1/{path}", json=body, headers=bearer, timeout=_CALL_SECONDS)
            if answer.status_code not in _AGAIN or time.monotonic() > until:
                answer.raise_for_status()
                made: dict[str, str] = answer.json()
                return made
            time.sleep(_PAUSE_SECONDS)


def _statuses(answers: list[_Answer]) -> str:
    return f"{len(answers)} notices, statuses {sorted({each.status for each in answers})}"


_NOTICES = _Notices()

FAULTS = (
    Fault(
        "payment-notices",
        "notices of payments: ten at once, sent again, forged in every way",
        "one effect each; what is forged is refused",
        _NOTICES.play,
        setting=_NOTICES.setting,
        runbook="operations.md#notices-have-no-effect",
        quick=True,
    ),
)
