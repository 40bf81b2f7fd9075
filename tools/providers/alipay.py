"""Alipay's OpenAPI gateway from the other side: verifies as it does, signs as it does."""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tools.providers.exchange import SILENCE, Asked, Mischief, Post, Told
from tools.providers.keys import ALIPAY_APP, ALIPAY_SELLER, Keys
from tools.providers.ledger import Ledger, Payment, Refund, Refused, Trade

_BEIJING = timezone(timedelta(hours=8))
_CALLS = {
    "alipay.trade.page.pay": "page",
    "alipay.trade.wap.pay": "wap",
    "alipay.trade.precreate": "prepare",
    "alipay.trade.query": "query",
    "alipay.trade.close": "close",
    "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "query_refund",
    "alipay.data.dataservice.bill.downloadurl.query": "find_bill",
}
_PRODUCTS = {"page": "FAST_INSTANT_TRADE_PAY", "wap": "QUICK_WAP_WAY", "prepare": "FACE_TO_FACE_PAYMENT"}
_REFUSALS = {
    "unknown": "ACQ.TRADE_NOT_EXIST",
    "paid": "ACQ.TRADE_HAS_SUCCESS",
    "closed": "ACQ.TRADE_HAS_CLOSE",
    "different": "ACQ.CONTEXT_INCONSISTENT",
    "unpaid": "ACQ.TRADE_STATUS_ERROR",
    "too much": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
}
_REQUIRED = {"app_id", "method", "charset", "sign_type", "sign", "timestamp", "version", "biz_content"}
_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


