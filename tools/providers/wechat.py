"""WeChat Pay API v3 from the other side: verifies as it does, signs as it does, seals as it does."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tools.providers.exchange import SILENCE, Asked, Mischief, Post, Told
from tools.providers.keys import APP, MERCHANT, PLATFORM, SERIAL, Keys
from tools.providers.ledger import Ledger, Payment, Refund, Refused, Trade

_AUTHORIZATION = re.compile(r'WECHATPAY2-SHA256-RSA2048 ((?:[a-z_]+="[^"]*",?)+)')
_BEIJING = timezone(timedelta(hours=8))
_SCENES = ("jsapi", "native", "h5")
_REFUSALS = {
    "unknown": (404, "ORDER_NOT_EXIST"),
    "paid": (400, "ORDERPAID"),
    "closed": (400, "ORDER_CLOSED"),
    "different": (403, "OUT_TRADE_NO_USED"),
    "unpaid": (404, "RESOURCE_NOT_EXISTS"),
    "too much": (403, "NOT_ENOUGH"),
    "no refund": (404, "RESOURCE_NOT_EXISTS"),
}
_HEADING = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


class WeChatPay:
    """The provider's side of one merchant account."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.ledger = Ledger("42")
        self.mischief = Mischief()
        self._bills: dict[str, bytes] = {}
        self._nonces: set[str] = set()

    def answer(self, asked: Asked) -> Told | None:
        """Answer a call; None breaks the connection."""
        name, handle = self._route(asked)
        fault = self.mischief.next(name)
        if fault == "silent":
            return SILENCE
        if fault == "error":
            return Told(500, {}, b"upstream connect error")
        if fault == "busy":
            return self._signed(500, {"code": "SYSTEM_ERROR", "message": "system error"})
        told = self._handled(asked, handle)
        if fault == "lost":
            return None
        if fault == "unsigned":
            return Told(told.status, {"Content-Type": "application/json"}, told.body)
        if fault == "forged":
            return self._sealed(told, self.keys.stranger)
        if fault == "stale":
            return self._sealed(told, self.keys.wechat_platform, age=3600)
        return told

    def payment_notice(self, trade: Trade, payment: Payment) -> Post:
        """What is told of a payment."""
        return self.notice(trade.notify_url, "TRANSACTION.SUCCESS", "transaction", self._paid(trade, payment))

    def refund_notice(self, refund: Refund) -> Post:
        """What is told of a refund."""
        trade = self.ledger.find(refund.trade)
        outcome = {"done": "SUCCESS", "failed": "ABNORMAL", "processing": "PROCESSING"}[refund.state]
        told = {
            "mchid": MERCHANT,
            "transaction_id": trade.settled.transaction,
            "out_trade_no": trade.number,
            "refund_id": refund.transaction,
            "out_refund_no": refund.number,
            "refund_status": outcome,
            "success_time": _stamp(refund.time),
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": trade.settled.amount,
                "refund": refund.amount,
                "payer_total": trade.settled.amount,
                "payer_refund": refund.amount,
            },
        }
        return self.notice(refund.notify_url or trade.notify_url, f"REFUND.{outcome}", "refund", told)

    def notice(self, url: str, event: str, kind: str, told: dict[str, Any]) -> Post:
        """A signed notice with sealed content."""
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.keys.wechat_secret.encode()).encrypt(
            nonce.encode(), json.dumps(told, ensure_ascii=False).encode(), kind.encode()
        )
        document = {
            "id": str(uuid.uuid4()),
            "create_time": _stamp(datetime.now(UTC)),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": "支付成功" if kind == "transaction" else "退款",
            "resource": {
                "original_type": kind,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": kind,
                "nonce": nonce,
            },
        }
        return self.signed_post(url, json.dumps(document).encode())

    def signed_post(self, url: str, body: bytes, *, key: rsa.RSAPrivateKey | None = None, age: int = 0) -> Post:
        """A POST of a body with the headers that sign it, by another key or long ago if asked for."""
        headers = self._signature(body, key or self.keys.wechat_platform, age)
        return Post(url, {"Content-Type": "application/json", **headers}, body)

    def _route(self, asked: Asked) -> tuple[str, Callable[[Asked], Told]]:
        parts = asked.path.strip("/").split("/")
        match asked.method, parts:
            case "POST", ["v3", "pay", "transactions", scene] if scene in _SCENES:
                return "prepare", self._prepay
            case "GET", ["v3", "pay", "transactions", "out-trade-no", _]:
                return "query", self._query
            case "POST", ["v3", "pay", "transactions", "out-trade-no", _, "close"]:
                return "close", self._close
            case "POST", ["v3", "refund", "domestic", "refunds"]:
                return "refund", self._refund
            case "GET", ["v3", "refund", "domestic", "refunds", _]:
                return "query_refund", self._query_refund
            case "GET", ["v3", "bill", "tradebill"]:
                return "find_bill", self._find_bill
            case "GET", ["v3", "billdownload", "file"]:
                return "fetch_bill", self._fetch_bill
        return "unknown", lambda _: self._signed(404, {"code": "NOT_FOUND", "message": "no such interface"})

    def _handled(self, asked: Asked, handle: Callable[[Asked], Told]) -> Told:
        trouble = self._distrust(asked)
        if trouble:
            return self._signed(401, {"code": "SIGN_ERROR", "message": trouble})
        try:
            return handle(asked)
        except Refused as refused:
            status, code = _REFUSALS[refused.code]
            return self._signed(status, {"code": code, "message": refused.code})
        except (KeyError, ValueError, TypeError) as error:
            return self._signed(400, {"code": "PARAM_ERROR", "message": f"{type(error).__name__} {error}"})

    def _distrust(self, asked: Asked) -> str:
        """What is wrong with the request's signature, or nothing."""
        given = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        if given is None:
            return "no authorization of this scheme"
        fields = dict(re.findall(r'([a-z_]+)="([^"]*)"', given[1]))
        if set(fields) != {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}:
            return "the authorization has other fields"
        if fields["mchid"] != MERCHANT or fields["serial_no"] != SERIAL:
            return "merchant or serial number unknown"
        if abs(time.time() - int(fields["timestamp"])) > 300:
            return "the timestamp is more than five minutes off"
        if fields["nonce_str"] in self._nonces or len(fields["nonce_str"]) > 32:
            return "the nonce was used before"
        self._nonces.add(fields["nonce_str"])
        text = f"{asked.method}\n{asked.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode()
        try:
            self.keys.wechat_merchant.verify(
                base64.b64decode(fields["signature"]), text + asked.body + b"\n", padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return "the signature is wrong"
        return ""

    def _prepay(self, asked: Asked) -> Told:
        scene, body = asked.path.rsplit("/", 1)[1], json.loads(asked.body)
        _check_wanted(body)
        trade = Trade(
            number=body["out_trade_no"],
            amount=body["amount"]["total"],
            subject=body["description"],
            scene=scene,
            notify_url=body["notify_url"],
            expires=datetime.fromisoformat(body["time_expire"]),
            created=datetime.now(UTC),
        )
        cashier = _cashier(scene, body)
        self.ledger.open(trade)
        return self._signed(200, cashier)

    def _query(self, asked: Asked) -> Told:
        if parse_qs(urlsplit(asked.target).query).get("mchid") != [MERCHANT]:
            raise ValueError("mchid")
        trade = self.ledger.find(asked.path.rsplit("/", 1)[1])
        if trade.paid is not None:
            return self._signed(200, self._paid(trade, trade.paid))
        state = "CLOSED" if trade.closed else "NOTPAY"
        told = {
            "appid": APP,
            "mchid": MERCHANT,
            "out_trade_no": trade.number,
            "trade_state": state,
            "trade_state_desc": "",
            "amount": {"total": trade.amount, "currency": "CNY"},
        }
        return self._signed(200, told)

    def _close(self, asked: Asked) -> Told:
        if json.loads(asked.body) != {"mchid": MERCHANT}:
            raise ValueError("mchid")
        self.ledger.close(asked.path.split("/")[-2])
        return self._sealed(Told(204, {}, b""), self.keys.wechat_platform)

    def _refund(self, asked: Asked) -> Told:
        body = json.loads(asked.body)
        trade = self.ledger.find(body["out_trade_no"])
        _check_number(body["out_refund_no"], r"[0-9A-Za-z_\-|*@]{1,64}")
        amount = body["amount"]
        if amount["currency"] != "CNY" or trade.paid is None or amount["total"] != trade.paid.amount:
            raise Refused("different")
        refund, _ = self.ledger.refund(
            trade.number, body["out_refund_no"], amount["refund"], datetime.now(UTC), body.get("notify_url", "")
        )
        return self._signed(200, self._returned(refund))

    def _query_refund(self, asked: Asked) -> Told:
        return self._signed(200, self._returned(self.ledger.find_refund(asked.path.rsplit("/", 1)[1])))

    def _find_bill(self, asked: Asked) -> Told:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
        day = datetime.strptime(query["bill_date"], "%Y-%m-%d").replace(tzinfo=_BEIJING).date()
        table = self.table(day.isoformat())
        if table is None:
            return self._signed(400, {"code": "NO_STATEMENT_EXIST", "message": "no trades on that day"})
        token = secrets.token_urlsafe(16)
        self._bills[token] = gzip.compress(table) if query.get("tar_type") == "GZIP" else table
        told = {
            "download_url": f"http://{asked.headers['host']}/v3/billdownload/file?token={token}",
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(table, usedforsecurity=False).hexdigest(),
        }
        return self._signed(200, told)

    def _fetch_bill(self, asked: Asked) -> Told:
        token = parse_qs(urlsplit(asked.target).query)["token"][0]
        return Told(200, {"Content-Type": "application/octet-stream"}, self._bills.pop(token))

    def table(self, day: str) -> bytes | None:
        """The bill of a day by Beijing's clocks, or None if nothing moved."""
        rows = []
        total = returned = 0
        for trade, movement in self.ledger.movements():
            when = movement.time.astimezone(_BEIJING)
            if when.date().isoformat() != day:
                continue
            back = isinstance(movement, Refund)
            total += 0 if back else movement.amount
            returned += movement.amount if back else 0
            rows.append(self._row(trade, movement, f"{when:%Y-%m-%d %H:%M:%S}"))
        if not rows:
            return None
        sums = ["`" + value for value in (str(len(rows)), _yuan(total), _yuan(returned), "0.00", "0.00000")]
        sums += ["`" + _yuan(total), "`" + _yuan(returned)]
        return ("\ufeff" + "\r\n".join([_HEADING, *rows, _SUMS, ",".join(sums)]) + "\r\n").encode()

    def _row(self, trade: Trade, movement: Payment | Refund, when: str) -> str:
        paid, zero = trade.settled.transaction, "0.00"
        head = [when, APP, MERCHANT, "0", "", paid if isinstance(movement, Refund) else movement.transaction]
        head += [trade.number, "o0000", trade.scene.upper()]
        tail = [trade.subject, "", "0.00000", "0.60%"]
        if isinstance(movement, Refund):
            amount, state = _yuan(movement.amount), "SUCCESS" if movement.state == "done" else "PROCESSING"
            body = ["REFUND", "OTHERS", "CNY", zero, zero, movement.transaction, movement.number, amount, zero]
            values = [*head, *body, "ORIGINAL", state, *tail, zero, amount, ""]
        else:
            amount = _yuan(movement.amount)
            body = ["SUCCESS", "OTHERS", "CNY", amount, zero, "0", "0", zero, zero]
            values = [*head, *body, "", "", *tail, amount, zero, ""]
        return ",".join("`" + value for value in values)

    def _paid(self, trade: Trade, payment: Payment) -> dict[str, Any]:
        return {
            "appid": APP,
            "mchid": MERCHANT,
            "out_trade_no": trade.number,
            "transaction_id": payment.transaction,
            "trade_type": {"jsapi": "JSAPI", "native": "NATIVE", "h5": "MWEB"}[trade.scene],
            "trade_state": "REFUND" if trade.refunds else "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": _stamp(payment.time),
            "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {
                "total": payment.amount,
                "payer_total": payment.amount,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }

    def _returned(self, refund: Refund) -> dict[str, Any]:
        trade = self.ledger.find(refund.trade)
        told: dict[str, Any] = {
            "refund_id": refund.transaction,
            "out_refund_no": refund.number,
            "transaction_id": trade.settled.transaction,
            "out_trade_no": trade.number,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": _stamp(refund.time),
            "status": {"done": "SUCCESS", "failed": "ABNORMAL", "processing": "PROCESSING"}[refund.state],
            "amount": {
                "total": trade.settled.amount,
                "refund": refund.amount,
                "payer_total": trade.settled.amount,
                "payer_refund": refund.amount,
                "currency": "CNY",
            },
        }
        if refund.state == "done":
            told["success_time"] = _stamp(refund.time)
        return told

    def _signed(self, status: int, told: dict[str, Any]) -> Told:
        body = json.dumps(told, ensure_ascii=False).encode()
        return self._sealed(Told(status, {"Content-Type": "application/json; charset=utf-8"}, body))

    def _sealed(self, told: Told, key: rsa.RSAPrivateKey | None = None, age: int = 0) -> Told:
        signature = self._signature(told.body, key or self.keys.wechat_platform, age)
        return Told(told.status, {**told.headers, **signature}, told.body)

    def _signature(self, body: bytes, key: rsa.RSAPrivateKey, age: int) -> dict[str, str]:
        stamp, nonce = str(int(time.time()) - age), secrets.token_hex(16)
        signed = key.sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": base64.b64encode(signed).decode(),
            "Wechatpay-Serial": PLATFORM,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(_BEIJING).strftime("%Y-%m-%dT%H:%M:%S+08:00")


def _yuan(fen: int) -> str:
    text = f"{fen:03d}"
    return f"{text[:-2]}.{text[-2:]}"


def _check_number(number: str, form: str) -> None:
    if re.fullmatch(form, number) is None:
        raise ValueError("number")


def _check_wanted(body: dict[str, Any]) -> None:
    """Raise ValueError or KeyError unless a trade can be opened so."""
    _check_number(body["out_trade_no"], r"[0-9A-Za-z_\-|*]{6,32}")
    total = body["amount"]["total"]
    sound = {
        "mchid": body["mchid"] == MERCHANT,
        "appid": body["appid"] == APP,
        "description": 0 < len(body["description"].encode()) <= 127,
        "notify_url": body["notify_url"].startswith("http") and "?" not in body["notify_url"],
        "currency": body["amount"]["currency"] == "CNY",
        "total": type(total) is int and total > 0,
    }
    if not all(sound.values()):
        raise ValueError(", ".join(name for name, well in sound.items() if not well))


def _cashier(scene: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the merchant shows the cashier with."""
    if scene == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={secrets.token_hex(5)}"}
    if scene == "jsapi":
        if not body["payer"]["openid"]:
            raise ValueError("openid")
        return {"prepay_id": f"wx{secrets.token_hex(16)}"}
    if body["scene_info"]["h5_info"]["type"] != "Wap" or not body["scene_info"]["payer_client_ip"]:
        raise ValueError("scene_info")
    return {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={secrets.token_hex(16)}"}
