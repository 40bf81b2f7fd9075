"""Amounts and bills as the providers write them, to the fen."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import LIMIT, Money
from services.orders.providers.alipay import bill as alipay
from services.orders.providers.port import BillLine, NoticeKind
from services.orders.providers.times import from_plain, from_rfc3339, plain, rfc3339
from services.orders.providers.wechat import bill as wechat
from services.orders.providers.yuan import from_yuan, to_yuan
from tools.providers.keys import Keys
from tools.providers.ledger import Payment, Refund, Trade
from tools.providers.wechat import WeChatPay

FEN = st.integers(0, LIMIT - 1)
DAY = "2026-11-22"
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@given(FEN)
def test_any_amount_survives_the_way_through_yuan(fen: int) -> None:
    assert from_yuan(to_yuan(Money(fen, "CNY"))) == Money(fen, "CNY")


@pytest.mark.parametrize(
    ("text", "fen"), [("0.01", 1), ("0.1", 10), ("10", 1000), ("10.050", 1005), ("9999999.99", 999999999), ("0", 0)]
)
def test_yuan_are_read_in_every_spelling_that_providers_use(text: str, fen: int) -> None:
    assert from_yuan(text) == Money(fen, "CNY")


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "1.005", "-1.00", "+1.00", "1e3", "1,000.00", " 1.00", "１.00", "0x1", "NaN", "9" * 14]
)
def test_what_is_not_a_whole_number_of_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="yuan"):
        from_yuan(text)


@pytest.mark.parametrize("amount", [Money(1, "JPY"), Money(-1, "CNY")])
def test_only_yuan_are_written_as_yuan(amount: Money) -> None:
    with pytest.raises(ValueError, match="yuan"):
        to_yuan(amount)


def test_times_are_those_of_china() -> None:
    assert (plain(NOON), rfc3339(NOON)) == ("2026-11-22 12:00:00", "2026-11-22T12:00:00+08:00")
    assert from_plain("2026-11-22 12:00:00") == from_rfc3339("2026-11-22T12:00:00+08:00") == NOON
    with pytest.raises(ValueError, match="zone"):
        from_rfc3339("2026-11-22T12:00:00")


@pytest.fixture(scope="module")
def table(provider_keys: Keys) -> bytes:
    """WeChat Pay's bill of a day with a payment, a refund, and a subject that tries to break it."""
    server = WeChatPay(provider_keys)
    trade = Trade("test_1", 100001, "茶,`50%`,\u3000", "native", "https://shop.example", None, NOON)
    server.ledger.open(trade)
    trade.payments.append(Payment("4200000001", 100001, NOON))
    trade.refunds["back_1"] = Refund("back_1", "5000000001", "test_1", 1, "done", NOON)
    trade.refunds["back_2"] = Refund("back_2", "5000000002", "test_1", 1, "failed", NOON)
    made = server.table(DAY)
    assert made is not None
    return made


class TestBillOfWeChatPay:
    def test_its_movements_are_read(self, table: bytes) -> None:
        plainly = table.replace("茶,`50%`,".encode(), "茶,50%,".encode())
        digest = hashlib.sha1(plainly, usedforsecurity=False).hexdigest()
        text = wechat.unpacked(gzip.compress(plainly), hash_type="SHA1", hash_value=digest)
        assert wechat.lines(text) == [
            BillLine("test_1", "4200000001", NoticeKind.PAYMENT, Money(100001, "CNY"), NOON, "test_1"),
            BillLine("back_1", "5000000001", NoticeKind.REFUND, Money(1, "CNY"), NOON, "test_1"),
        ]

    def test_a_bill_with_another_digest_is_not_read(self, table: bytes) -> None:
        digest = hashlib.sha1(table, usedforsecurity=False).hexdigest()
        for file, kind, value in [
            (gzip.compress(table[:-1]), "SHA1", digest),
            (gzip.compress(table), "MD5", digest),
            (gzip.compress(table)[:-9], "SHA1", digest),
        ]:
            with pytest.raises(wechat.BillUnreadable):
                wechat.unpacked(file, hash_type=kind, hash_value=value)

    def test_a_row_that_a_subject_broke_is_not_guessed(self, table: bytes) -> None:
        with pytest.raises(wechat.BillUnreadable):
            wechat.lines(table.decode("utf-8-sig"))

    @pytest.mark.parametrize("text", ["", "交易时间,商户订单号", "交易时间,商户订单号\n`2026-11-22 12:00:00,`1"])
    def test_half_a_bill_is_not_read(self, text: str) -> None:
        with pytest.raises(wechat.BillUnreadable):
            wechat.lines(text)


ALIPAY_BILL = """\
#支付宝业务明细查询
#-----业务明细列表-----
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,订单金额（元）,退款批次号/请求号,备注
2026112200001\t,test_1 ,交易,茶, 50% ,2026-11-22 11:59:00,2026-11-22 12:00:00,1000.01, ,
2026112200001\t,test_1\t,退款,茶,2026-11-22 11:59:00,2026-11-22 12:00:00,-0.01,back_1 ,
#-----业务明细列表结束-----
#交易合计：1笔
"""


def packed(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return data.getvalue()


def places(data: bytes, mark: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(mark, at)]


class TestBillOfAlipay:
    def test_its_movements_are_read(self) -> None:
        file = packed(业务明细=ALIPAY_BILL.encode("gbk"), 汇总=b"#")
        assert alipay.lines(alipay.table(file)) == [
            BillLine("test_1", "2026112200001", NoticeKind.PAYMENT, Money(100001, "CNY"), NOON, "test_1"),
            BillLine("back_1", "2026112200001", NoticeKind.REFUND, Money(1, "CNY"), NOON, "test_1"),
        ]

    def test_a_zip_whose_names_are_in_gbk_is_read(self) -> None:
        # Python writes names in UTF-8 and says so; the real ones are in GBK, and nothing says so.
        utf8, gbk = "汇总.csv".encode(), "汇总12.csv".encode("gbk")
        assert len(utf8) == len(gbk)
        file = packed(业务明细=ALIPAY_BILL.encode("gbk"), 汇总=b"#").replace(utf8, gbk)
        flags = [at + offset for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)) for at in places(file, mark)]
        unmarked = bytearray(file)
        for at in flags:
            unmarked[at + 1] &= ~0x08
        assert len(alipay.lines(alipay.table(bytes(unmarked)))) == 2

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ALIPAY_BILL.partition("#-----业务明细列表结束")[0],
            ALIPAY_BILL.replace("1000.01", "1000.001"),
            ALIPAY_BILL.replace("订单金额", "金额"),
            ALIPAY_BILL.replace(",2026-11-22 12:00:00,-0.01", ",-0.01"),
        ],
    )
    def test_half_a_bill_is_not_read(self, text: str) -> None:
        with pytest.raises(alipay.BillUnreadable):
            alipay.lines(text)

    @pytest.mark.parametrize("file", [b"", b"PK", packed(汇总=b"#"), packed(a=b"#", b=b"#"), packed(a=b"\xff\xff")])
    def test_a_file_without_one_table_is_not_read(self, file: bytes) -> None:
        with pytest.raises(alipay.BillUnreadable):
            alipay.lines(alipay.table(file))
