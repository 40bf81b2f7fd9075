"""The suite under mutual TLS: Envoy, and services that ask each other, with certificates of the test's authority."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kehu.members.v1 import members_pb2
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.orders.v1 import orders_pb2, products_pb2, stock_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from gateway import Address, Place
from gateway.place import Mutual
from gateway.rules import Rules
from kit.rpc import Server
from services.campaigns import server as campaigns
from services.campaigns.config import Config as CampaignsConfig
from services.members import server as members
from services.members.config import Config as MembersConfig
from services.orders import server as orders
from services.orders.config import Config as OrdersConfig
from tests.integration.gateway.running import Gateway, free_port, running
from tests.support.certificates import Authority, Pair
from tests.support.rpc import Keys, channel_to, refused

HOST = "127.0.0.1"
ROOMS = ("members", "campaigns", "orders")


def patient() -> Rules:
    """The rules of the house, for a machine that does much beside."""
    rules = Rules.read().model_dump()
    rules["classes"]["write"]["timeout_seconds"] = 20
    return Rules.model_validate(rules)


@dataclass
class Suite:
    """Three services, each with a certificate, and the gateway before them. All can be started again elsewhere in
    their lives with other files, as a rolling restart does."""

    settings: Callable[..., Any]
    databases: dict[str, str]
    folder: Path
    place: Place
    bearer: str
    ports: dict[str, int] = field(default_factory=lambda: {room: free_port() for room in ROOMS})
    servers: dict[str, Server] = field(default_factory=dict)
    trusted: Path = field(init=False)
    pairs: dict[str, Pair] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trusted = self.folder / "trusted.crt"

    def trust(self, *authorities: Authority) -> None:
        """Whoever starts from now on trusts these."""
        self.trusted.write_bytes(b"".join(each.certificate.read_bytes() for each in authorities))

    def certify(self, authority: Authority, name: str) -> None:
        """What `name` shows once it starts again, at the paths it always had."""
        pair = authority.sign(f"{name}-new", HOST)
        known = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        shutil.move(pair.certificate, known.certificate)
        shutil.move(pair.key, known.key)
        self.pairs[name] = known

    async def start(self, room: str) -> None:
        """Start a service, or start it again."""
        if room in self.servers:
            await self.servers.pop(room).stop(grace=1)
        kinds: dict[str, tuple[Any, Callable[[Any], Server]]] = {
            "members": (MembersConfig, members.build),
            "campaigns": (CampaignsConfig, campaigns.build),
            "orders": (OrdersConfig, orders.build),
        }
        config, build = kinds[room]
        peers = {f"peers_{peer}": f"{HOST}:{self.ports[peer]}" for peer in ("members", "campaigns")}
        server = build(
            self.settings(
                config,
                database_url=self.databases[room],
                grpc_address=f"{HOST}:{self.ports[room]}",
                default_deadline_ms=20_000,
                tls_cert_file=str(self.pairs[room].certificate),
                tls_key_file=str(self.pairs[room].key),
                tls_ca_file=str(self.trusted),
                **(peers if room == "orders" else {}),
            )
        )
        await server.start()
        self.servers[room] = server

    def gateway(self, stack: ExitStack) -> Gateway:
        """Envoy before them, until the stack is closed."""
        pair = self.pairs["gateway"]
        there = {room: [Address(HOST, port)] for room, port in self.ports.items()}
        at = replace(
            self.place,
            upstreams={**self.place.upstreams, **there},
            mutual=Mutual(str(pair.certificate), str(pair.key), str(self.trusted)),
        )
        return stack.enter_context(running(at, self.folder, rules=patient(), bearer=self.bearer))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def suite(
    migrated: Callable[[str], str],
    settings: Callable[..., Any],
    tmp_path: Path,
    place: Callable[[], Place],
    keys: Keys,
    authority: Authority,
) -> AsyncIterator[Suite]:
    """The suite, its certificates signed by the authority."""
    databases = {room: migrated(room) for room in ROOMS}
    made = Suite(settings, databases, tmp_path, place(), keys.bearer("admin"))
    made.trust(authority)
    for name in (*ROOMS, "gateway"):
        made.certify(authority, name)
    async with AsyncExitStack() as stack:
        for room in ROOMS:
            await made.start(room)
            stack.push_async_callback(lambda room=room: made.servers[room].stop(grace=0.1))  # type: ignore[misc]
        yield made


@dataclass
class Customer:
    """A member with points, and something to buy, all by the gateway."""

    channel: grpc.aio.Channel
    member: str = ""
    product: str = ""

    async def arrive(self) -> None:
        """Join, earn points; let there be something to buy."""
        desk, shop = MembersServiceStub(self.channel), OrdersServiceStub(self.channel)
        joined = await desk.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member()))
        self.member = joined.name
        await desk.AccruePoints(members_pb2.AccruePointsRequest(parent=self.member, points=10_000, source="gift"))
        price = Money(currency_code="USD", units=10)
        product = products_pb2.Product(sku=f"TEA-{uuid.uuid4()}", title="Tea", price=price)
        made = await shop.CreateProduct(products_pb2.CreateProductRequest(product=product))
        self.product = made.name
        stock = f"{self.product}/stocks/main"
        await shop.ReceiveStock(stock_pb2.ReceiveStockRequest(name=stock, quantity=100))

    async def buy(self) -> orders_pb2.Order:
        """An order that campaigns prices, and for which members holds points."""
        order: orders_pb2.Order = await OrdersServiceStub(self.channel).PlaceOrder(
            orders_pb2.PlaceOrderRequest(
                member=self.member,
                channel="web",
                lines=[orders_pb2.RequestedLine(product=self.product, quantity=1)],
                points=100,
                request_id=str(uuid.uuid4()),
            )
        )
        assert order.hold.startswith(self.member)
        return order


async def test_an_order_goes_through_envoy_and_three_services_that_prove_themselves(suite: Suite) -> None:
    with ExitStack() as stack:
        gateway = await asyncio.to_thread(suite.gateway, stack)
        async with channel_to(str(gateway.place.listen), suite.bearer) as channel:
            customer = Customer(channel)
            await customer.arrive()
            order = await customer.buy()

        assert order.points == 100
        reply = await asyncio.to_thread(gateway.call, "GET", f"/v1/{order.name}")
        assert reply.status == 200


@pytest.mark.parametrize("who", ["without a certificate", "with a stranger's", "without TLS"])
async def test_no_service_answers_who_shows_no_certificate_of_ours_not_even_its_health(
    suite: Suite, authority: Authority, keys: Keys, tmp_path: Path, who: str
) -> None:
    trusted = authority.certificate.read_bytes()
    stranger = Authority(tmp_path, "stranger").sign("stranger", HOST)
    credentials = {
        "without a certificate": grpc.ssl_channel_credentials(trusted),
        "with a stranger's": grpc.ssl_channel_credentials(
            trusted, stranger.key.read_bytes(), stranger.certificate.read_bytes()
        ),
    }
    for room in ROOMS:
        address = f"{HOST}:{suite.ports[room]}"
        known = credentials.get(who)
        channel = grpc.aio.secure_channel(address, known) if known else grpc.aio.insecure_channel(address)
        async with channel:
            bearer = (("authorization", keys.bearer("admin")),)
            order = orders_pb2.GetOrderRequest(name=f"orders/{uuid.uuid4()}")
            for call in (
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5),
                OrdersServiceStub(channel).GetOrder(order, timeout=5, metadata=bearer),
            ):
                assert (await refused(call)).code is grpc.StatusCode.UNAVAILABLE


async def test_the_authority_is_replaced_step_by_step_and_customers_go_on_buying(
    suite: Suite, authority: Authority, tmp_path: Path
) -> None:
    """As docs/security.md says it: trust both, replace the certificates, take the old one out; a restart each."""
    new = Authority(tmp_path, "new")

    def certify() -> None:
        for name in (*ROOMS, "gateway"):
            suite.certify(new, name)

    steps: tuple[Callable[[], None], ...] = (
        lambda: suite.trust(authority, new),
        certify,
        lambda: suite.trust(new),
    )
    with ExitStack() as first:
        gateway = await asyncio.to_thread(suite.gateway, first)
        async with channel_to(str(gateway.place.listen), suite.bearer) as channel:
            customer = Customer(channel)
            await customer.arrive()

    for step in steps:
        step()
        for room in ROOMS:
            await suite.start(room)
            with ExitStack() as stack:  # a gateway that started before the step, and one that starts after it
                gateway = await asyncio.to_thread(suite.gateway, stack)
                async with channel_to(str(gateway.place.listen), suite.bearer) as channel:
                    await replace(customer, channel=channel).buy()
