"""How goods reach the customer, between the wire and the domain."""

from __future__ import annotations

import json
from uuid import UUID

from kehu.orders.v1 import deliveries_pb2 as pb

from kit import names
from kit.errors import internal
from kit.rpc import call, policy
from kit.vault import Unreadable, Vault, WrappedKey
from services.orders.api.stock import optional_location, optional_location_name
from services.orders.domain.address import Address, SealedAddress, dialled
from services.orders.domain.shipping import Choice, Delivery, MethodKind
from services.orders.domain.tax import Rounding, Taxation

PERSONAL = "orders.pii"
"""Who sees where orders are sent in full; others see it masked."""

_PURPOSE = b"delivery address"
_FIELDS = ("country", "province", "city", "district", "street", "postal_code", "recipient", "phone")

KINDS = {MethodKind.DELIVERY: pb.SHIPPING_KIND_DELIVERY, MethodKind.PICK_UP: pb.SHIPPING_KIND_PICK_UP}
KINDS_BACK = {wire: kind for kind, wire in KINDS.items()}
ROUNDINGS = {
    Rounding.HALF_UP: pb.TAX_ROUNDING_HALF_UP,
    Rounding.HALF_EVEN: pb.TAX_ROUNDING_HALF_EVEN,
    Rounding.HALF_DOWN: pb.TAX_ROUNDING_HALF_DOWN,
}
ROUNDINGS_BACK = {wire: rounding for rounding, wire in ROUNDINGS.items()}


def choice(wire: pb.DeliveryChoice) -> Choice:
    """Read how a customer wants the goods."""
    return Choice(
        names.id_of("shippingMethods", wire.shipping_method, field="delivery.shipping_method"),
        address(wire.address) if wire.HasField("address") else None,
        optional_location(wire.pick_up_location, field="delivery.pick_up_location"),
    )


def address(wire: pb.Address) -> Address:
    """Read an address."""
    return Address(
        wire.country_code,
        wire.province,
        wire.city,
        wire.district,
        wire.street,
        wire.postal_code,
        wire.recipient,
        wire.phone,
    )


def shown(found: Address) -> pb.Address:
    """Write an address as far as the present caller may see it."""
    seen = found if policy.granted(call.current().identity.roles, PERSONAL) else found.masked()
    return pb.Address(
        country_code=seen.country,
        province=seen.province,
        city=seen.city,
        district=seen.district,
        street=seen.street,
        postal_code=seen.postal_code,
        recipient=seen.recipient,
        phone=seen.phone,
    )


def sealed(vault: Vault, found: Address | None) -> SealedAddress | None:
    """An address as it is stored, under a new key."""
    return sealed_address(vault, found) if found is not None else None


def sealed_address(vault: Vault, found: Address) -> SealedAddress:
    """As `sealed`, of an address that is there."""
    owner = names.new_id()
    box, key = vault.create(owner.bytes)
    text = json.dumps([getattr(found, name) for name in _FIELDS], ensure_ascii=False)
    return SealedAddress(
        owner, key.key_id, key.wrapped, box.seal(text.encode(), _PURPOSE), phone_digest(vault, found.phone)
    )


def phone_digest(vault: Vault, phone: str) -> str:
    """What the orders that go to a phone number are found by; empty for no number."""
    digits = dialled(phone)
    return vault.digest("delivery phone", digits) if digits else ""


def opened(vault: Vault, stored: SealedAddress) -> Address:
    """A stored address. Raises a Fault when the keyring does not open it."""
    try:
        box = vault.box(WrappedKey(stored.key_id, stored.wrapped), stored.owner.bytes)
        return Address(*json.loads(box.open(stored.sealed, _PURPOSE)))
    except Unreadable:
        raise internal() from None


def delivery(found: Delivery | None) -> pb.OrderDelivery | None:
    """Write how an order reaches its customer."""
    if found is None:
        return None
    return pb.OrderDelivery(
        shipping_method=names.join("shippingMethods", found.method),
        title=found.title,
        kind=KINDS[found.kind],
        min_days=found.days[0],
        max_days=found.days[1],
        pick_up_location=optional_location_name(found.location),
    )


def taxation(found: Taxation | None) -> pb.OrderTaxation | None:
    """Write by which rules an order was taxed."""
    if found is None:
        return None
    return pb.OrderTaxation(
        tax_table=names.join("taxTables", found.table),
        prices_include_tax=found.included,
        rounding=ROUNDINGS[found.rounding],
    )


def order_of(name: str) -> UUID:
    """The order whose address has this name."""
    return names.parse("orders/{order}/address", name)["order"]
