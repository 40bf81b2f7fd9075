"""What callers reach who see a part of the organisation: its stores and what they sell, its locations and what lies
there, and the orders of its sales people's opportunities."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from google.protobuf.message import Message

from kit.errors import Fault, not_found
from kit.rpc import Edge
from kit.rpc.call import Call
from kit.rpc.reach import UUIDS, Confined, Named, Rules, too_narrow

CODES = r"[^/]+"
COLLECTIONS = {
    **dict.fromkeys(("orders", "checkouts", "carts", "reservations", "stockCounts", "stockTransfers"), UUIDS),
    f"groupBuys/{UUIDS}/groups": UUIDS,
    **dict.fromkeys(("stores", "shops", "locations", f"products/{UUIDS}/stocks"), CODES),
}

SOLD_IN_A_STORE = frozenset({"QuoteOrder", "PlaceOrder", "BuyFlashSale", "BuyPresale", "OpenGroup", "JoinGroup"})
"""Methods by which something is sold: they have to say in which store, and it must be of the caller's part."""

RULES = Rules(
    by_name=frozenset(
        {
            *("GetStore", "UpdateStore", "ExplainCheckout", "BuyFlashSale", "CreateShipment", "GetShipment"),
            *("ShipShipment", "DeliverShipment", "ReturnShipment", "CancelShipment", "RenewPickUpCode"),
            *("CollectShipment", "GetLocation", "UpdateLocation", "UpdateStock", "ListStockMovements"),
            *("CreateStockTransfer", "GetStockTransfer", "ReceiveStockTransfer", "CancelStockTransfer"),
            *("CreateStockCount", "GetStockCount", "EnterStockCount", "PostStockCount", "CancelStockCount"),
            *("CreateReservation", "GetReservation", "ConfirmReservation", "ReleaseReservation", "ListOrderEvents"),
            *("WriteOrderNote", "TagOrder", "HoldOrder", "ReleaseOrder", "ChangeDeliveryAddress", "RequestInvoice"),
            *("GetInvoice", "IssueInvoice", "RejectInvoice", "VoidInvoice", "GetStock", "ReceiveStock"),
            *("AdjustStock", "QuoteOrder", "PlaceOrder", "GetOrder", "PayOrder", "CancelOrder", "CompleteOrder"),
            *("RefundOrder", "CreatePaymentIntent", "GetPaymentIntent", "CancelPaymentIntent"),
            *("ResolvePaymentIntent", "RetryProviderRefund", "BuyPresale", "VerifyOrder"),
            *("ListOrderVerifications", "PreviewRefund", "GetRefund", "ApproveRefund", "RejectRefund"),
            *("ReceiveReturn", "SettleRefund", "GetDeliveryAddress", "CreateCart", "GetCart", "RefreshCart"),
            "CheckoutOrder",
            *("AddCartLine", "SetCartLine", "MoveCartLine", "SetCartCoupons", "MergeCart", "CheckoutCart"),
            *("OpenGroup", "JoinGroup", "GetGroup", "FillGroup", "GetShop", "IngestOrders", "GetIngestedOrder"),
            *("ListIngestedOrders", "RetryIngestedOrder", "MapChannelSku"),
        }
    ),
    parts={
        **dict.fromkeys(("ListOrders", "SearchOrders", "ListRefunds", "ListShipments", "ListInvoices"), "org"),
        **dict.fromkeys(("ListStores", "ListLocations", "ListStocks", "ListBackorders"), "org"),
        **dict.fromkeys(("ListStockTransfers", "ListStockCounts", "ListCheckouts", "ListPaymentIntents"), "org"),
        **dict.fromkeys(("ListProviderRefunds", "ListPresaleOrders", "ListGroups", "ListShops"), "org"),
    },
    moves={"UpdateStore": "store", "UpdateLocation": "location"},
    of_nobody=frozenset(
        {
            # What is for sale, and by which rules of the house.
            *("GetProduct", "ListProducts", "SearchProducts", "GetProductGroup", "ListProductGroups", "GetCategory"),
            *("ListCategories", "GetChannel", "ListChannels", "ExplainPrice", "GetPriceList", "ListPriceLists"),
            *("ListPrices", "GetFlashSale", "ListFlashSales", "GetFlashSaleFigures", "WatchFlashSale", "GetGroupBuy"),
            *("ListGroupBuys", "GetBargain", "ListBargains", "GetPresale", "ListPresales", "GetShippingZone"),
            *("ListShippingZones", "GetShippingMethod", "ListShippingMethods", "SuggestShippingMethods"),
            *("GetTaxTable", "ListTaxTables", "GetOrderVerificationKeySet"),
            # A place in a queue, which tells nothing.
            "EnterWaitingRoom",
        }
    ),
)

_ENDS = {"ReceiveStockTransfer": "arrivals", "CancelStockTransfer": "departures"}
"""Who receives a transfer must see where it goes to, who takes it back where it came from."""


class OrdersReach(Confined):
    """Looks where it is what a request names."""

    def __init__(self, edge: Edge[Any]) -> None:
        super().__init__(RULES, COLLECTIONS, edge, missing=_missing)

    async def narrow(self, call: Call, request: Any) -> None:
        """See `kit.rpc.reach.Reach`."""
        method = call.method.name.rpartition("/")[2]
        if method in SOLD_IN_A_STORE:
            await self._check_store(call, request, request.store)
        elif method == "CreateCart":
            await self._check_store(call, request, request.cart.store)
        elif method == "CheckoutCart" and request.store:  # else it is sold in the cart's own
            await self._check_store(call, request, request.store)
        elif method == "ExplainCheckout":
            await self.look(call.identity.org, {"checkouts": self.named(request).get("orders", [])})
        elif method in _ENDS:
            await self.look(call.identity.org, {_ENDS[method]: self.named(request).get("stockTransfers", [])})
        elif method == "CreateStockTransfer":
            await self._check_origin(call, request)
        else:
            await super().narrow(call, request)

    async def _check_store(self, call: Call, request: Message, store: str) -> None:
        """Who sells must see the store, and all else that the request names."""
        if not store:
            raise too_narrow(call)
        await self.look(call.identity.org, {**self.named(request), "stores": [store.removeprefix("stores/")]})

    async def _check_origin(self, call: Call, request: Any) -> None:
        """Units leave a location for any other; who says that they arrived must see that one too."""
        wanted = request.stock_transfer
        ends = [wanted.origin, wanted.destination] if request.arrived else [wanted.origin]
        await self.look(call.identity.org, {"locations": [end.removeprefix("locations/") for end in ends]})

    async def look(self, org_: str, named: Named) -> None:
        """See `Confined`."""
        things: dict[str, list[str]] = defaultdict(list)
        for collection, ids in named.items():
            # Stock belongs to where it lies; of a group its group buy says nothing.
            kind = collection.rpartition("/")[2]
            things["locations" if kind == "stocks" else kind] += ids
        await super().look(org_, things)


def _missing(collection: str, id_: str) -> Fault:
    return not_found(f"{'stockTransfers' if collection in _ENDS.values() else collection}/{id_}")
