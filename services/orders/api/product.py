"""Products between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable

from kehu.orders.v1 import products_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.wire import version_of
from services.orders.domain.product import Content, Product, ProductQuery, ProductState
from services.orders.usecases.product import ChangeProduct, CreateProduct, UpdateProduct

_STATES = {
    ProductState.ACTIVE: pb.Product.STATE_ACTIVE,
    ProductState.ARCHIVED: pb.Product.STATE_ARCHIVED,
}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}
_READ: dict[str, Callable[[pb.Product], object]] = {
    "title": lambda given: given.title,
    "price": lambda given: convert.money(given.price, field="product.price"),
    "category": lambda given: given.category,
}
_OTHERS = ("name", "sku", "state", "create_time", "update_time", "etag")


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
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreateProductRequest) -> CreateProduct:
    """Read a request."""
    given = request.product
    price = convert.money(given.price, field="product.price")
    return CreateProduct(names.new_id(), given.sku, Content(given.title, price, category=given.category))


def update(request: pb.UpdateProductRequest) -> UpdateProduct:
    """Read a request: what its mask names, or what it fills in."""
    given = request.product
    fields = convert.masked_fields(given, request.update_mask, mutable=tuple(_READ), output_only=_OTHERS)
    changes = {name: _READ[name](given) for name in fields}
    return UpdateProduct(names.id_of("products", given.name, field="product.name"), changes, version_of(given.etag))


def change(request: pb.ArchiveProductRequest | pb.ActivateProductRequest) -> ChangeProduct:
    """Read a request."""
    return ChangeProduct(names.id_of("products", request.name), version_of(request.etag))


def query(request: pb.ListProductsRequest) -> ProductQuery:
    """Read a request's filters."""
    return ProductQuery(request.sku or None, _STATES_BACK.get(request.state))


def position(found: Product) -> tuple[str, str]:
    """Where a product stands in its pages."""
    return found.create_time.isoformat(), str(found.id)
