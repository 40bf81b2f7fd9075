"""Where orders are sent: sealed texts, which whoever has the keyring opens."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.address import SealedAddress

_ADD = text("""
    insert into delivery_addresses (order_id, owner, key_id, wrapped, sealed, phone)
    select * from unnest(cast(:orders as uuid[]), cast(:owners as uuid[]), cast(:key_ids as text[]),
                         cast(:wrapped as bytea[]), cast(:sealed as bytea[]), cast(:phones as text[]))
""")

_PUT = text("""
    insert into delivery_addresses (order_id, owner, key_id, wrapped, sealed, phone)
    values (:order, :owner, :key_id, :wrapped, :sealed, :phone)
    on conflict (order_id) do update
    set owner = excluded.owner, key_id = excluded.key_id, wrapped = excluded.wrapped, sealed = excluded.sealed,
        phone = excluded.phone
""")

_GET = text("select owner, key_id, wrapped, sealed, phone from delivery_addresses where order_id = :order")

_FORGET = text("""
    delete from delivery_addresses a using orders o
    where o.id = a.order_id and o.member_id = any(cast(:members as uuid[]))
""")


class AddressStore:
    """The addresses of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, addresses: Sequence[tuple[UUID, SealedAddress]]) -> None:
        """Store the addresses of new orders."""
        given = [address for _, address in addresses]
        self._connection.execute(
            _ADD,
            {
                "orders": [order for order, _ in addresses],
                "owners": [address.owner for address in given],
                "key_ids": [address.key_id for address in given],
                "wrapped": [address.wrapped for address in given],
                "sealed": [address.sealed for address in given],
                "phones": [address.phone for address in given],
            },
        )

    def put(self, order_id: UUID, address: SealedAddress) -> None:
        """Store the address of an order. One that it had, and its key, are gone."""
        columns = {
            "order": order_id,
            "owner": address.owner,
            "key_id": address.key_id,
            "wrapped": address.wrapped,
            "sealed": address.sealed,
            "phone": address.phone,
        }
        self._connection.execute(_PUT, columns)

    def get(self, order_id: UUID) -> SealedAddress | None:
        """The address of an order, if it has one."""
        row = self._connection.execute(_GET, {"order": order_id}).one_or_none()
        if row is None:
            return None
        return SealedAddress(UUID(str(row.owner)), row.key_id, bytes(row.wrapped), bytes(row.sealed), row.phone)

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete the addresses of all orders of members, with the keys that open them."""
        self._connection.execute(_FORGET, {"members": list(members)})
