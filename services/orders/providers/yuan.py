"""Amounts as decimal yuan, the form of Alipay and of both providers' bills: exact, never by way of a float."""

from __future__ import annotations

import re

from kit.money import LIMIT, Money

CURRENCY = "CNY"
_YUAN = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2})0*)?", re.ASCII)


def to_yuan(amount: Money) -> str:
    """`Money(1005, "CNY")` as `10.05`."""
    if amount.currency != CURRENCY or amount.minor < 0:
        raise ValueError(f"{amount} is not an amount of yuan")
    whole, fen = divmod(amount.minor, 100)
    return f"{whole}.{fen:02d}"


def from_yuan(text: str) -> Money:
    """`10.05`, `10.5` or `10` as money. Raises ValueError unless it is a whole number of fen."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount of yuan with two decimals")
    minor = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if minor >= LIMIT:
        raise ValueError("more yuan than any amount may be")
    return Money(minor, CURRENCY)
