"""Orders as its process runs it: a real gRPC server in the test's own process, over a real database, with its peers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import catalogue_pb2, inventory_pb2, orders_pb2, products_pb2, stock_pb2
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.catalogue_pb2_grpc import CatalogueServiceStub
from kehu.orders.v1.checkout_pb2_grpc import CheckoutServiceStub
from kehu.orders.v1.fulfilment_pb2_grpc import FulfilmentServiceStub
from kehu.orders.v1.inventory_pb2_grpc import InventoryServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.payments_pb2_grpc import PaymentsServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub

from kit.db import Database
from kit.money import Money
from kit.rpc import Server
from kit.rpc.convert import wire_money
from services.orders import publish
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.peers import Campaigns, Members, serving_peers
from tests.support.rpc import Keys, channel_to, serving


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("orders")


@pytest.fixture
async def campaigns() -> Campaigns:
    """The campaigns that orders asks."""
    return Campaigns()  # type: ignore[abstract]  # the rest is answered UNIMPLEMENTED


@pytest.fixture
async def members() -> Members:
    """The members that orders asks."""
    return Members()  # type: ignore[abstract]  # the rest is answered UNIMPLEMENTED


@pytest.fixture
async def peers(campaigns: Campaigns, members: Members) -> AsyncIterator[str]:
    """Where both answer."""
    async with serving_peers(campaigns, members) as address:
        yield address


@pytest.fixture
async def server(url: str, peers: str, settings: Callable[..., Any]) -> Server:
    """The service, built as its process builds it."""
    return build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))


@pytest.fixture
async def channel(server: Server, keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the running service, as an administrator."""
    async with serving(server, keys.bearer("admin")) as channel:
        yield channel


@pytest.fixture
def orders(channel: grpc.aio.Channel) -> OrdersServiceStub:
    """The service, as a client sees it."""
    return OrdersServiceStub(channel)


@pytest.fixture
def database(url: str) -> Iterator[Database[OrdersUnit]]:
    """The same database, as the service's worker sees it."""
    database = Database(url, partial(OrdersUnit, publish=publish.to_event))
    yield database
    database.close()


@pytest.fixture
def shipping(channel: grpc.aio.Channel) -> ShippingServiceStub:
    """Zones, methods and addresses, as a client sees them."""
    return ShippingServiceStub(channel)


@pytest.fixture
def taxes(channel: grpc.aio.Channel) -> TaxesServiceStub:
    """Tax tables, as a client sees them."""
    return TaxesServiceStub(channel)


@dataclass(frozen=True)
class Shop:
    """The shortest way to put things on sale and to buy them."""

    orders: OrdersServiceStub

    async def product(self, *, price: int = 990, stock: int = 100, currency: str = "CNY") -> str:
        """A product on sale; its name."""
        product = products_pb2.Product(
            sku=f"SKU-{uuid.uuid4()}", title="Green tea", price=wire_money(Money(price, currency))
        )
        made: products_pb2.Product = await self.orders.CreateProduct(products_pb2.CreateProductRequest(product=product))
        if stock:
            await self.orders.ReceiveStock(
                stock_pb2.ReceiveStockRequest(name=f"{made.name}/stocks/main", quantity=stock)
            )
        return made.name

    async def stock(self, product: str) -> tuple[int, int]:
        """Units on hand and reserved."""
        found = await self.orders.GetStock(stock_pb2.GetStockRequest(name=f"{product}/stocks/main"))
        return found.on_hand, found.reserved

    async def pay(self, order: orders_pb2.Order, **fields: Any) -> orders_pb2.Order:
        """Pay what is due."""
        paid: orders_pb2.Order = await self.orders.PayOrder(
            orders_pb2.PayOrderRequest(
                name=order.name, tender=orders_pb2.TENDER_MANUAL, amount=order.amount_due, **fields
            )
        )
        return paid


@pytest.fixture
def shop(orders: OrdersServiceStub) -> Shop:
    """A shop."""
    return Shop(orders)


def placing(*lines: tuple[str, int], channel: str = "web", **fields: Any) -> orders_pb2.PlaceOrderRequest:
    """A request to buy units of products."""
    wanted = [orders_pb2.RequestedLine(product=product, quantity=quantity) for product, quantity in lines]
    return orders_pb2.PlaceOrderRequest(lines=wanted, channel=channel, **fields)


EAST, WEST = "/cn/east/shanghai", "/cn/west"
"""Parts of the organisation with a store each: `sh-1`, `cd-1`."""


@dataclass
class Clerk:
    """Somebody with every scope."""

    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.orders, self.inventory = OrdersServiceStub(self.channel), InventoryServiceStub(self.channel)
        self.desk, self.catalogue = OrderDeskServiceStub(self.channel), CatalogueServiceStub(self.channel)
        self.fulfilment, self.payments = FulfilmentServiceStub(self.channel), PaymentsServiceStub(self.channel)
        self.carts, self.checkouts = CartsServiceStub(self.channel), CheckoutServiceStub(self.channel)


@pytest.fixture
def boss(channel: grpc.aio.Channel) -> Clerk:
    """Who sees all."""
    return Clerk(channel)


@pytest.fixture
async def east(server: Server, channel: grpc.aio.Channel, keys: Keys) -> AsyncIterator[Clerk]:
    """Who sees `/cn/east`."""
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("admin", org="/cn/east")) as narrow:
        yield Clerk(narrow)


async def opened(boss: Clerk, code: str, org: str) -> None:
    """A store, and the location behind it."""
    store = catalogue_pb2.Store(title=code, org=org)
    await boss.catalogue.CreateStore(catalogue_pb2.CreateStoreRequest(store=store, store_id=code))
    place = inventory_pb2.Location(title=code, kind=inventory_pb2.Location.KIND_STORE, active=True, ships=True, org=org)
    await boss.inventory.CreateLocation(inventory_pb2.CreateLocationRequest(location=place, location_id=code))


@pytest.fixture
async def stores(boss: Clerk) -> None:
    await opened(boss, "sh-1", EAST)
    await opened(boss, "cd-1", WEST)
    await opened(boss, "eastern-1", "/cn/eastern")
