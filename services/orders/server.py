"""`serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial

from kehu.orders.v1 import checkout_pb2_grpc, orders_pb2_grpc

from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Peer, Server, Servicer, run
from kit.rpc import Tokens as CallTokens
from kit.settings import load
from services.orders import publish
from services.orders.api.campaigns import CampaignsCoupons, CampaignsPrices
from services.orders.api.checkout_recovery import CheckoutRecovery
from services.orders.api.checkout_servicer import CheckoutServicer
from services.orders.api.members import MembersGiftCards, MembersPoints, MembersStoredValue
from services.orders.api.observed import Observed
from services.orders.api.servicer import OrdersServicer
from services.orders.config import Config
from services.orders.domain.checkout import StepKind
from services.orders.domain.payment import Tender
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import checkout, checkout_recovery, offer
from services.orders.usecases.checkout import Book, Checkout
from services.orders.usecases.checkout_recovery import Recovery
from services.orders.usecases.payment import ManualPayment
from services.orders.usecases.quote import Quoting


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
    book = Book(
        open_attempt=lambda command: database.write(checkout.open_attempt, command),
        go_on=lambda command: database.write(checkout.go_on, command),
        give_up=lambda command: database.write(checkout.give_up, command),
        released=lambda command: database.write(checkout.released, command),
    )
    holders = {
        StepKind.COUPONS: Observed(CampaignsCoupons(campaigns)),
        StepKind.POINTS: Observed(MembersPoints(members)),
        StepKind.STORED_VALUE: Observed(MembersStoredValue(members)),
        StepKind.GIFT_CARD: Observed(MembersGiftCards(members)),
    }
    recovery = CheckoutRecovery(
        Recovery(take_up=partial(database.write, checkout_recovery.take_up), book=book, holders=holders),
        partial(database.read, checkout_recovery.census),
    )
    tokens = Tokens(config.page_token_key.get_secret_value())
    servicer = OrdersServicer(
        edge,
        tokens,
        checkout=Checkout(
            quote=Quoting(find=edge.gather("offers", offer.find_offers), prices=CampaignsPrices(campaigns, edge)),
            book=book,
            holders=holders,
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
            Servicer("kehu.orders.v1.OrdersService", orders_pb2_grpc.add_OrdersServiceServicer_to_server, servicer),
            Servicer(
                "kehu.orders.v1.CheckoutService",
                checkout_pb2_grpc.add_CheckoutServiceServicer_to_server,
                CheckoutServicer(edge, tokens),
            ),
        ],
        background=[recovery.run],
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
