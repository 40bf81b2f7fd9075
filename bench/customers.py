"""What customers do, as JSON through the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from bench import shop
from bench.http import Http
from bench.openloop import Journey

CHANNEL = "bench"


def buyers(http: Http, members: Sequence[str], *, products: int) -> Journey:
    """Members who place an order of one line and pay it."""

    async def buy(number: int) -> str:
        order = await place(http, members[number % len(members)], shop.product(number % products))
        await pay(http, order)
        return "order"

    return buy


async def place(http: Http, member: str, product: str, *, quantity: int = 1) -> dict[str, Any]:
    """Place an order of one line."""
    lines = [{"product": product, "quantity": quantity}]
    body = {"member": member, "channel": CHANNEL, "lines": lines, "requestId": str(uuid4())}
    return await ok(http, "POST", "/v1/orders", body)


async def pay(http: Http, order: dict[str, Any]) -> dict[str, Any]:
    """Pay an order."""
    body = {"tender": "TENDER_MANUAL", "amount": order["amountDue"], "requestId": str(uuid4())}
    return await ok(http, "POST", f"/v1/{order['name']}:pay", body)


async def ok(http: Http, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Call; raises RuntimeError with the reason unless the answer is 200."""
    status, answer = await http.send(method, path, body)
    if status != 200:
        where = path.partition("?")[0].rpartition("/")[2].partition(":")[2] or path.split("/")[2].partition("?")[0]
        raise RuntimeError(f"{where}: {status} {reason(answer)}")
    return dict(answer)


def reason(answer: object) -> str:
    """Why a call was refused, by the answer."""
    details = answer.get("details", []) if isinstance(answer, dict) else []
    found = next((str(each["reason"]) for each in details if isinstance(each, dict) and "reason" in each), "")
    return found or (str(answer.get("message", ""))[:60] if isinstance(answer, dict) else "")
