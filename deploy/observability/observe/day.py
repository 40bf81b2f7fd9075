"""An ordinary day, small and quick: customers join, buy and pay in every way, some give up or give back; leads come in.

It goes on while the panels are drawn, so that there is something to see in them.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import requests

from cli.demo import deal, shop
from cli.demo.scene import Check, Json, Scene, once, usd
from tools.providers.desk import Desk

_PAUSE_SECONDS = 0.3
_TILLS = 2
_CHANNELS = ("web", "app", "store")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_STOCK, _NEWCOMERS, _TOP_UP = 1_000_000, 0.4, 5_000


@contextmanager
def going_on(scene: Scene, desk: Desk) -> Iterator[None]:
    """Serve customers at some tills until the end of the block."""
    over = threading.Event()
    tills = [_Till(Scene(scene.gateway, scene.token, _nothing), desk, Random(seed)) for seed in range(_TILLS)]  # noqa: S311
    with ThreadPoolExecutor(_TILLS, thread_name_prefix="till") as threads:
        working = [threads.submit(till.work, over) for till in tills]
        try:
            yield
        finally:
            over.set()
    for each in working:
        each.result()
    served, lost = sum(till.served for till in tills), Counter(why for till in tills for why in till.lost)
    scene.check(f"{served} customers of the day are served, and none is sent away", not lost, lost.most_common(5))


def _nothing(_: Check) -> None:
    """Customers don't check anything."""


@dataclass
class _Till:
    """Serves one customer after the other."""

    scene: Scene
    desk: Desk
    chance: Random
    served: int = 0
    lost: list[str] = field(default_factory=list)
    _members: list[str] = field(default_factory=list)
    _products: list[Json] = field(default_factory=list)

    def work(self, over: threading.Event) -> None:
        """Until it is over."""
        self._products = [
            shop.put_on_sale(self.scene, title=title, price=price, stock=_STOCK)
            for title, price in (("Tea", 990), ("Cup", 2_500), ("Pot", 7_900))
        ]
        while not over.wait(_PAUSE_SECONDS):
            act = self.chance.choices((self._customer, self._payer_by_phone, self._lead), (10, 1, 1))[0]
            try:
                act()
                self.served += 1
            except (requests.RequestException, LookupError) as error:
                self.lost.append(_ID.sub("-", str(error)))

    def _post(self, path: str, body: Json, *, request_id: str = "") -> Json:
        """LookupError when it is refused."""
        answer = self.scene.post(path, body, request_id=request_id)
        if "code" in answer:
            raise LookupError(f"{path}: {answer.get('message')}")
        return answer

    def _customer(self) -> None:
        member = self._somebody()
        balance = int(self.scene.get(f"{member}/balance").get("available", 0))
        order = self._order(member, points=balance)
        fate = self.chance.random()
        if fate < 0.1:
            self._post(f"{order['name']}:cancel", {"reason": "CANCEL_REASON_CUSTOMER", "requestId": once()})
        elif fate < 0.9:
            self._pay(order)

    def _somebody(self) -> str:
        if not self._members or self.chance.random() < _NEWCOMERS:
            self._members.append(shop.enrol(self.scene))
            amount = {"member": self._members[-1], "amount": usd(_TOP_UP), "store": "stores/1"}
            self._post("topUps", amount, request_id=once())
        return self.chance.choice(self._members)

    def _order(self, member: str, *, points: int) -> Json:
        """Of one product, sometimes with a coupon, points or stored value."""
        line = {"product": self.chance.choice(self._products)["name"], "quantity": str(self.chance.randint(1, 3))}
        body: Json = {"channel": self.chance.choice(_CHANNELS), "lines": [line], "member": member}
        way = self.chance.random()
        if way < 0.3 and (coupons := self._coupons(member)):
            body["coupons"] = coupons[:1]
        elif way < 0.5 and points >= 100:
            body["points"] = "100"
        elif way < 0.6:
            body["storedValue"] = usd(500)
        return self._post("orders", body | {"requestId": once()})

    def _coupons(self, member: str) -> list[str]:
        found = self.scene.get("coupons", member=member, state="STATE_ISSUED").get("coupons", [])
        return [each["name"] for each in found]

    def _pay(self, order: Json) -> None:
        paid = {
            "tender": "TENDER_MANUAL",
            "amount": order["outstandingAmount"],
            "reference": "till 1",
            "requestId": once(),
        }
        self._post(f"{order['name']}:pay", paid)
        if self.chance.random() < 0.15:
            lines = [{"position": 1, "quantity": "1"}]
            self._post(f"{order['name']}:refund", {"lines": lines, "reason": "too many", "requestId": once()})
        elif self.chance.random() < 0.3:
            self._post(f"{order['name']}:complete", {"requestId": once()})

    def _payer_by_phone(self) -> None:
        """Somebody pays by WeChat Pay, whose notice comes by itself."""
        yuan = {"currencyCode": "CNY", "units": "9"}
        sku = f"DAY-{once()[:8].upper()}"
        product = self._post("products", {"sku": sku, "title": "Tea", "price": yuan}, request_id=once())
        self._post(f"{product['name']}/stocks/main:receive", {"quantity": "1", "requestId": once()})
        line = {"product": product["name"], "quantity": "1"}
        order = self._post("orders", {"channel": "app", "lines": [line], "requestId": once()})
        intent = {"provider": "PAYMENT_PROVIDER_WECHAT_PAY", "scene": "PAYMENT_SCENE_NATIVE"}
        self._post(f"{order['name']}/paymentIntents", intent, request_id=once())
        for trade in list(self.desk.ledger.trades.values()):
            if not trade.payments and not trade.closed:
                self.desk.pay(trade.number)

    def _lead(self) -> None:
        """Half of the leads lead to something."""
        lead = deal.capture(self.scene)
        if self.chance.random() < 0.5:
            self._post(f"{lead}:disqualify", {"reason": "NO_BUDGET", "requestId": once()})
        else:
            deal.move(self.scene, deal.convert(self.scene, lead)["opportunity"])
