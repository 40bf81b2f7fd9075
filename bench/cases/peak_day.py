"""A peak day in a few minutes, at its own pace: 70 % browse and look at balances, 20 % fill carts and ask for quotes,
8 % order, 2 % give something back; after two minutes a flash sale opens, and all the while a mailing issues coupons."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bench import shop, stats
from bench.backlog import Watch
from bench.case import Pace
from bench.customers import CHANNEL, ok, pay, place, reason
from bench.http import Http
from bench.openloop import Calls, drive, drive_at
from bench.stage import PRODUCTS, Stage, stage
from bench.table import Table
from kit.clock import utc_now

_RATE = 200.0
"""Calls a second: about what two cores hold with everything on them."""

_SHARES = {"browse": 70, "cart": 20, "order": 8, "refund": 2}
_QUOTA = 200
_CLICKS = 2_000
"""Calls to buy in the flash sale, one of each member, within the first seconds."""

_RUSH_SECONDS = 10.0
_COUPONS_PER_SECOND = 20.0
_DRAIN_SECONDS = 180.0


def run(pace: Pace, table: Table) -> None:
    """The day."""
    seconds = pace.during(quick=20, full=150)
    rate = pace.rate or (_RATE / 3 if pace.quick else _RATE)
    with stage() as suite:
        day = Day(suite, rush_after=min(120.0, seconds * 0.8))
        with Watch(suite.backlog.size) as waiting:
            calls = asyncio.run(day.play(rate, seconds))
        drained = suite.backlog.settle(within=_DRAIN_SECONDS)
        table.add(f"calls at {rate:.0f}/s for {seconds:.0f} s, answered in time", calls.rate(seconds), "calls/s")
        for kind in _SHARES:
            table.add(f"{kind}, p50", calls.milliseconds(0.5, kind), "ms")
            table.add(f"{kind}, p99", calls.milliseconds(0.99, kind), "ms")
        table.add("calls that failed", float(sum(calls.troubles().values())), "calls", most=0)
        for trouble, count in calls.troubles().most_common(5):
            print(f"  {count} times: {trouble}", flush=True)
        table.add("flash sale: units sold of 200", float(day.rush["sold"]), "orders", least=_QUOTA)
        table.add("the same, not one more", float(day.rush["sold"]), "orders", most=_QUOTA)
        table.add("coupons issued by the mailing", float(day.coupons), "coupons")
        table.add("growth of the backlog", stats.slope(waiting.points[5:]), "events/s")
        table.add("until the backlog was empty", drained, "s")
        table.course("backlog", waiting.points)


@dataclass
class Day:
    """What customers do, with a memory of what they bought."""

    suite: Stage
    rush_after: float
    rush: Counter[str] = field(default_factory=Counter)
    """What became of the clicks of the flash sale."""
    coupons: int = 0
    _bought: deque[str] = field(default_factory=deque)
    _carts: dict[str, str] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(11))  # noqa: S311 - the same day each time

    async def play(self, rate: float, seconds: float) -> Calls:
        """Everything, until the last answer."""
        async with Http(self.suite.gateway, self.suite.bearer) as http:
            sale = await self._open_sale(http)
            template = await self._template(http, int(seconds * _COUPONS_PER_SECOND))
            kinds = self._chance.choices(list(_SHARES), list(_SHARES.values()), k=int(rate * seconds))

            async def customer(number: int) -> str:
                return await self._do(http, kinds[number])

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._mail(http, template, seconds))
                tasks.create_task(self._click(http, sale))
                day = tasks.create_task(drive(customer, rate=rate, seconds=seconds))
            return day.result()

    async def _do(self, http: Http, kind: str) -> str:
        member = self._chance.choice(self.suite.members)
        product = shop.product(self._chance.randrange(PRODUCTS))
        if kind == "browse":
            await self._browse(http, member, product)
        elif kind == "cart":
            await self._fill(http, member, product)
        elif kind == "refund" and self._bought:
            body = {"lines": [{"position": 1, "quantity": "1"}], "reason": "too many", "requestId": str(uuid4())}
            await ok(http, "POST", f"/v1/{self._bought.popleft()}:refund", body)
        else:
            order = await pay(http, await place(http, member, product))
            self._bought.append(str(order["name"]))
        return kind

    async def _browse(self, http: Http, member: str, product: str) -> None:
        paths = (f"/v1/{product}", f"/v1/{member}/balance", f"/v1/{member}", "/v1/products?pageSize=20")
        await ok(http, "GET", self._chance.choices(paths, (40, 35, 15, 10))[0])

    async def _fill(self, http: Http, member: str, product: str) -> None:
        line = {"product": product, "quantity": "1"}
        if self._chance.random() < 0.5:
            await ok(http, "POST", "/v1/orders:quote", {"member": member, "channel": CHANNEL, "lines": [line]})
            return
        cart = (
            self._carts.get(member)
            or (await ok(http, "POST", "/v1/carts", {"member": member, "channel": CHANNEL}))["name"]
        )
        self._carts[member] = cart
        body = {"product": product, "quantity": "1", "requestId": str(uuid4())}
        await ok(http, "POST", f"/v1/{cart}:addLine", body)

    async def _open_sale(self, http: Http) -> str:
        begin = utc_now() + timedelta(seconds=self.rush_after)
        wanted = {
            "product": shop.product(0),
            "price": {"currencyCode": "CNY", "units": "1"},
            "quota": str(_QUOTA),
            "startTime": _text(begin),
            "endTime": _text(begin + timedelta(hours=1)),
        }
        return str((await ok(http, "POST", "/v1/flashSales", wanted))["name"])

    async def _click(self, http: Http, sale: str) -> None:
        """Everybody clicks within a few seconds of the opening."""
        # The clock of the sale is the service's own; half a second makes sure that it is open.
        start = self.rush_after + 0.5
        buyers = self._chance.sample(list(self.suite.members), min(_CLICKS, len(self.suite.members)))

        async def click(number: int) -> str:
            body = {"member": buyers[number], "channel": CHANNEL, "requestId": str(uuid4())}
            status, answer = await http.send("POST", f"/v1/{sale}:buy", body)
            self.rush["sold" if status == 200 else reason(answer)] += 1
            return "click"

        await drive_at(click, (start + number * _RUSH_SECONDS / len(buyers) for number in range(len(buyers))))
        print(f"  flash sale: {dict(self.rush)}", flush=True)

    async def _template(self, http: Http, most: int) -> str:
        wanted = {
            "displayName": "Mailing",
            "percentOff": {"basisPoints": 1000},
            "daysAfterIssue": 30,
            "issueLimit": str(10 * most),
        }
        return str((await ok(http, "POST", "/v1/couponTemplates", wanted))["name"])

    async def _mail(self, http: Http, template: str, seconds: float) -> None:
        async def issue(number: int) -> str:
            member = self.suite.members[number % len(self.suite.members)]
            body: dict[str, Any] = {
                "couponTemplate": template,
                "member": member,
                "cause": f"mailing/{number}",
                "requestId": str(uuid4()),
            }
            await ok(http, "POST", "/v1/coupons:issue", body)
            self.coupons += 1
            return "coupon"

        await drive(issue, rate=_COUPONS_PER_SECOND, seconds=seconds)


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
