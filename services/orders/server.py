"""`serve`: what answers gRPC."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from kit import vault
from kit.clock import utc_now
from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Peer, Server, Servicer, run, tls
from kit.rpc import Tokens as CallTokens
from kit.settings import load
from kit.signing import Signer
from services.orders import metrics, publish
from services.orders.api.bargains_servicer import BargainsServicer
from services.orders.api.campaigns import CampaignsCoupons, CampaignsPrices
from services.orders.api.carts_servicer import CartsServicer
from services.orders.api.catalogue_servicer import CatalogueServicer
from services.orders.api.channel_pulls import ChannelPulls
from services.orders.api.checkout_recovery import CheckoutRecovery
from services.orders.api.checkout_servicer import CheckoutServicer
from services.orders.api.flash_sales_servicer import FlashSalesServicer
from services.orders.api.fulfilment_servicer import FulfilmentServicer
from services.orders.api.group_buys_servicer import GroupBuysServicer
from services.orders.api.ingest_servicer import IngestServicer
from services.orders.api.inventory_servicer import InventoryServicer
from services.orders.api.members import MembersGiftCards, MembersPointRules, MembersPoints, MembersStoredValue
from services.orders.api.observed import Observed
from services.orders.api.order_desk_servicer import OrderDeskServicer
from services.orders.api.payment_notice import Notices
from services.orders.api.payment_sweeps import PaymentSweeps
from services.orders.api.payments_servicer import PaymentsServicer
from services.orders.api.presales_servicer import PresalesServicer
from services.orders.api.proof_servicer import ProofServicer
from services.orders.api.reach import OrdersReach
from services.orders.api.refunds_servicer import RefundsServicer
from services.orders.api.sending import Sendings
from services.orders.api.servicer import OrdersServicer
from services.orders.api.shipping_servicer import ShippingServicer
from services.orders.api.taxes_servicer import TaxesServicer
from services.orders.api.witnesses import Witnesses
from services.orders.config import Config
from services.orders.domain.checkout import StepKind
from services.orders.domain.payment import Tender
from services.orders.domain.waiting_room import Tickets
from services.orders.providers.offered import offered
from services.orders.providers.platforms import pulled
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import (
    activity_price,
    checkout,
    checkout_recovery,
    flash_sale,
    known_offers,
    offer,
    tariff,
)
from services.orders.usecases.checkout import Book, Checkout, Holders
from services.orders.usecases.checkout_recovery import Recovery
from services.orders.usecases.flash_sale_admission import Admission
from services.orders.usecases.known_offers import KnownOffers
from services.orders.usecases.paying import Paying
from services.orders.usecases.payment import ManualPayment
from services.orders.usecases.quote import Quoting
from services.orders.usecases.revival import Revival
from services.orders.usecases.tariff import KnownTariff

Database = AsyncDatabase[OrdersUnit]


def build(config: Config) -> Server:
    """Introduce the rooms to each other."""
    database = AsyncDatabase(
        config.database_url.get_secret_value(),
        partial(OrdersUnit, publish=publish.to_event),
        committed=metrics.count,
        constraints=CONSTRAINTS,
        pool_size=config.database_pool_size,
        statement_timeout_ms=config.statement_timeout_ms,
        name="orders serve",
    )
    edge = Edge(database)
    service_key = CallTokens.from_file(config.service_key_file)
    peer = partial(Peer, caller="orders", tokens=service_key, credentials=tls.towards(config))
    campaigns = peer("campaigns", config.peers_campaigns)
    members = peer("members", config.peers_members)
    book, holders = _book(database), _holders(campaigns, members)
    recovery = _recovery(database, book, holders)
    tokens = Tokens(config.page_token_key.get_secret_value())
    safe = vault.load(config.keyring_file)
    providers = offered(config)
    paying = Paying(database, providers)
    notices = Notices(database, paying, providers, vault=safe, clock=utc_now)
    shops = pulled(config.channels_file, timeout=config.provider_timeout.total_seconds())
    pulls = ChannelPulls(
        database,
        {code: shop.platform for code, shop in shops.items()},
        {code: shop.since for code, shop in shops.items()},
    )
    sweeps = PaymentSweeps(database, paying, notices)
    known = KnownTariff(edge.gather("tariff", tariff.read_tariff), time.monotonic)
    offers = _offers(database, edge)
    goods = edge.watched(offers.forget)
    selling = Checkout(
        quote=Quoting(
            find=offers,
            prices=CampaignsPrices(campaigns, edge, seconds=time.monotonic),
            activity=lambda basket, tariff: edge.read(activity_price.price, basket, tariff),
            tariff=known,
        ),
        rules=MembersPointRules(members),
        book=book,
        holders=holders,
        pay_within=config.pay_within,
        refund_policy=config.refund_policy,
    )
    sending = Sendings(known, safe, config.refund_policy)
    flash_sales = _flash_sales(config, database, edge, sending)
    return Server(
        name="orders",
        settings=config,
        database=database,
        edge=edge,
        reach=OrdersReach(edge),
        servicers=Servicer.of(
            OrdersServicer(
                edge,
                tokens,
                checkout=selling,
                providers={Tender.MANUAL: ManualPayment()},
                refund_limits=config.refund_limits,
                paying=paying,
                vault=safe,
                goods=goods,
            ),
            CatalogueServicer(goods, tokens),
            CheckoutServicer(edge, tokens),
            RefundsServicer(edge, limits=config.refund_limits),
            PaymentsServicer(edge, tokens, paying, notices),
            flash_sales,
            GroupBuysServicer(edge, tokens, sending=sending, clock=utc_now),
            OrderDeskServicer(edge, tokens, safe),
            FulfilmentServicer(edge, tokens, safe),
            BargainsServicer(edge, tokens, sending=sending, clock=utc_now),
            PresalesServicer(edge, tokens, sending=sending, clock=utc_now),
            InventoryServicer(edge, tokens),
            ShippingServicer(edge, tokens, quote=selling.quote, tariff=known, vault=safe),
            TaxesServicer(edge, tokens, tariff=known),
            IngestServicer(edge, tokens, clock=utc_now),
            ProofServicer(
                edge,
                tokens,
                Signer(Path(config.service_key_file).read_text()),
                witnesses=Witnesses(campaigns, members),
                clock=utc_now,
            ),
            CartsServicer(edge, checkout=selling, vault=safe),
        ),
        background=[
            flash_sales.tell_refusals,
            recovery.run,
            *sweeps.tasks(),
            *pulls.tasks(),
        ],
        closing=[
            *(provider.aclose for provider in providers.values()),
            *(shop.platform.aclose for shop in shops.values()),
        ],
    )


def _book(database: Database) -> Book:
    return Book(
        open_attempt=lambda command: database.write(checkout.open_attempt, command),
        go_on=lambda command: database.write(checkout.go_on, command),
        give_up=lambda command: database.write(checkout.give_up, command),
        released=lambda command: database.write(checkout.released, command),
    )


def _holders(campaigns: Peer, members: Peer) -> Holders:
    return {
        StepKind.COUPONS: Observed(CampaignsCoupons(campaigns)),
        StepKind.POINTS: Observed(MembersPoints(members)),
        StepKind.STORED_VALUE: Observed(MembersStoredValue(members)),
        StepKind.GIFT_CARD: Observed(MembersGiftCards(members)),
    }


def _recovery(database: Database, book: Book, holders: Holders) -> CheckoutRecovery:
    recovery = Recovery(
        take_up=partial(database.write, checkout_recovery.take_up),
        book=book,
        holders=holders,
        revive=Revival(database, book=book, holders=holders),
    )
    return CheckoutRecovery(recovery, partial(database.read, checkout_recovery.census))


def _offers(database: Database, edge: Edge[OrdersUnit]) -> KnownOffers:
    return KnownOffers(
        read=edge.gather("goods", known_offers.read_goods),
        changes=lambda versions: database.read(known_offers.read_changes, versions),
        find=edge.gather("offers", offer.find_offers),
        seconds=time.monotonic,
        clock=utc_now,
    )


def _flash_sales(config: Config, database: Database, edge: Edge[OrdersUnit], sending: Sendings) -> FlashSalesServicer:
    key = config.page_token_key.get_secret_value()
    tickets = Tickets(key)
    return FlashSalesServicer(
        edge,
        Tokens(key),
        admission=Admission(look=edge.gather("flash_offers", flash_sale.get_offers), tickets=tickets, clock=utc_now),
        sending=sending,
        tickets=tickets,
        tell=lambda counts: database.write(flash_sale.count_refusals, counts),
        clock=utc_now,
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
