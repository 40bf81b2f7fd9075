"""Alipay's bill of a day: a zip of tables in GBK; the one that isn't the summary lists the movements."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from services.orders.providers.port import BillLine, NoticeKind
from services.orders.providers.times import from_plain
from services.orders.providers.yuan import from_yuan

_SUMMARY = "汇总"
_END = "列表结束"
_SUBJECT = "商品名称"
_UNIT = re.compile(r"[（(]元[)）]$")
_UTF8_NAMES = 0x800  # the zip's flag for names in UTF-8; others are in the code page of whoever packed it


class BillUnreadable(ValueError):
    """The file is not a bill. Says why."""


def table(file: bytes) -> str:
    """The table of movements in a downloaded file. Raises BillUnreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            details = [entry for entry in archive.infolist() if _SUMMARY not in _name(entry)]
            if len(details) != 1:
                raise BillUnreadable("it has not exactly one table of movements")
            return archive.read(details[0]).decode("gbk")
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError, RuntimeError):
        raise BillUnreadable("it can't be unpacked") from None


def lines(text: str) -> list[BillLine]:
    """The movements of a table. Raises BillUnreadable, for half a bill would look like missing payments."""
    names: list[str] = []
    found: list[BillLine] = []
    for row in text.splitlines():
        if row.startswith("#"):
            if names and _END in row:
                return found
            continue
        values = [value.strip() for value in row.split(",")]
        if not names:
            names = [_UNIT.sub("", value) for value in values]
        elif row.strip():
            found.append(_line(dict(zip(names, _fitted(values, names), strict=True))))
    raise BillUnreadable("its end is missing")


def _fitted(values: list[str], names: list[str]) -> list[str]:
    """Nothing is quoted, and a subject may hold commas; no other column does."""
    surplus = len(values) - len(names)
    if surplus < 0 or (surplus and _SUBJECT not in names):
        raise BillUnreadable("a row has not the columns of the heading")
    at = names.index(_SUBJECT) if surplus else 0
    return [*values[:at], ",".join(values[at : at + surplus + 1]), *values[at + surplus + 1 :]]


def _line(row: dict[str, str]) -> BillLine:
    try:
        charge, transaction = row["商户订单号"], row["支付宝交易号"]
        time = from_plain(row["完成时间"])
        if row["业务类型"] == "退款":
            amount = from_yuan(row["订单金额"].removeprefix("-"))
            reference = row["退款批次号/请求号"] or charge
            return BillLine(reference, transaction, NoticeKind.REFUND, amount, time, charge)
        return BillLine(charge, transaction, NoticeKind.PAYMENT, from_yuan(row["订单金额"]), time, charge)
    except (KeyError, ValueError):
        raise BillUnreadable("a row lacks a column or has an impossible value") from None


def _name(entry: zipfile.ZipInfo) -> str:
    return entry.filename if entry.flag_bits & _UTF8_NAMES else entry.filename.encode("cp437").decode("gbk", "replace")
