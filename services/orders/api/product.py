"""Products between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kehu.orders.v1 import catalogue_pb2
from kehu.orders.v1 import products_pb2 as pb

from kit import names
from kit.errors import Fault, invalid
from kit.money import currency_of, exponent
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
from services.orders.domain import product_import
from services.orders.domain.product import (
    EVERYWHERE,
    Component,
    Content,
    Image,
    Product,
    ProductQuery,
    ProductSearch,
    ProductState,
    Window,
)
from services.orders.domain.product_import import Outcome, ProductRow, RowGroup, RowPrice, RowResult
from services.orders.domain.stock import MAIN
from services.orders.usecases.product import ChangeProduct, CreateProduct, PublishProduct, UpdateProduct
from services.orders.usecases.product_search import Search

_STATES = {
    ProductState.ACTIVE: pb.Product.STATE_ACTIVE,
    ProductState.ARCHIVED: pb.Product.STATE_ARCHIVED,
}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}
_OUTCOMES = {
    Outcome.CREATED: catalogue_pb2.ProductRowResult.STATE_CREATED,
    Outcome.UNCHANGED: catalogue_pb2.ProductRowResult.STATE_UNCHANGED,
    Outcome.UPDATED: catalogue_pb2.ProductRowResult.STATE_UPDATED,
    Outcome.REJECTED: catalogue_pb2.ProductRowResult.STATE_REJECTED,
}
_EVERY_CHANNEL = "-"
"""Stands for EVERYWHERE in the name of a channel."""

# What can be changed: the field, the name of what it changes, and how it is read.
_READ: dict[str, tuple[str, Callable[[pb.Product], object]]] = {
    "title": ("title", lambda given: given.title),
    "price": ("price", lambda given: convert.money(given.price, field="product.price")),
    "category": ("category", lambda given: given.category),
    "description": ("description", lambda given: given.description),
    "images": ("images", lambda given: images(given.images)),
    "attributes": ("attributes", lambda given: dict(given.attributes)),
    "weight_grams": ("weight_grams", lambda given: given.weight_grams),
    "tax_class": ("tax_class", lambda given: given.tax_class),
    "purchase_limit": ("purchase_limit", lambda given: given.purchase_limit),
    "product_group": (
        "group",
        lambda given: optional_id("productGroups", given.product_group, field="product.product_group"),
    ),
    "options": ("options", lambda given: dict(given.options)),
    "components": ("components", lambda given: _components(given.components)),
    "summed": ("summed", lambda given: given.summed),
}
_OTHERS = ("name", "sku", "state", "create_time", "update_time", "publications", "etag")


def product(found: Product) -> pb.Product:
    """Write a product."""
    return pb.Product(
        name=names.join("products", found.id),
        sku=found.sku,
        title=found.title,
        price=convert.wire_money(found.price),
        state=_STATES[found.state],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        category=found.category,
        description=found.description,
        images=wire_images(found.images),
        attributes=found.attributes,
        weight_grams=found.weight_grams,
        tax_class=found.tax_class,
        purchase_limit=found.purchase_limit,
        product_group=optional_name("productGroups", found.group),
        options=found.options,
        components=[
            pb.Component(product=names.join("products", part.product), quantity=part.quantity)
            for part in found.components
        ],
        summed=found.summed,
        publications=[_publication(*each) for each in sorted(found.publications.items())],
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreateProductRequest) -> CreateProduct:
    """Read a request."""
    given = request.product
    content = Content(**{name: read(given) for name, read in _READ.values()})  # type: ignore[arg-type]
    return CreateProduct(names.new_id(), given.sku, content)


def update(request: pb.UpdateProductRequest) -> UpdateProduct:
    """Read a request: what its mask names, or what it fills in."""
    given = request.product
    fields = convert.masked_fields(given, request.update_mask, mutable=tuple(_READ), output_only=_OTHERS)
    changes = {name: read(given) for name, read in (_READ[field] for field in fields)}
    return UpdateProduct(names.id_of("products", given.name, field="product.name"), changes, version_of(given.etag))


def change(request: pb.ArchiveProductRequest | pb.ActivateProductRequest) -> ChangeProduct:
    """Read a request."""
    return ChangeProduct(names.id_of("products", request.name), version_of(request.etag))


def publication(request: catalogue_pb2.PublishProductRequest) -> PublishProduct:
    """Read a request."""
    return _publish(request, window(request))


def withdrawal(request: catalogue_pb2.UnpublishProductRequest) -> PublishProduct:
    """Read a request."""
    return _publish(request, None)


def query(request: pb.ListProductsRequest) -> ProductQuery:
    """Read a request's filters."""
    return ProductQuery(request.sku or None, _STATES_BACK.get(request.state))


def search(request: catalogue_pb2.SearchProductsRequest) -> Search:
    """Read a request's words and filters."""
    currency = currency_of(request.currency_code) if request.currency_code else ""
    scale = 10 ** exponent(currency)
    filters = ProductSearch(
        state=_STATES_BACK.get(request.state),
        group=optional_id("productGroups", request.product_group, field="product_group"),
        channel=code_of("channels", request.channel, field="channel"),
        currency=currency,
        min_price=request.min_units * scale if request.min_units else None,
        max_price=request.max_units * scale if request.max_units else None,
    )
    return Search(request.query, code_of("categories", request.category, field="category"), filters)


