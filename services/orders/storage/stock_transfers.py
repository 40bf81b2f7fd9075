"""Transfers with their items: rows to domain and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, literal_column, select, text, tuple_, update

from kit.page import Page
from services.orders.domain.stock_transfer import StockTransfer, TransferItem, TransferState
from services.orders.storage import parts
from services.orders.storage.tables.stock import stock_transfer_items, stock_transfers

_ITEMS = """
    (select cast(json_agg(json_build_array(i.product_id, i.shipped, i.received) order by i.product_id) as text)
     from stock_transfer_items i where i.transfer_id = stock_transfers.id)"""
_WHOLE = (*stock_transfers.c, literal_column(_ITEMS).label("items"))

_SAVE_ITEMS = text("""
    update stock_transfer_items i set received = u.received
    from unnest(cast(:products as uuid[]), cast(:received as bigint[])) as u (product_id, received)
    where i.transfer_id = :transfer and i.product_id = u.product_id
""")


class StockTransferStore:
    """The transfers of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, transfer: StockTransfer) -> None:
        """Store a new transfer."""
        self._connection.execute(
            insert(stock_transfers).values(
                id=transfer.id,
                origin=transfer.origin,
                destination=transfer.destination,
                note=transfer.note,
                state=transfer.state.value,
                create_time=transfer.create_time,
                end_time=transfer.end_time,
                version=transfer.version,
            )
        )
        items = [
            {"transfer_id": transfer.id, "product_id": each.product, "shipped": each.shipped, "received": each.received}
            for each in transfer.items
        ]
        self._connection.execute(insert(stock_transfer_items), items)

    def get(self, transfer_id: UUID) -> StockTransfer | None:
        """A transfer."""
        row = self._connection.execute(select(*_WHOLE).where(stock_transfers.c.id == transfer_id)).one_or_none()
        return _transfer(row) if row else None

    def lock(self, transfer_id: UUID) -> StockTransfer | None:
        """A transfer, which nobody else changes until the transaction ends."""
        statement = select(stock_transfers.c.id).where(stock_transfers.c.id == transfer_id).with_for_update()
        return self.get(transfer_id) if self._connection.execute(statement).one_or_none() else None

    def save(self, transfer: StockTransfer) -> None:
        """Store a transfer that ended."""
        statement = update(stock_transfers).where(stock_transfers.c.id == transfer.id)
        ended = {"state": transfer.state.value, "end_time": transfer.end_time, "version": transfer.version}
        self._connection.execute(statement.values(ended))
        columns = {
            "transfer": transfer.id,
            "products": [item.product for item in transfer.items],
            "received": [item.received for item in transfer.items],
        }
        self._connection.execute(_SAVE_ITEMS, columns)

    def page(self, state: TransferState | None, page: Page, *, org: str = "") -> list[StockTransfer]:
        """The transfers of a page and one more if there are more, the latest first; from or to a part of the
        organisation, if given."""
        latest = (stock_transfers.c.create_time.desc(), stock_transfers.c.id.desc())
        statement = select(*_WHOLE).order_by(*latest).limit(page.fetch)
        if state is not None:
            statement = statement.where(stock_transfers.c.state == state.value)
        if org:
            statement = statement.where(parts.at("stock_transfers", org, "origin", "destination"))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(stock_transfers.c.create_time, stock_transfers.c.id) < at)
        return [_transfer(row) for row in self._connection.execute(statement)]


def _transfer(row: Row[*tuple[Any, ...]]) -> StockTransfer:
    return StockTransfer(
        UUID(str(row.id)),
        row.origin,
        row.destination,
        tuple(TransferItem(UUID(product), *units) for product, *units in json.loads(row.items)),
        row.note,
        TransferState(row.state),
        row.create_time,
        row.end_time,
        row.version,
    )
