"""A person whom nobody may find in telemetry: enrolled, served and refused in every way that takes personal data."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cli.demo.scene import Json, once, usd
from tests.e2e.callers import Caller


def _letters() -> str:
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))


@dataclass(frozen=True)
class Person:
    """Values of one test alone, so that whatever holds one of them told of this person."""

    phone: str = field(default_factory=lambda: f"+8613{secrets.randbelow(10**9):09d}")
    email: str = field(default_factory=lambda: f"{_letters()}@{_letters()}.example.com")
    name: str = field(default_factory=lambda: f"{_letters().title()} 王{_letters()}")
    street: str = field(default_factory=lambda: f"科技园{_letters()}路 1 号")
    company: str = field(default_factory=lambda: f"{_letters().title()} Trading")

    @property
    def values(self) -> list[str]:
        """All of them."""
        return [self.phone, self.email, self.name, self.street, self.company]


def live(caller: Caller, person: Person) -> str:
    """Everything that a person can do; answers the member's name."""
    body = {"displayName": person.name, "phone": person.phone, "email": person.email}
    member = str(_ok(caller, "/v1/members", body)["name"])
    _refused(caller, "POST", "/v1/members", body)
    _refused(caller, "POST", "/v1/members", {**body, "phone": f"{person.phone}x"})
    _ok(caller, "/v1/members:lookup", {"phone": person.phone})
    _refused(caller, "POST", "/v1/members:lookup", {"email": f"no-{person.email}"})
    _refused(caller, "PATCH", f"/v1/{member}", {"email": person.email, "phone": "1"})
    # What nobody should do, and somebody will: personal data in a path, in a query, in an id.
    _refused(caller, "GET", f"/v1/members/{person.phone}")
    _refused(caller, "GET", f"/v1/members?filter={person.email}")
    _refused(caller, "GET", f"/v1/{person.email}")
    _buy(caller, person, member)
    lead = {"source": "webform", "displayName": person.name, "companyName": person.company, "email": person.email}
    captured = _ok(caller, "/v1/leads:capture", {"lead": {**lead, "phone": person.phone}, "requestId": once()})
    _ok(caller, f"/v1/{captured['lead']['name']}:convert", {"requestId": once()})
    return member


def _buy(caller: Caller, person: Person, member: str) -> None:
    """An order that is brought, and one that can't be."""
    product = str(_ok(caller, "/v1/products", {"sku": once()[:12], "title": "Tea", "price": usd(1200)})["name"])
    _ok(caller, f"/v1/{product}/stocks/main:receive", {"quantity": "9", "requestId": once()})
    zone = _ok(caller, "/v1/shippingZones", {"title": "South", "countryCode": "CN", "regions": [once()[:8]]})["name"]
    rate = {"shippingZone": zone, "firstPrice": usd(800), "furtherGrams": 1000, "furtherPrice": usd(200)}
    method = {"title": "Parcel", "kind": "SHIPPING_KIND_DELIVERY", "active": True, "maxDays": 3, "rates": [rate]}
    parcel = _ok(caller, "/v1/shippingMethods", method)["name"]
    address = {
        "countryCode": "CN", "province": "广东省", "city": "深圳市", "street": person.street,
        "recipient": person.name, "phone": person.phone,
    }  # fmt: skip
    for chosen in (str(parcel), "shippingMethods/none"):
        order = {
            "member": member,
            "channel": "test",
            "lines": [{"product": product, "quantity": "1"}],
            "delivery": {"shippingMethod": chosen, "address": address},
            "requestId": once(),
        }
        caller.rest("POST", "/v1/orders", order)


def _refused(caller: Caller, verb: str, path: str, body: Json | None = None) -> None:
    assert 400 <= caller.rest(verb, path, body).status < 500


def _ok(caller: Caller, path: str, body: Json) -> Json:
    reply = caller.rest("POST", path, body)
    assert reply.status == 200, reply.body
    found: Json = reply.json
    return found
