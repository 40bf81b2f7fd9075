"""Orders as 旺店通 tells them."""

from __future__ import annotations

from typing import Any


def a_trade(tid: str, *, status: int = 30, units: int = 1, amount: str = "19.9950", **fields: Any) -> dict[str, Any]:
    """An order of one line."""
    line = {
        "rec_id": f"{tid}-1",
        "spec_no": "TEA",
        "goods_name": "Green tea",
        "num": f"{units}.0000",
        "price": "20.0000",
        "share_amount": amount,
        "refund_status": 0,
        "refund_num": "0.0000",
    }
    return {
        "trade_no": tid,
        "trade_status": status,
        "bad_reason": 0,
        "post_amount": "5.0000",
        "receivable": None,
        "detail_list": [{**line, **fields.pop("line", {})}],
        **fields,
    }
