"""Shops and orders of other platforms for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.orders.domain.ingest import PlatformLine, PlatformOrder, Shop
from tests.support.builders.orders import NOW


def a_shop(*, code: str = "tmall-1", currency: str = "CNY", location: str = "") -> Shop:
    """A shop of 旺店通."""
    return Shop(code, "Flagship", "WANGDIANTONG", "tmall", currency, location, 1, NOW, NOW)


def a_platform_line(
    *, oid: str = "1", sku: str = "TEA", quantity: int = 1, price: int | None = None, amount: int = 99_0000
) -> PlatformLine:
    """A line; its amounts are ten-thousandths."""
    return PlatformLine(oid, sku, "Green tea", quantity, price, amount)


def a_platform_order(
    *lines: PlatformLine, tid: str = "T1", status: int = 30, version: int = 1, **fields: Any
) -> PlatformOrder:
    """An order that is paid, in its first version."""
    given = {"bits": 0, "member": None, **fields}
    return PlatformOrder(
        tid=tid,
        modify_time=NOW + timedelta(seconds=version),
        status=status,
        lines=lines or (a_platform_line(oid=f"{tid}-1"),),
        **given,
    )