def rows(request: catalogue_pb2.BatchUpsertProductsRequest) -> list[ProductRow | Fault]:
    """Read the rows of an import. A row that can't even be read is its Fault, and no other row's."""
    return [_row(row) for row in request.rows]


def results(found: list[RowResult]) -> catalogue_pb2.BatchUpsertProductsResponse:
    """Write what became of the rows of an import."""
    return catalogue_pb2.BatchUpsertProductsResponse(results=[_result(result) for result in found])


def position(found: Product) -> tuple[str, str]:
    """Where a product stands in its pages."""
    return found.create_time.isoformat(), str(found.id)


def images(given: Iterable[pb.Image]) -> tuple[Image, ...]:
    """Read pictures."""
    return tuple(Image(image.url, image.alt) for image in given)


def wire_images(found: Iterable[Image]) -> list[pb.Image]:
    """Write pictures."""
    return [pb.Image(url=image.url, alt=image.alt) for image in found]


def _components(given: Iterable[pb.Component]) -> tuple[Component, ...]:
    return tuple(
        Component(names.id_of("products", part.product, field=f"product.components[{index}].product"), part.quantity)
        for index, part in enumerate(given)
    )


def _publish(
    request: catalogue_pb2.PublishProductRequest | catalogue_pb2.UnpublishProductRequest, when: Window | None
) -> PublishProduct:
    everywhere = request.channel == f"channels/{_EVERY_CHANNEL}"
    channel = EVERYWHERE if everywhere else code_of("channels", request.channel, field="channel")
    return PublishProduct(names.id_of("products", request.name), channel, when, version_of(request.etag))


def _publication(channel: str, when: Window | None) -> pb.Publication:
    return pb.Publication(
        channel=f"channels/{_EVERY_CHANNEL if channel == EVERYWHERE else channel}",
        published=when is not None,
        start_time=optional_instant(when.start) if when else None,
        end_time=optional_instant(when.end) if when else None,
    )


def _row(row: catalogue_pb2.ProductRow) -> ProductRow | Fault:
    contents: dict[str, object] = {
        name: getattr(row, name)
        for name in ("title", "category", "description", "weight_grams", "tax_class", "purchase_limit")
        if getattr(row, name)
    }
    try:
        if not row.sku.strip():
            raise invalid("sku", "must not be blank")
        if row.HasField("price"):
            contents["price"] = convert.money(row.price, field="price")
    except Fault as fault:
        return fault
    if row.image_urls:
        contents["images"] = tuple(Image(url) for url in row.image_urls)
    if row.attributes:
        contents["attributes"] = dict(row.attributes)
    try:
        return ProductRow(
            names.new_id(),
            row.sku,
            contents,
            group=_group(row),
            options=_options(row),
            components=tuple((part.sku, part.quantity) for part in row.components),
            prices=tuple(_price(each) for each in row.prices),
            stocks=tuple((_location(each.location), each.quantity) for each in row.stocks),
        )
    except Fault as fault:
        return fault


def _options(row: catalogue_pb2.ProductRow) -> dict[str, str]:
    if len({each.option for each in row.options}) != len(row.options):
        raise invalid("options", "must name each option once")
    return {each.option: each.value for each in row.options}


def _group(row: catalogue_pb2.ProductRow) -> RowGroup | None:
    if not row.group:
        return None
    if row.group.startswith("productGroups/"):
        return RowGroup(names.id_of("productGroups", row.group, field="group"))
    return RowGroup(product_import.group_id(row.group), row.group, row.group_title)


def _price(wire: catalogue_pb2.ProductRowPrice) -> RowPrice:
    amount = convert.money(wire.price, field="prices")
    if bool(wire.price_list) == bool(wire.channel):
        raise invalid("prices", "must name a price list or a channel, and not both")
    channel = code_of("channels", wire.channel, field="prices")
    in_channel = product_import.list_id(channel, amount.currency)
    wanted = names.id_of("priceLists", wire.price_list, field="prices") if wire.price_list else in_channel
    return RowPrice(wanted, channel, wire.min_quantity or 1, amount)


def _location(wire: str) -> str:
    return code_of("locations", wire, field="stocks") if wire else MAIN


def _result(result: RowResult) -> catalogue_pb2.ProductRowResult:
    if result.fault is None:
        return catalogue_pb2.ProductRowResult(
            state=_OUTCOMES[result.outcome], product=optional_name("products", result.product)
        )
    violation = result.fault.violations[0] if result.fault.violations else None
    return catalogue_pb2.ProductRowResult(
        state=_OUTCOMES[result.outcome],
        reason=reason_of(result.fault),
        field=violation.field.removeprefix("product.") if violation else "",
        description=violation.description if violation else result.fault.message,
    )