class Alipay:
    """The provider's side of one app."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.ledger = Ledger("20")
        self.mischief = Mischief()
        self._offers: dict[str, Trade] = {}
        self._bills: dict[str, bytes] = {}

    def answer(self, asked: Asked) -> Told | None:
        """Answer a call; None breaks the connection."""
        if asked.path == "/alipay/bill":
            return self._fetch_bill(asked)
        query = urlsplit(asked.target).query
        text = asked.body.decode() if asked.method == "POST" else query
        given = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        name = _CALLS.get(given.get("method", ""), "")
        fault = self.mischief.next(name)
        if fault == "silent":
            return SILENCE
        if fault == "error":
            return Told(500, {}, b"")
        told = self._handled(name, given, asked, fault)
        return None if fault == "lost" else told

    def scan(self, number: str) -> None:
        """The buyer scans the code: only now Alipay knows of a trade."""
        if number in self._offers:
            self.ledger.open(self._offers[number])

    def payment_notice(self, trade: Trade, payment: Payment) -> Post:
        """What is told of a payment."""
        told = self._about(trade, payment, "TRADE_SUCCESS")
        return self.notice(trade.notify_url, told)

    def refund_notice(self, refund: Refund) -> Post:
        """What is told of a refund: the sum of all refunds, and the request's number."""
        trade = self.ledger.find(refund.trade)
        whole = trade.refunded == trade.settled.amount
        told = self._about(trade, trade.settled, "TRADE_CLOSED" if whole else "TRADE_SUCCESS")
        told["refund_fee"] = _yuan(trade.refunded)
        told["gmt_refund"] = f"{_clock(refund.time)}.123"
        told["out_biz_no"] = refund.number
        return self.notice(trade.notify_url, told)

    def notice(self, url: str, told: Mapping[str, str], *, key: rsa.RSAPrivateKey | None = None) -> Post:
        """A signed form."""
        text = "&".join(f"{name}={told[name]}" for name in sorted(told))
        signed = {**told, "sign_type": "RSA2", "sign": self._sign(text, key)}
        body = "&".join(f"{name}={quote_plus(value)}" for name, value in signed.items())
        return Post(url, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, body.encode())

    def table(self, day: str) -> bytes | None:
        """The zip with the bill of a day by Beijing's clocks, or None if nothing moved."""
        rows = []
        for trade, movement in self.ledger.movements():
            if movement.time.astimezone(_BEIJING).date().isoformat() == day:
                rows.append(self._row(trade, movement))
        if not rows:
            return None
        dashes = "-" * 40
        details = [
            "#支付宝业务明细查询",
            f"#账号：[{ALIPAY_SELLER}0156]",
            f"#起始日期：[{day} 00:00:00]   终止日期：[{day} 23:59:59]",
            f"#{dashes}业务明细列表{dashes}",
            _COLUMNS,
            *rows,
            f"#{dashes}业务明细列表结束{dashes}",
            f"#交易合计：{len(rows)}笔",
        ]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{ALIPAY_SELLER}0156_{day}_业务明细.csv", ("\r\n".join(details) + "\r\n").encode("gbk"))
            archive.writestr(f"{ALIPAY_SELLER}0156_{day}_业务明细(汇总).csv", "#支付宝业务汇总查询\r\n".encode("gbk"))
        return packed.getvalue()

    def _handled(self, name: str, given: Mapping[str, str], asked: Asked, fault: str) -> Told:
        node = given.get("method", "error").replace(".", "_") + "_response"
        trouble = self._distrust(given)
        if trouble:
            # Who can't prove to be the app gets an answer without a signature.
            return _json({"code": "40002", "msg": "Invalid Arguments", "sub_code": trouble, "sub_msg": ""}, node)
        if fault == "busy":
            return self._signed(node, {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.SYSTEM_ERROR"})
        try:
            content = json.loads(given["biz_content"])
            if name in {"page", "wap"}:
                return self._visited(name, given, content)
            told = {"code": "10000", "msg": "Success", **self._call(name)(content, given, asked)}
        except Refused as refused:
            code = _REFUSALS[refused.code]
            told = {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": refused.code}
        except (KeyError, ValueError, TypeError) as error:
            detail = f"{type(error).__name__} {error}"
            told = {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.INVALID_PARAMETER", "sub_msg": detail}
        if fault == "unsigned":
            return _json(told, node)
        return self._signed(node, told, self.keys.stranger if fault == "forged" else None)

    def _distrust(self, given: Mapping[str, str]) -> str:
        """What is wrong with the request, or nothing."""
        missing = _REQUIRED - given.keys()
        if missing:
            return f"isv.missing-{min(missing)}"
        if given["app_id"] != ALIPAY_APP:
            return "isv.invalid-app-id"
        if given["sign_type"] != "RSA2" or given["charset"].lower() != "utf-8" or given["version"] != "1.0":
            return "isv.invalid-signature-type"
        try:
            datetime.strptime(given["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING)
        except ValueError:
            return "isv.invalid-timestamp"
        text = "&".join(f"{name}={value}" for name, value in sorted(given.items()) if name != "sign" and value)
        try:
            signature = base64.b64decode(given["sign"])
            self.keys.alipay_app.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return "isv.invalid-signature"
        return ""

    def _call(self, name: str) -> Callable[[dict[str, Any], Mapping[str, str], Asked], dict[str, Any]]:
        return {
            "prepare": self._precreate,
            "query": self._query,
            "close": self._close,
            "refund": self._refund,
            "query_refund": self._query_refund,
            "find_bill": self._find_bill,
        }[name]

    def _wanted(self, name: str, given: Mapping[str, str], content: dict[str, Any]) -> Trade:
        if re.fullmatch(r"[0-9A-Za-z_]{1,64}", content["out_trade_no"]) is None:
            raise ValueError("out_trade_no")
        if not content["subject"] or re.search(r"[/=&]", content["subject"]):
            raise ValueError("subject")
        if content["product_code"] != _PRODUCTS[name]:
            raise ValueError("product_code")
        return Trade(
            number=content["out_trade_no"],
            amount=_fen(content["total_amount"]),
            subject=content["subject"],
            scene=name,
            notify_url=given["notify_url"],
            expires=datetime.strptime(content["time_expire"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING),
            created=datetime.now(UTC),
        )

    def _visited(self, name: str, given: Mapping[str, str], content: dict[str, Any]) -> Told:
        trade = self.ledger.open(self._wanted(name, given, content))
        page = f"<!doctype html><title>Cashier</title><p>{trade.number}: {_yuan(trade.amount)}</p>"
        return Told(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())

    def _precreate(self, content: dict[str, Any], given: Mapping[str, str], _: Asked) -> dict[str, Any]:
        trade = self._wanted("prepare", given, content)
        self._offers[trade.number] = trade
        return {"out_trade_no": trade.number, "qr_code": f"https://qr.alipay.com/bax{secrets.token_hex(12)}"}

    def _query(self, content: dict[str, Any], _: Mapping[str, str], __: Asked) -> dict[str, Any]:
        trade = self.ledger.find(content["out_trade_no"])
        told = {
            "out_trade_no": trade.number,
            "buyer_logon_id": "159****5620",
            "buyer_user_id": "2088101117955611",
            "total_amount": _yuan(trade.amount),
            "trade_no": f"20{trade.created:%Y%m%d%H%M%S}0001",
        }
        if trade.paid is None:
            return {**told, "trade_status": "TRADE_CLOSED" if trade.closed else "WAIT_BUYER_PAY"}
        whole = trade.refunded == trade.paid.amount
        return {
            **told,
            "total_amount": _yuan(trade.paid.amount),
            "trade_no": trade.paid.transaction,
            "trade_status": "TRADE_CLOSED" if whole else "TRADE_SUCCESS",
            "send_pay_date": _clock(trade.paid.time),
        }

    def _close(self, content: dict[str, Any], _: Mapping[str, str], __: Asked) -> dict[str, Any]:
        trade = self.ledger.find(content["out_trade_no"])
        if trade.paid is not None or trade.closed:
            return {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.REASON_TRADE_STATUS_INVALID"}
        self.ledger.close(trade.number)
        return {"out_trade_no": trade.number}

    def _refund(self, content: dict[str, Any], _: Mapping[str, str], __: Asked) -> dict[str, Any]:
        trade = self.ledger.find(content["out_trade_no"])
        amount = _fen(content["refund_amount"])
        refund, new = self.ledger.refund(trade.number, content["out_request_no"], amount, datetime.now(UTC))
        return {
            "out_trade_no": trade.number,
            "trade_no": trade.settled.transaction,
            "refund_fee": _yuan(trade.refunded),
            "fund_change": "Y" if new and refund.state == "done" else "N",
            "buyer_logon_id": "159****5620",
        }

    def _query_refund(self, content: dict[str, Any], _: Mapping[str, str], __: Asked) -> dict[str, Any]:
        trade = self.ledger.find(content["out_trade_no"])
        refund = trade.refunds.get(content["out_request_no"])
        if refund is None or refund.state != "done" or trade.paid is None:
            return {}
        return {
            "trade_no": trade.paid.transaction,
            "out_trade_no": trade.number,
            "out_request_no": refund.number,
            "total_amount": _yuan(trade.paid.amount),
            "refund_amount": _yuan(refund.amount),
            "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": _clock(refund.time),
        }

    def _find_bill(self, content: dict[str, Any], _: Mapping[str, str], asked: Asked) -> dict[str, Any]:
        file = self.table(content["bill_date"]) if content["bill_type"] == "trade" else None
        if file is None:
            return {"code": "40004", "msg": "Business Failed", "sub_code": "isp.bill_not_exist"}
        token = secrets.token_urlsafe(16)
        self._bills[token] = file
        return {"bill_download_url": f"http://{asked.headers['host']}/alipay/bill?fileId={token}"}

    def _fetch_bill(self, asked: Asked) -> Told:
        file = self._bills.pop(parse_qs(urlsplit(asked.target).query).get("fileId", [""])[0], None)
        return Told(404, {}, b"") if file is None else Told(200, {"Content-Type": "application/zip"}, file)

    def _about(self, trade: Trade, payment: Payment, status: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "notify_time": _clock(now),
            "notify_type": "trade_status_sync",
            "notify_id": f"{now:%Y%m%d}{secrets.token_hex(13)}",
            "charset": "utf-8",
            "version": "1.0",
            "app_id": ALIPAY_APP,
            "auth_app_id": ALIPAY_APP,
            "seller_id": ALIPAY_SELLER,
            "buyer_id": "2088101117955611",
            "out_trade_no": trade.number,
            "trade_no": payment.transaction,
            "trade_status": status,
            "subject": trade.subject,
            "total_amount": _yuan(payment.amount),
            "receipt_amount": _yuan(payment.amount),
            "buyer_pay_amount": _yuan(payment.amount),
            "fund_bill_list": json.dumps([{"amount": _yuan(payment.amount), "fundChannel": "ALIPAYACCOUNT"}]),
            "gmt_create": _clock(trade.created),
            "gmt_payment": _clock(payment.time),
        }

    def _row(self, trade: Trade, movement: Payment | Refund) -> str:
        back = isinstance(movement, Refund)
        number = movement.trade if isinstance(movement, Refund) else trade.number
        request = movement.number if isinstance(movement, Refund) else ""
        transaction = trade.settled.transaction if back else movement.transaction
        amount = ("-" if back else "") + _yuan(movement.amount)
        head = [f"{transaction}\t", f"{number}\t", "退款" if back else "交易", trade.subject]
        times = [_clock(trade.created), _clock(movement.time)]
        middle = ["", "", "", "", "**佳(yan***@163.com)", amount, amount]
        tail = ["0.00"] * 5 + ["", "0.00", "0.00", f"{request} ", "-0.01", "0.00", ""]
        return ",".join([*head, *times, *middle, *tail])

    def _signed(self, node: str, told: Mapping[str, Any], key: rsa.RSAPrivateKey | None = None) -> Told:
        text = json.dumps(told, ensure_ascii=False)
        body = f'{{"{node}":{text},"sign":"{self._sign(text, key)}"}}'
        return Told(200, {"Content-Type": "text/html;charset=utf-8"}, body.encode())

    def _sign(self, text: str, key: rsa.RSAPrivateKey | None) -> str:
        signer = key or self.keys.alipay_platform
        return base64.b64encode(signer.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def _json(told: Mapping[str, Any], node: str) -> Told:
    return Told(200, {"Content-Type": "text/html;charset=utf-8"}, json.dumps({node: told}).encode())


def _clock(moment: datetime) -> str:
    return moment.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _yuan(fen: int) -> str:
    text = f"{fen:03d}"
    return f"{text[:-2]}.{text[-2:]}"


def _fen(yuan: str) -> int:
    if re.fullmatch(r"(0|[1-9][0-9]{0,8})\.[0-9]{2}", yuan) is None or yuan == "0.00":
        raise ValueError("amount")
    return int(yuan.replace(".", ""))
