"""The unit of work of orders: one transaction and its stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kit.db.merges import MergeStore
from kit.db.parts import PartStore
from kit.errors import Fault, conflict
from kit.unit import Stored, Unit
from services.orders.domain import errors
from services.orders.domain.errors import catalogue, desk, shipping, stock
from services.orders.storage.addresses import AddressStore
from services.orders.storage.backorders import BackorderStore
from services.orders.storage.bargains import BargainStore, HaggleStore
from services.orders.storage.buyers import BuyerStore
from services.orders.storage.carts import CartStore
from services.orders.storage.categories import CategoryStore
from services.orders.storage.checkouts import CheckoutStore
from services.orders.storage.desk import DeskStore
from services.orders.storage.erased import ErasedStore
from services.orders.storage.flash_sale_units import FlashSaleUnitStore
from services.orders.storage.flash_sales import FlashSaleStore
from services.orders.storage.group_buys import GroupBuyStore
from services.orders.storage.groups import GroupStore
from services.orders.storage.ingest import IngestStore
from services.orders.storage.invoices import InvoiceStore
from services.orders.storage.locations import LocationStore
from services.orders.storage.order_events import OrderEventStore
from services.orders.storage.order_search import OrderSearch
from services.orders.storage.orders import OrderStore
from services.orders.storage.outlets import OutletStore
from services.orders.storage.payment_intents import PaymentIntentStore
from services.orders.storage.payment_notices import PaymentNoticeStore
from services.orders.storage.people import PeopleStore
from services.orders.storage.presale_orders import PresaleOrderStore
from services.orders.storage.presales import PresaleStore
from services.orders.storage.price_lists import PriceListStore
from services.orders.storage.product_groups import ProductGroupStore
from services.orders.storage.products import ProductStore
from services.orders.storage.provider_refunds import ProviderRefundStore
from services.orders.storage.pulls import PullStore
from services.orders.storage.reach import INSIDE
from services.orders.storage.reconciliations import ReconciliationStore
from services.orders.storage.refunds import RefundStore
from services.orders.storage.reservations import ReservationStore
from services.orders.storage.shipments import ShipmentStore
from services.orders.storage.stock_counts import StockCountStore
from services.orders.storage.stock_proof import StockProofStore
from services.orders.storage.stock_transfers import StockTransferStore
from services.orders.storage.stocks import StockStore
from services.orders.storage.tariff import MethodStore, TariffStore, TaxTableStore, ZoneStore
from services.orders.storage.verifications import VerificationStore
from services.orders.storage.waiting_rooms import WaitingRoomStore

CONSTRAINTS: Mapping[str, Callable[[], Fault]] = {
    "products_sku": errors.sku_taken,
    "payments_reference": errors.payment_reused,
    "products_variant": catalogue.variant_taken,
    "locations_pkey": stock.location_exists,
    "stocks_policy": stock.policy_elsewhere,
    "stock_count_lines_open": conflict,
    "parcels_waybill": desk.waybill_taken,
    "invoices_one": desk.invoice_exists,
    "tax_tables_area": shipping.tax_table_exists,
    "tax_tables_home": shipping.tax_table_exists,
}
"""What the schema's refusals mean to a caller."""


class OrdersUnit(Unit):
    """What the use-cases of orders see of a transaction."""

    reach = Stored(partial(PartStore, INSIDE))
    products = Stored(ProductStore)
    product_groups = Stored(ProductGroupStore)
    price_lists = Stored(PriceListStore)
    categories = Stored(CategoryStore)
    outlets = Stored(OutletStore)
    members = Stored(MergeStore)
    people = Stored(PeopleStore)
    erased = Stored(ErasedStore)
    buyers = Stored(BuyerStore)
    stocks = Stored(StockStore)
    backorders = Stored(BackorderStore)
    locations = Stored(LocationStore)
    reservations = Stored(ReservationStore)
    stock_transfers = Stored(StockTransferStore)
    stock_counts = Stored(StockCountStore)
    stock_proof = Stored(StockProofStore)
    verifications = Stored(VerificationStore)
    ingest = Stored(IngestStore)
    pulls = Stored(PullStore)
    orders = Stored(OrderStore)
    refunds = Stored(RefundStore)
    desk = Stored(DeskStore)
    order_search = Stored(OrderSearch)
    order_events = Stored(OrderEventStore)
    shipments = Stored(ShipmentStore)
    invoices = Stored(InvoiceStore)
    checkouts = Stored(CheckoutStore)
    flash_sales = Stored(FlashSaleStore)
    flash_sale_units = Stored(FlashSaleUnitStore)
    waiting_rooms = Stored(WaitingRoomStore)
    group_buys = Stored(GroupBuyStore)
    groups = Stored(GroupStore)
    bargains = Stored(BargainStore)
    haggles = Stored(HaggleStore)
    presales = Stored(PresaleStore)
    presale_orders = Stored(PresaleOrderStore)
    tariff = Stored(TariffStore)
    shipping_zones = Stored(ZoneStore)
    shipping_methods = Stored(MethodStore)
    tax_tables = Stored(TaxTableStore)
    addresses = Stored(AddressStore)
    carts = Stored(CartStore)
    payment_intents = Stored(PaymentIntentStore)
    payment_notices = Stored(PaymentNoticeStore)
    provider_refunds = Stored(ProviderRefundStore)
    reconciliations = Stored(ReconciliationStore)
