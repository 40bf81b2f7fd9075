"""What the journeys need: members, and products with plenty of stock. Made once for a suite, through its gateway."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from deploy.local.suite import Running

_CALL_SECONDS = 10.0
_PLENTY = 1_000_000
PRICE = 1_000
CURRENCY = "USD"


@dataclass
class Shop:
    """The names of what is there."""

    members: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)


def opened(suite: Running, *, members: int = 40, products: int = 24) -> Shop:
    """Open a shop. Members have points to begin with, so that they can spend some."""
    shop = Shop()
    with requests.Session() as http:
        http.headers["authorization"] = f"Bearer {suite.token('admin')}"
        http.trust_env = False
        for _ in range(products):
            price = {"currencyCode": CURRENCY, "units": str(PRICE // 100)}
            made = _post(http, suite, "products", {"sku": f"F-{uuid.uuid4().hex[:8]}", "title": "T", "price": price})
            shop.products.append(made["name"])
            stock = {"quantity": str(_PLENTY), "requestId": once()}
            _post(http, suite, f"{made['name']}/stocks/main:receive", stock)
        for _ in range(members):
            phone = f"+8613{random.randrange(10**9):09d}"  # noqa: S311 - a phone number of nobody
            member = _post(http, suite, "members", {"displayName": "M", "phone": phone})["name"]
            points = {"points": "100000", "source": "shop", "requestId": once()}
            _post(http, suite, f"{member}/points:accrue", points)
            shop.members.append(member)
    return shop


def once() -> str:
    """A request id."""
    return str(uuid.uuid4())


def _post(http: requests.Session, suite: Running, path: str, body: dict[str, Any]) -> dict[str, str]:
    answer = http.post(f"{suite.gateway}/v1/{path}", json=body, timeout=_CALL_SECONDS)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found
