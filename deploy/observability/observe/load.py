"""Business for the panels: the demo's scenes, a steady stream of orders, and what the scenes leave out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.demo import deal, race, sales, shop, steady
from cli.demo.scene import Json, Scene, once, usd

_ORDERS_PER_SECOND, _SECONDS = 10, 20
_RACES = 3


def play(scene: Scene) -> None:
    """All of it, once."""
    races = [race.play] * _RACES
    for part in (shop.play, deal.play, *races, sales.play, _money, _rush, _leads, _stream):
        try:
            part(scene)
        except Exception as error:  # noqa: BLE001 - whatever broke the part off, the expressions will tell
            scene.check(f"{part.__module__}.{part.__name__} plays to its end", False, repr(error))


def _stream(scene: Scene) -> None:
    """Orders one by one."""
    steady.stream(scene.gateway, scene.token, per_second=_ORDERS_PER_SECOND, seconds=_SECONDS)


def order(scene: Scene, product: Json, *, units: int = 1, member: str = "", **more: object) -> Json:
    """An order that waits for its payment, or why it is refused."""
    line = {"product": product["name"], "quantity": str(units)}
    body = {"channel": "demo", "lines": [line], "requestId": once(), **more}
    return scene.post("orders", body | ({"member": member} if member else {}))


def _money(scene: Scene) -> None:
    """Stored value, points as money, a payment by provider, an order that is given up, a budget of coupons."""
    yuan = {"currencyCode": "CNY", "units": "9"}
    sku = f"OBS-{once()[:8].upper()}"
    product = scene.post("products", {"sku": sku, "title": "Tea", "price": yuan}, request_id=once())
    scene.post(f"{product['name']}/stocks/main:receive", {"quantity": "100", "requestId": once()})
    intent = {"provider": "PAYMENT_PROVIDER_WECHAT_PAY", "scene": "PAYMENT_SCENE_NATIVE"}
    waiting = order(scene, product)
    scene.post(f"{waiting['name']}/paymentIntents", intent, request_id=once())
    given_up = order(scene, product)
    scene.post(f"{given_up['name']}:cancel", {"reason": "CANCEL_REASON_CUSTOMER", "requestId": once()})
    member = shop.enrol(scene)
    scene.post("topUps", {"member": member, "amount": usd(5_000), "store": "stores/1"}, request_id=once())
    scene.post(f"{member}/points:accrue", {"points": "500", "source": f"observe/{once()}", "requestId": once()})
    dear = shop.put_on_sale(scene, title="Cup", price=1_000, stock=10)
    order(scene, dear, member=member, points="100")
    refused = order(scene, dear, member=member, points="100000")
    scene.check("more points than there are pay nothing", "code" in refused, refused)
    template = {
        "displayName": "A tenth off",
        "percentOff": {"basisPoints": 1000, "maxDiscount": usd(500)},
        "daysAfterIssue": 30,
        "budget": usd(100_000),
    }
    scene.post("couponTemplates", template, request_id=once())
    scene.send("POST", "paymentNotices/wechatPay", {"id": once()}, {})


def _rush(scene: Scene) -> None:
    """A flash sale with more buyers than units."""
    product = shop.put_on_sale(scene, title="Drop", price=990, stock=50)
    now = datetime.now(UTC)
    sale = scene.post(
        "flashSales",
        {
            "product": product["name"],
            "location": "locations/main",
            "displayName": "Drop",
            "price": usd(500),
            "quota": "5",
            "startTime": (now - timedelta(minutes=1)).isoformat(),
            "endTime": (now + timedelta(hours=2)).isoformat(),
            "memberLimit": 1,
        },
        request_id=once(),
    )
    buyers = [shop.enrol(scene) for _ in range(7)]
    told = [
        scene.send(
            "POST", f"{sale['name']}:buy", {"member": buyer, "channel": "demo", "quantity": 1, "requestId": once()}, {}
        )
        for buyer in buyers
    ]
    scene.check("five of seven buy", sum(status == 200 for status, _ in told) == 5, told[-1])


def _leads(scene: Scene) -> None:
    """More leads than anybody has taken."""
    lead = {"source": "webform", "displayName": "王芳", "companyName": "Cafés", "email": f"{once()[:8]}@example.com"}
    found = scene.post("leads:capture", {"lead": lead, "requestId": once()})
    scene.check("a lead comes in", "lead" in found, found)
