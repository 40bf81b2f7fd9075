"""`serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial

from kehu.orders.v1 import orders_pb2_grpc

from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Peer, Server, Servicer, run
from kit.rpc import Tokens as CallTokens
from kit.settings import load
from services.orders import publish
from services.orders.api.campaigns import CampaignsCoupons, CampaignsPrices
from services.orders.api.members import MembersPoints
from services.orders.api.servicer import OrdersServicer
from services.orders.config import Config
from services.orders.domain.payment import Tender
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import checkout, product
from services.orders.usecases.checkout import Checkout
from services.orders.usecases.payment import ManualPayment


def build(config: Config) -> Server:
    """Introduce the rooms to each other."""
    database = AsyncDatabase(
        config.database_url.get_secret_value(),
        partial(OrdersUnit, publish=publish.to_event),
        constraints=CONSTRAINTS,
        pool_size=config.database_pool_size,
        statement_timeout_ms=config.statement_timeout_ms,
        name="orders serve",
    )
    edge = Edge(database)
    service_key = CallTokens.from_file(config.service_key_file)
    campaigns = Peer("campaigns", config.peers_campaigns, caller="orders", tokens=service_key)
    members = Peer("members", config.peers_members, caller="orders", tokens=service_key)
    servicer = OrdersServicer(
        edge,
        Tokens(config.page_token_key.get_secret_value()),
        checkout=Checkout(
            find=edge.gather("products", product.find_products),
            begin=lambda command: database.write(checkout.open_attempt, command),
            abandon=lambda order_id: database.write(checkout.abandon_attempt, order_id),
            prices=CampaignsPrices(campaigns),
            coupons=CampaignsCoupons(campaigns),
            points=MembersPoints(members),
            pay_within=config.pay_within,
        ),
        providers={Tender.MANUAL: ManualPayment()},
    )
    return Server(
        name="orders",
        settings=config,
        database=database,
        edge=edge,
        servicers=[
            Servicer("kehu.orders.v1.OrdersService", orders_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
        ],
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
