"""A customer's day: joins, buys, pays, earns, gives one unit back, enters a segment, gets a coupon and uses it."""

from __future__ import annotations

import random

from kehu.campaigns.v1 import campaigns_pb2_grpc, coupons_pb2
from kehu.members.v1 import members_pb2, members_pb2_grpc
from kehu.orders.v1 import orders_pb2, orders_pb2_grpc

from cli.demo.scene import Json, Scene, cents, once, usd

PRICE = 2_599
UNITS = 4


def play(scene: Scene) -> None:
    """The scene, step by step."""
    product = put_on_sale(scene, title="客户 · Tea set", price=PRICE, stock=20)
    segment = welcome_automation(scene)
    member = enrol(scene)
    order = buy(scene, member, product)
    pay(scene, order)
    watch_points(scene, member, wanted=UNITS * PRICE // 100, title="points for what was paid")
    watch_tier(scene, member)
    refund_one(scene, order)
    watch_points(scene, member, wanted=(UNITS - 1) * PRICE // 100, title="points of one unit taken back")
    use_coupon(scene, member, product, coupon=receive_coupon(scene, member, segment))


def put_on_sale(scene: Scene, *, title: str, price: int, stock: int) -> Json:
    """A product with stock, by REST."""
    sku = f"DEMO-{once()[:8].upper()}"
    product = scene.post("products", {"sku": sku, "title": title, "price": usd(price)}, request_id=once())
    name = f"{product['name']}/stocks/main"
    received = scene.post(f"{name}:receive", {"quantity": str(stock), "requestId": once()})
    scene.check("a product is on sale with stock", int(received.get("available", 0)) == stock, received)
    return product


def enrol(scene: Scene) -> str:
    """A member, by REST; found again by phone, by gRPC."""
    phone = f"+8613{random.randrange(10**9):09d}"  # noqa: S311 - a phone number of nobody
    body = {"displayName": "李雷", "phone": phone, "email": f"demo-{once()[:8]}@example.com", "homeStore": "stores/1"}
    name = str(scene.post("members", body, request_id=once())["name"])
    with scene.channel() as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        found = stub.LookupMember(members_pb2.LookupMemberRequest(phone=phone), metadata=scene.metadata)
    scene.check("a member joins and is found by phone", found.name == name, found.name)
    return name


def buy(scene: Scene, member: str, product: Json) -> str:
    """The same order request three times, by gRPC: one order."""
    request = orders_pb2.PlaceOrderRequest(
        member=member,
        channel="demo",
        lines=[orders_pb2.RequestedLine(product=product["name"], quantity=UNITS)],
        request_id=once(),
    )
    with scene.channel() as channel:
        stub = orders_pb2_grpc.OrdersServiceStub(channel)
        names = [stub.PlaceOrder(request, metadata=scene.metadata).name for _ in range(3)]
    stock = scene.get(f"{product['name']}/stocks/main")
    scene.check("the same request sent three times is one order", len(set(names)) == 1, names[0])
    scene.check("its units are reserved once", int(stock.get("reserved", 0)) == UNITS, stock)
    return str(names[0])


def pay(scene: Scene, order: str) -> None:
    """Pay what is due, by REST; a wrong amount is refused."""
    due = scene.get(order)["amountDue"]
    body = {"tender": "TENDER_MANUAL", "amount": due, "reference": "till 1", "requestId": once()}
    status, refusal = scene.send("POST", f"{order}:pay", {**body, "amount": usd(1), "requestId": once()}, {})
    scene.check("a wrong amount is refused", status == 400, refusal.get("message", refusal))
    paid = scene.post(f"{order}:pay", body)
    scene.check("the order is paid", paid.get("state") == "STATE_PAID", paid.get("state", paid))


def watch_points(scene: Scene, member: str, *, wanted: int, title: str) -> None:
    """The balance, by gRPC, until the event has come."""
    with scene.channel() as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        request = members_pb2.GetBalanceRequest(name=f"{member}/balance")
        balance, seconds = scene.eventually(
            lambda: stub.GetBalance(request, metadata=scene.metadata).available, lambda points: points == wanted
        )
    scene.check(title, balance == wanted, f"{balance} points, seen after {seconds * 1000:.0f} ms")


def watch_tier(scene: Scene, member: str) -> None:
    """The tier, by REST."""
    tier, _ = scene.eventually(lambda: scene.get(member).get("tier"), lambda tier: tier == "silver")
    scene.check("the tier moves up", tier == "silver", tier)


def refund_one(scene: Scene, order: str) -> None:
    """One unit back, by REST, the same request twice."""
    body = {"lines": [{"position": 1, "quantity": "1"}], "reason": "too many", "requestId": once()}
    first, second = scene.post(f"{order}:refund", body), scene.post(f"{order}:refund", body)
    amount = cents(first.get("amount", {}))
    scene.check("one unit is refunded once", first == second and amount == PRICE, f"{amount} cents")


def welcome_automation(scene: Scene) -> str:
    """A template, a segment of recent buyers, and the rule that ties them, by REST."""
    template = scene.post(
        "couponTemplates",
        {
            "displayName": "Welcome back",
            "percentOff": {"basisPoints": 1000},
            "daysAfterIssue": 30,
            "issueLimit": "1000",
        },
        request_id=once(),
    )
    recent = {"metric": "METRIC_RECENCY_DAYS", "comparison": "COMPARISON_AT_MOST", "number": "30"}
    spent = {"metric": "METRIC_TOTAL_SPENT", "comparison": "COMPARISON_AT_LEAST", "amount": usd(5_000)}
    rule = {"allOf": {"rules": [{"criterion": recent}, {"criterion": spent}]}}
    segment = scene.post("segments", {"displayName": "Bought this month", "rule": rule}, request_id=once())
    scene.eventually(lambda: scene.get(segment["name"]).get("state"), lambda state: state == "STATE_ACTIVE")
    automation = scene.post(
        "automations",
        {"displayName": "Thank you", "segment": segment["name"], "couponTemplate": template["name"]},
        request_id=once(),
    )
    scene.check("an automation waits for a segment", automation.get("state") == "STATE_ACTIVE", automation)
    return str(segment["name"])


def receive_coupon(scene: Scene, member: str, segment: str) -> str:
    """The coupon that the segment's automation issued, by gRPC."""
    with scene.channel() as channel:
        stub = campaigns_pb2_grpc.CampaignsServiceStub(channel)
        request = coupons_pb2.ListCouponsRequest(member=member)
        coupons, _ = scene.eventually(lambda: stub.ListCoupons(request, metadata=scene.metadata).coupons, bool)
    scene.check("entering the segment issued one coupon", len(coupons) == 1, [coupon.name for coupon in coupons])
    entered = [each["member"] for each in scene.get(f"{segment}/members").get("segmentMembers", [])]
    scene.check("the member is in the segment", member in entered, f"{len(entered)} in the segment")
    return str(coupons[0].name)


def use_coupon(scene: Scene, member: str, product: Json, *, coupon: str) -> None:
    """An order with the coupon, by REST; once paid, the coupon is used up."""
    line = {"product": product["name"], "quantity": "2"}
    body = {"member": member, "channel": "demo", "lines": [line], "coupons": [coupon], "requestId": once()}
    order = scene.post("orders", body)
    discount = cents(order.get("discount", {}))
    scene.check("the coupon takes a tenth off", discount == round(2 * PRICE / 10), f"{discount} cents")
    paid = {"tender": "TENDER_MANUAL", "amount": order["amountDue"], "reference": "till 1", "requestId": once()}
    scene.post(f"{order['name']}:pay", paid)
    state, _ = scene.eventually(lambda: scene.get(coupon).get("state"), lambda state: state == "STATE_USED")
    scene.check("the coupon is used up", state == "STATE_USED", state)
    status, refusal = scene.send("POST", "orders", {**body, "requestId": once()}, {})
    scene.check("it can't be used again", status == 400, refusal.get("message", refusal))
