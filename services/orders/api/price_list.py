"""Price lists between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from kehu.orders.v1 import catalogue_pb2 as pb
from kehu.orders.v1 import errors_pb2

from kit import names
from kit.money import Money, currency_of
from kit.rpc import convert
from services.orders.api.wire import (
    code_of,
    optional_id,
    optional_instant,
    optional_name,
    reason_of,
    version_of,
    window,
)
from services.orders.domain.price_list import Condition, Entry, PriceList, Shopper, Terms
from services.orders.domain.product import ProductState
from services.orders.usecases.offer import Considered, Explained
from services.orders.usecases.price_list import CreatePriceList, SetPrices, UpdatePriceList

_STATES = {
    ProductState.ACTIVE: pb.PriceList.STATE_ACTIVE,
    ProductState.ARCHIVED: pb.PriceList.STATE_ARCHIVED,
}
_UNMET = {
    Condition.STATE: pb.ConsideredPriceList.CONDITION_STATE,
    Condition.TIME: pb.ConsideredPriceList.CONDITION_TIME,
    Condition.CHANNEL: pb.ConsideredPriceList.CONDITION_CHANNEL,
    Condition.STORE: pb.ConsideredPriceList.CONDITION_STORE,
    Condition.TIER: pb.ConsideredPriceList.CONDITION_TIER,
    Condition.SEGMENT: pb.ConsideredPriceList.CONDITION_SEGMENT,
    Condition.ACCOUNT: pb.ConsideredPriceList.CONDITION_ACCOUNT,
    Condition.QUANTITY: pb.ConsideredPriceList.CONDITION_QUANTITY,
}
_READ: dict[str, Callable[[pb.PriceList], object]] = {
    "title": lambda given: given.title,
    "priority": lambda given: given.priority,
    "channel": lambda given: code_of("channels", given.channel, field="price_list.channel"),
    "store": lambda given: code_of("stores", given.store, field="price_list.store"),
    "tier": lambda given: given.tier,
    "segment": lambda given: optional_id("segments", given.segment, field="price_list.segment"),
    "account": lambda given: optional_id("accounts", given.account, field="price_list.account"),
}
_TIMES = ("start_time", "end_time")
_OTHERS = ("name", "currency_code", "state", "create_time", "update_time", "etag")


def price_list(found: PriceList) -> pb.PriceList:
    """Write a price list."""
    return pb.PriceList(
        name=names.join("priceLists", found.id),
        title=found.title,
        currency_code=found.currency,
        priority=found.priority,
        channel=f"channels/{found.channel}" if found.channel else "",
        store=f"stores/{found.store}" if found.store else "",
        tier=found.tier,
        segment=optional_name("segments", found.segment),
        account=optional_name("accounts", found.account),
        start_time=optional_instant(found.window.start),
        end_time=optional_instant(found.window.end),
        state=_STATES[found.state],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreatePriceListRequest) -> CreatePriceList:
    """Read a request."""
    given = request.price_list
    terms = {name: read(given) for name, read in _READ.items()}
    currency = currency_of(given.currency_code, field="price_list.currency_code")
    return CreatePriceList(
        names.new_id(),
        Terms(currency=currency, window=window(given), **terms),  # type: ignore[arg-type]
    )


def update(request: pb.UpdatePriceListRequest) -> UpdatePriceList:
    """Read a request: what its mask names, or what it fills in."""
    given = request.price_list
    fields = convert.masked_fields(given, request.update_mask, mutable=(*_READ, *_TIMES), output_only=_OTHERS)
    changes = {name: _READ[name](given) for name in fields if name in _READ}
    times = window(given)
    said = {"start_time": times.start, "end_time": times.end}
    list_id = names.id_of("priceLists", given.name, field="price_list.name")
    times_said = {name.removesuffix("_time"): said[name] for name in fields if name in said}
    return UpdatePriceList(list_id, changes, version_of(given.etag), times=times_said)


def archival(request: pb.ArchivePriceListRequest) -> UpdatePriceList:
    """Read a request."""
    return _to(request, ProductState.ARCHIVED)


def activation(request: pb.ActivatePriceListRequest) -> UpdatePriceList:
    """Read a request."""
    return _to(request, ProductState.ACTIVE)


def prices(request: pb.SetPricesRequest) -> SetPrices:
    """Read a request."""
    given = [
        (each, convert.money(each.price, field=f"prices[{index}].price")) for index, each in enumerate(request.prices)
    ]
    entries = {
        (product, least): Entry(product, least, amount.minor)
        for index, (each, amount) in enumerate(given)
        for product, least in [_key(each, f"prices[{index}].product")]
    }
    return SetPrices(
        names.id_of("priceLists", request.name),
        tuple(entries.values()),
        frozenset(amount.currency for _, amount in given),
        tuple(_key(each, f"removed[{index}].product") for index, each in enumerate(request.removed)),
        version_of(request.etag),
    )


def listed(of: PriceList, entry: Entry) -> pb.ListedPrice:
    """Write a price of a list."""
    return pb.ListedPrice(
        product=names.join("products", entry.product),
        min_quantity=entry.min_quantity,
        price=convert.wire_money(Money(entry.price, of.currency)),
    )


def entry_position(entry: Entry) -> tuple[str, str]:
    """Where a price stands in its pages."""
    return str(entry.product), str(entry.min_quantity)


def shopper(request: pb.ExplainPriceRequest) -> Shopper:
    """Read who asks for a price."""
    return Shopper(
        code_of("channels", request.channel, field="channel"),
        code_of("stores", request.store, field="store"),
        optional_id("members", request.member, field="member"),
        optional_id("accounts", request.account, field="account"),
    )


def explanation(found: Explained) -> pb.ExplainPriceResponse:
    """Write what a product costs, and why."""
    offer = found.offer
    return pb.ExplainPriceResponse(
        unit_price=convert.wire_money(offer.unit_price),
        price_list=optional_name("priceLists", offer.price_list),
        considered=[_considered(each) for each in found.considered],
        refusal=reason_of(offer.refusal) if offer.refusal else errors_pb2.ERROR_REASON_UNSPECIFIED,
    )


def _considered(each: Considered) -> pb.ConsideredPriceList:
    price = Money(each.entry.price, each.price_list.currency) if each.entry else None
    return pb.ConsideredPriceList(
        price_list=names.join("priceLists", each.price_list.id),
        title=each.price_list.title,
        priority=each.price_list.priority,
        price=convert.wire_money(price) if price else None,
        unmet=_UNMET[each.unmet] if each.unmet else pb.ConsideredPriceList.CONDITION_UNSPECIFIED,
    )


def _key(each: pb.ListedPrice | pb.PriceKey, path: str) -> tuple[UUID, int]:
    return names.id_of("products", each.product, field=path), each.min_quantity or 1


def _to(request: pb.ArchivePriceListRequest | pb.ActivatePriceListRequest, state: ProductState) -> UpdatePriceList:
    return UpdatePriceList(names.id_of("priceLists", request.name), {"state": state}, version_of(request.etag))
