"""What is sealed in orders is opened by whichever master key wraps it now."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from kit.db import Database
from kit.names import new_id
from kit.vault import load
from services.orders import commands
from services.orders.api.delivery import opened, sealed
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.address import get_address
from tests.support.builders.orders import an_order
from tests.support.builders.shipping import an_address
from tests.support.keyring import KEYRING, VAULT


def an_order_to(database: Database[OrdersUnit]) -> Order:
    order = an_order()
    address = sealed(VAULT, an_address())
    assert address is not None

    def store(unit: OrdersUnit) -> None:
        unit.orders.add([order])
        unit.addresses.add([(order.id, address)])

    database.write(store)
    return order


def test_a_rotation_wraps_every_key_anew(url: str, database: Database[OrdersUnit], tmp_path: Path) -> None:
    orders = [an_order_to(database) for _ in range(5)]
    notice = text("""
        insert into payment_notices (id, provider, notice_id, kind, reference, key_id, wrapped, sealed, receive_time,
                                     attempts)
        values (:id, 'WECHAT_PAY', '1', 'PAYMENT', '1', :key_id, :wrapped, '', now(), 0)
    """)
    notice_id = new_id()
    _, key = VAULT.create(notice_id.bytes)
    values = {"id": notice_id, "key_id": key.key_id, "wrapped": key.wrapped}
    database.write(lambda unit: unit.connection.execute(notice, values))
    path = tmp_path / "keyring.json"
    path.write_text(KEYRING.rotated("next").dump())
    assert commands.rotate(url, str(path), batch=2) == 6
    assert commands.rotate(url, str(path)) == 0
    found = [database.read(get_address, order.id) for order in orders]
    assert {each.key_id for each in found} == {"next"}
    assert [opened(load(str(path)), each) for each in found] == [an_address()] * 5
