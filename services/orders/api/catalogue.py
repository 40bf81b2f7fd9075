"""Groups of variants, categories, channels and stores between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable

from kehu.orders.v1 import catalogue_pb2 as pb

from kit import names, org
from kit.rpc import convert
from services.orders.api.product import images, wire_images
from services.orders.api.wire import code_of, version_of
from services.orders.domain.category import Category
from services.orders.domain.outlet import Outlet, OutletKind
from services.orders.domain.product_group import Option, ProductGroup
from services.orders.usecases.catalogue import Change, ChangeOutlet, DeleteCategory, NewCategory, NewGroup, NewOutlet

_TIMES = ("name", "create_time", "update_time", "etag")
_GROUP: dict[str, Callable[[pb.ProductGroup], object]] = {
    "title": lambda given: given.title,
    "description": lambda given: given.description,
    "options": lambda given: tuple(Option(each.title, tuple(each.values)) for each in given.options),
    "images": lambda given: images(given.images),
}
_CATEGORY: dict[str, Callable[[pb.Category], object]] = {
    "title": lambda given: given.title,
    "parent": lambda given: code_of("categories", given.parent, field="category.parent") or None,
    "position": lambda given: given.position,
}


def group(found: ProductGroup) -> pb.ProductGroup:
    """Write a group."""
    return pb.ProductGroup(
        name=names.join("productGroups", found.id),
        title=found.title,
        description=found.description,
        options=[pb.ProductOption(title=option.name, values=option.values) for option in found.options],
        images=wire_images(found.images),
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def new_group(request: pb.CreateProductGroupRequest) -> NewGroup:
    """Read a request."""
    return NewGroup(names.new_id(), {name: read(request.product_group) for name, read in _GROUP.items()})


def group_change(request: pb.UpdateProductGroupRequest) -> Change:
    """Read a request."""
    given = request.product_group
    fields = convert.masked_fields(given, request.update_mask, mutable=tuple(_GROUP), output_only=_TIMES)
    group_id = names.id_of("productGroups", given.name, field="product_group.name")
    return Change(group_id, {name: _GROUP[name](given) for name in fields}, version_of(given.etag))


def category(found: Category) -> pb.Category:
    """Write a category."""
    return pb.Category(
        name=names.join("categories", found.code),
        title=found.title,
        parent=names.join("categories", found.parent) if found.parent else "",
        position=found.position,
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def new_category(request: pb.CreateCategoryRequest) -> NewCategory:
    """Read a request."""
    given = request.category
    parent = code_of("categories", given.parent, field="category.parent")
    return NewCategory(request.category_id, given.title, parent or None, given.position)


def category_change(request: pb.UpdateCategoryRequest) -> Change:
    """Read a request."""
    given = request.category
    fields = convert.masked_fields(given, request.update_mask, mutable=tuple(_CATEGORY), output_only=_TIMES)
    code = code_of("categories", given.name, field="category.name")
    return Change(code, {name: _CATEGORY[name](given) for name in fields}, version_of(given.etag))


def category_deletion(request: pb.DeleteCategoryRequest) -> DeleteCategory:
    """Read a request."""
    return DeleteCategory(code_of("categories", request.name), version_of(request.etag))


def category_position(found: Category) -> tuple[str, str]:
    """Where a category stands in its pages."""
    return str(found.position), found.code


def channel(found: Outlet) -> pb.Channel:
    """Write a channel."""
    return pb.Channel(
        name=names.join(OutletKind.CHANNEL, found.code),
        title=found.title,
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def store(found: Outlet) -> pb.Store:
    """Write a store."""
    return pb.Store(
        name=names.join(OutletKind.STORE, found.code),
        title=found.title,
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        org=found.org,
        etag=convert.etag(found.version),
    )


def new_channel(request: pb.CreateChannelRequest) -> NewOutlet:
    """Read a request."""
    return NewOutlet(OutletKind.CHANNEL, request.channel_id, request.channel.title)


def new_store(request: pb.CreateStoreRequest) -> NewOutlet:
    """Read a request."""
    part = org.parse(request.store.org, field="store.org")
    return NewOutlet(OutletKind.STORE, request.store_id, request.store.title, part)


def channel_change(request: pb.UpdateChannelRequest) -> ChangeOutlet:
    """Read a request."""
    fields = convert.masked_fields(request.channel, request.update_mask, mutable=("title",), output_only=_TIMES)
    return _outlet_change(OutletKind.CHANNEL, request.channel, fields, "channel.name")


def store_change(request: pb.UpdateStoreRequest) -> ChangeOutlet:
    """Read a request."""
    given = request.store
    fields = convert.masked_fields(given, request.update_mask, mutable=("title", "org"), output_only=_TIMES)
    return _outlet_change(OutletKind.STORE, given, fields, "store.name")


def outlet_position(found: Outlet) -> tuple[str]:
    """Where a channel or store stands in its pages."""
    return (found.code,)


def _outlet_change(kind: OutletKind, given: pb.Channel | pb.Store, fields: list[str], path: str) -> ChangeOutlet:
    code = code_of(kind.value, given.name, field=path)
    values: dict[str, object] = {field: getattr(given, field) for field in fields}
    if "org" in values:
        values["org"] = org.parse(str(values["org"]), field="store.org")
    return ChangeOutlet(kind, Change(code, values, version_of(given.etag)))
