"""Who may call what: a method's scope stands in its proto, a role's scopes stand here."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from kehu.options.v1 import options_pb2

from kit.errors import Fault, Kind
from kit.rpc import audit
from kit.rpc.call import Identity, Method

ROLES: dict[str, tuple[str, ...]] = {
    "admin": ("*",),
    "service": ("*",),
    "clerk": (
        "orders.*",
        "desk.*",
        "shipments.*",
        "invoices.request",
        "checkouts.read",
        "flash_sales.*",
        "group_buys.*",
        "bargains.*",
        "presales.*",
        "payments.read",
        "products.*",
        "price_lists.read",
        "stock.*",
        "locations.*",
        "members.*",
        "points.*",
        "tiers.*",
        "growth.*",
        "engagement.*",
        "rewards.read",
        "redemptions.*",
        "stored_value.*",
        "gift_cards.read",
        "gift_cards.write",
        "rights_cards.*",
        "coupons.*",
        "prices.*",
        "campaigns.read",
        "programmes.read",
        "shipping.read",
        "carts.*",
        "shops.*",
    ),
    "importer": ("members.read", "members.write", "orders.import", "products.import", "orders.ingest", "shops.read"),
    "marketer": (
        "campaigns.*",
        "coupons.*",
        "gift_cards.*",
        "prices.*",
        "rewards.*",
        "members.read",
        "tiers.read",
        "orders.read",
        "flash_sales.*",
        "group_buys.*",
        "bargains.*",
        "presales.*",
        "products.*",
        "price_lists.*",
        "shipping.*",
    ),
    "sales": ("pipeline.*", "leads.*", "products.read", "price_lists.read", "prices.*"),
    "shopper": (
        "products.read",
        "locations.read",
        "rewards.read",
        "prices.read",
        "orders.place",
        "flash_sales.read",
        "flash_sales.buy",
        "group_buys.read",
        "group_buys.join",
        "bargains.read",
        "bargains.haggle",
        "presales.read",
        "presales.buy",
        "carts.use",
        "shipping.read",
    ),
    "accountant": (
        "orders.read",
        "invoices.*",
        "payments.*",
        "refunds.*",
        "ledger.*",
        "settlements.read",
        "stored_value.read",
        "members.read",
        "points.read",
        "taxes.*",
        "proofs.*",
    ),
    "auditor": ("proofs.*", "audit.read", "ledger.read", "ledger.verify", "members.read", "points.read"),
    "viewer": ("*.read",),
}
"""Scopes of each role, with `*` for any. An unknown role grants nothing."""


SCOPE_AS_ROLE = "scope:"
"""A role that begins so grants the one scope that follows: what an OIDC issuer's token lists beside its roles."""


@lru_cache(maxsize=4096)
def granted(roles: tuple[str, ...], scope: str) -> bool:
    """Whether one of the roles grants the scope."""
    return f"{SCOPE_AS_ROLE}{scope}" in roles or any(
        fnmatchcase(scope, pattern) for role in roles for pattern in ROLES.get(role, ())
    )


def authorize(identity: Identity, method: Method) -> None:
    """Refuse the call unless its method has a scope and a role of the caller grants it."""
    if not method.scope:
        raise Fault(
            Kind.PERMISSION_DENIED, "METHOD_CLOSED", "nobody may call this method", metadata={"method": method.name}
        )
    if not granted(identity.roles, method.scope):
        raise Fault(
            Kind.PERMISSION_DENIED,
            "SCOPE_MISSING",
            f"the scope {method.scope} is needed",
            metadata={"scope": method.scope, "method": method.name},
        )


def methods_of(service: str) -> dict[str, Method]:
    """The RPCs of a service (full proto name) by their path, for example `/kehu.orders.v1.OrdersService/GetOrder`."""
    descriptor: ServiceDescriptor = descriptor_pool.Default().FindServiceByName(service)
    return {
        f"/{service}/{method.name}": Method(
            name=f"{service}/{method.name}",
            scope=method.GetOptions().Extensions[options_pb2.scope],
            request=message_factory.GetMessageClass(method.input_type),
            response=message_factory.GetMessageClass(method.output_type),
            streams=method.server_streaming,
            self_proving=method.GetOptions().Extensions[options_pb2.self_proving],
            privileged=audit.privileged(method.GetOptions().Extensions[options_pb2.scope]),
        )
        for method in descriptor.methods
    }
