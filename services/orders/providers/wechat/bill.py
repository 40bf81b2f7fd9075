"""WeChat Pay's bill of a day: a table whose every value begins with a backtick, then a line of sums."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import zlib

from services.orders.providers.port import BillLine, NoticeKind
from services.orders.providers.times import from_plain
from services.orders.providers.yuan import from_yuan

_HASHES = {"SHA1": hashlib.sha1}  # the only one that is offered
# REVOKED is the reversal of a card payment, which we don't make; a refund that failed moved nothing.
_MOVED = frozenset({"SUCCESS", "PROCESSING"})
_GZIP = b"\x1f\x8b"


class BillUnreadable(ValueError):
    """The file is not the bill that was promised. Says why."""


def unpacked(file: bytes, *, hash_type: str, hash_value: str) -> str:
    """The table in a downloaded file, whose digest (of the unpacked text) was told beforehand."""
    try:
        text = gzip.decompress(file) if file[:2] == _GZIP else file
    except (OSError, EOFError, zlib.error):
        raise BillUnreadable("it can't be unpacked") from None
    if hash_type not in _HASHES or not hmac.compare_digest(_HASHES[hash_type](text).hexdigest(), hash_value.lower()):
        raise BillUnreadable("its digest is not the one that was promised")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BillUnreadable("it is not UTF-8") from None


def lines(table: str) -> list[BillLine]:
    """The movements of a bill. Raises BillUnreadable, for half a bill would look like missing payments."""
    rows = table.splitlines()
    if not rows:
        raise BillUnreadable("it is empty")
    names = rows[0].split(",")
    found = []
    for row in rows[1:]:
        if not row.startswith("`"):
            break  # the heading of the sums
        values = row[1:].split(",`")
        if len(values) != len(names):
            raise BillUnreadable("a row has not the columns of the heading")
        line = _line(dict(zip(names, (value.strip() for value in values), strict=True)))
        if line is not None:
            found.append(line)
    else:
        raise BillUnreadable("it has no sums, so its end is missing")
    return found


def _line(row: dict[str, str]) -> BillLine | None:
    try:
        state, time, charge = row["交易状态"], from_plain(row["交易时间"]), row["商户订单号"]
        if state == "SUCCESS":
            amount = from_yuan(row["订单金额"])
            return BillLine(charge, row["微信订单号"], NoticeKind.PAYMENT, amount, time, charge)
        if state == "REFUND" and row["退款状态"] in _MOVED:
            amount = from_yuan(row["申请退款金额"])
            return BillLine(row["商户退款单号"], row["微信退款单号"], NoticeKind.REFUND, amount, time, charge)
    except (KeyError, ValueError):
        raise BillUnreadable("a row lacks a column or has an impossible value") from None
    return None
