"""What 旺店通 tells of an order, as an order of a platform. Amounts and numbers are decimal text all the way: none
of them ever is a float."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from kit.errors import Fault, invalid
from services.orders.domain.ingest import PlatformLine, PlatformOrder, PlatformRefund, amount_of

BEIJING = timezone(timedelta(hours=8))
_REFUNDED = "5"
"""The refund status of a line whose refund is done."""
_VERSIONS = 1_000_000


def parsed(body: bytes) -> Any:
    """Read an answer, its numbers as the text that they came as."""
    return json.loads(body, parse_float=str, parse_int=str)


def order(told: dict[str, Any]) -> PlatformOrder | Fault:
    """Read an order; what is wrong with it is its Fault."""
    try:
        return _order(told)
    except Fault as fault:
        return fault
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return invalid("order", f"can't be read: {type(error).__name__} {error}")


def _order(told: dict[str, Any]) -> PlatformOrder:
    lines = told["detail_list"]
    return PlatformOrder(
        tid=str(told["trade_no"]),
        modify_time=_version(told),
        status=int(told["trade_status"]),
        bits=int(told.get("bad_reason") or 0),
        member=None,
        lines=tuple(_line(line, f"lines[{index}]") for index, line in enumerate(lines)),
        freight=_amount(told, "post_amount", "freight"),
        total=_amount(told, "receivable", "total") if told.get("receivable") is not None else None,
        refunds=tuple(each for line in lines for each in _refunds(line)),
    )


def _version(told: dict[str, Any]) -> datetime:
    """Its time counts whole seconds; changes within one are told apart by their number."""
    at = datetime.strptime(told["modified"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)
    return at + timedelta(microseconds=int(told.get("version_id") or 0) % _VERSIONS)


def _line(told: dict[str, Any], path: str) -> PlatformLine:
    return PlatformLine(
        oid=str(told["rec_id"]),
        sku=str(told["spec_no"]),
        title=str(told["goods_name"]),
        quantity=_units(told["num"], f"{path}.quantity"),
        price=_amount(told, "price", f"{path}.price"),
        amount=_amount(told, "share_amount", f"{path}.amount"),
    )


def _refunds(told: dict[str, Any]) -> list[PlatformRefund]:
    """It tells how many units were given back so far: each of them is a refund, so that none is given back twice."""
    if str(told.get("refund_status")) != _REFUNDED:
        return []
    oid, units = str(told["rec_id"]), _units(told.get("refund_num") or "0", "refund_num")
    return [PlatformRefund(f"{oid}.{n}", ((oid, 1, 0),)) for n in range(1, units + 1)]


def _units(text: str, field: str) -> int:
    whole, _, part = str(text).partition(".")
    if part.strip("0"):
        raise invalid(field, "must be whole")
    return int(whole)


def _amount(told: dict[str, Any], name: str, field: str) -> int:
    return amount_of(str(told.get(name) or "0"), field=field)
