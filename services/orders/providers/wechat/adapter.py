"""WeChat Pay v3 behind the provider port."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from kit.clock import Clock, utc_now
from kit.errors import Fault
from services.orders.domain.errors.provider import (
    charge_paid,
    notice_invalid,
    provider_refused,
    scene_unsupported,
)
from services.orders.providers import times
from services.orders.providers.calling import Answer, Line, Request
from services.orders.providers.port import (
    BillLine,
    Charge,
    Headers,
    Notice,
    NoticeKind,
    Prepared,
    Refunding,
    RefundStanding,
    Reply,
    Scene,
    Standing,
    Status,
)
from services.orders.providers.wechat import bill, reading
from services.orders.providers.wechat.signing import NotProven, Signatures, opened
from services.orders.providers.yuan import CURRENCY

T = TypeVar("T")

NAME = "WECHAT_PAY"
_PATHS = {Scene.JSAPI: "jsapi", Scene.NATIVE: "native", Scene.H5: "h5"}
_BILL_LATER = "STATEMENT_CREATING"
_SUBJECT_BYTES = 127
_REASON_BYTES = 80
# Nothing was done, and asking again once it is mended (or calmer) does it: "unknown" to whoever asks.
_PASSING = frozenset(
    {"SYSTEM_ERROR", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "BIZ_ERR_NEED_RETRY", "SIGN_ERROR"}
)
_UNKNOWN_CHARGE = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
_UNKNOWN_REFUND = frozenset({"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"})
_NO_BILL = "NO_STATEMENT_EXIST"


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant account of WeChat Pay."""

    merchant: str
    app: str
    secret: bytes
    """The APIv3 key."""
    notice_url: str
    url: str


class WeChatPay:
    """A merchant account of WeChat Pay."""

    name = NAME
    scenes = frozenset(_PATHS)

    def __init__(self, account: Account, signatures: Signatures, line: Line, clock: Clock = utc_now) -> None:
        self.merchant = account.merchant
        self._account = account
        self._signatures = signatures
        self._line = line
        self._clock = clock

    async def prepare(self, charge: Charge) -> Prepared:
        """Open a charge; what the cashier needs differs by scene."""
        body = self._prepay(charge)
        path = f"/v3/pay/transactions/{_PATHS[charge.scene]}"
        answer = await self._ask("prepare", "POST", path, reading.whole, body=body)
        match charge.scene:
            case Scene.JSAPI:
                return Prepared(self._cashier(str(answer["prepay_id"])))
            case Scene.NATIVE:
                return Prepared({"code_url": str(answer["code_url"])})
            case _:
                return Prepared({"url": _returning(str(answer["h5_url"]), charge.return_url)})

    async def query(self, reference: str) -> Standing:
        """How a charge stands."""
        path = f"/v3/pay/transactions/out-trade-no/{reference}?{urlencode({'mchid': self.merchant})}"
        try:
            return await self._ask("query", "GET", path, reading.trade)
        except Fault as fault:
            if fault.metadata.get("code") in _UNKNOWN_CHARGE:
                return Standing(reference, Status.NOT_FOUND)
            raise

    async def close(self, reference: str) -> None:
        """Make sure that a charge can't be paid any more."""
        path = f"/v3/pay/transactions/out-trade-no/{reference}/close"
        try:
            await self._ask("close", "POST", path, reading.whole, body={"mchid": self.merchant})
        except Fault as fault:
            if fault.transient:
                raise
            # The codes have changed over the years; how the charge stands has not.
            standing = await self.query(reference)
            if standing.status is Status.SUCCEEDED:
                raise charge_paid(self.name, reference) from fault
            if standing.status is Status.PENDING:
                raise

    async def refund(self, refunding: Refunding) -> RefundStanding:
        """Give money back, by the reference of the refund once."""
        _check_currency(refunding.amount.currency)
        body: dict[str, Any] = {
            "out_trade_no": refunding.charge_reference,
            "out_refund_no": refunding.reference,
            "notify_url": self._account.notice_url,
            "amount": {
                "refund": refunding.amount.minor,
                "total": refunding.total.minor,
                "currency": CURRENCY,
            },
        }
        if refunding.reason:
            body["reason"] = _cut(refunding.reason, _REASON_BYTES)
        return await self._ask("refund", "POST", "/v3/refund/domestic/refunds", reading.refund, body=body)

    async def query_refund(self, reference: str, charge_reference: str) -> RefundStanding:  # noqa: ARG002 - of the port
        """How a refund stands."""
        try:
            return await self._ask("query_refund", "GET", f"/v3/refund/domestic/refunds/{reference}", reading.refund)
        except Fault as fault:
            if fault.metadata.get("code") in _UNKNOWN_REFUND:
                return RefundStanding(reference, Status.NOT_FOUND)
            raise

    def read(self, headers: Headers, body: bytes, *, now: datetime) -> Notice:
        """A notice whose signature holds, decrypted."""
        try:
            self._signatures.verify(headers, body, now=now)
            notice = _notice(json.loads(body), self._account.secret)
        except NotProven as refusal:
            raise notice_invalid(self.name, str(refusal)) from None
        except (KeyError, ValueError, TypeError):
            raise notice_invalid(self.name, "it says nothing that we know") from None
        return notice

    def accepted(self) -> Reply:
        """Any 2xx without a body."""
        return Reply(204, "application/json", b"")

    def refused(self) -> Reply:
        """Send it again."""
        return Reply(500, "application/json", b'{"code":"FAIL","message":"not accepted"}')

    async def bill(self, day: date) -> Sequence[BillLine]:
        """What moved on a day: first where the file is, then the file."""
        query = urlencode({"bill_date": day.isoformat(), "bill_type": "ALL", "tar_type": "GZIP"})
        try:
            found = await self._ask("find_bill", "GET", f"/v3/bill/tradebill?{query}", reading.whole)
        except Fault as fault:
            if fault.metadata.get("code") != _NO_BILL:
                raise
            if self._clock() < times.bill_due(day):
                raise self._line.unknown("find_bill", "the bill is not due yet") from None
            return []
        target = _target(str(found["download_url"]))

        def lines(answer: Answer) -> list[BillLine]:
            if answer.status != 200:
                raise self._line.unknown("fetch_bill", f"status {answer.status}")
            try:
                table = bill.unpacked(
                    answer.body, hash_type=str(found["hash_type"]), hash_value=str(found["hash_value"])
                )
                return bill.lines(table)
            except bill.BillUnreadable as unreadable:
                raise self._line.unknown("fetch_bill", str(unreadable)) from None

        # The file itself is not signed; its digest, which is, stands for it.
        return await self._line.call("fetch_bill", lambda: self._request("GET", target, b""), lines)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._line.aclose()

    def _prepay(self, charge: Charge) -> dict[str, Any]:
        _check_currency(charge.amount.currency)
        body: dict[str, Any] = {
            "appid": self._account.app,
            "mchid": self.merchant,
            "description": _cut(charge.subject, _SUBJECT_BYTES),
            "out_trade_no": charge.reference,
            "time_expire": times.rfc3339(charge.expire_time),
            "notify_url": self._account.notice_url,
            "amount": {"total": charge.amount.minor, "currency": CURRENCY},
        }
        match charge:
            case Charge(scene=Scene.NATIVE):
                return body
            case Charge(scene=Scene.JSAPI, payer=payer) if payer:
                return {**body, "payer": {"openid": payer}}
            case Charge(scene=Scene.H5, client_ip=address) if address:
                return {**body, "scene_info": {"payer_client_ip": address, "h5_info": {"type": "Wap"}}}
        raise scene_unsupported(self.name, charge.scene)

    def _cashier(self, prepay: str) -> dict[str, str]:
        """What `WeixinJSBridge` or `wx.requestPayment` is called with."""
        timestamp, nonce = str(int(self._clock().timestamp())), secrets.token_hex(16)
        package = f"prepay_id={prepay}"
        return {
            "appId": self._account.app,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._signatures.sign(self._account.app, timestamp, nonce, package),
        }

    async def _ask(
        self,
        name: str,
        method: str,
        target: str,
        read: Callable[[reading.Document], T],
        *,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        data = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return await self._line.call(
            name, lambda: self._request(method, target, data), lambda answer: self._understood(name, answer, read)
        )

    def _request(self, method: str, target: str, body: bytes) -> Request:
        headers = {
            "Authorization": self._signatures.authorization(method, target, body, now=self._clock()),
            "Accept": "application/json",
            "User-Agent": "kehu",
        }
        if body:
            headers["Content-Type"] = "application/json"
        return Request(method, self._account.url + target, headers, body)

    def _understood(self, name: str, answer: Answer, read: Callable[[reading.Document], T]) -> T:
        """The document of an answer that WeChat Pay signed; what isn't signed may be anybody's."""
        signed = "wechatpay-signature" in answer.headers
        if answer.status < 400 or signed:
            try:
                self._signatures.verify(answer.headers, answer.body, now=self._clock())
            except NotProven as refusal:
                raise self._line.unknown(name, str(refusal)) from None
        try:
            document = json.loads(answer.body) if answer.body else {}
            if 200 <= answer.status < 300:
                return read(document)
            code = str(document["code"])
        except (KeyError, ValueError, TypeError):
            raise self._line.unknown(name, f"status {answer.status} without sense") from None
        if answer.status >= 500 or answer.status in {401, 429} or code in _PASSING:
            raise self._line.unknown(name, code)
        raise provider_refused(self.name, code)


def _target(url: str) -> str:
    """The path and query of a URL. Downloads are asked for where all else is: our signature goes nowhere else."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _notice(envelope: Mapping[str, Any], secret: bytes) -> Notice:
    """Raises NotProven, KeyError, ValueError or TypeError."""
    event, resource = str(envelope["event_type"]), envelope["resource"]
    document = json.loads(opened(resource, secret))
    if event == "TRANSACTION.SUCCESS":
        standing = reading.trade(document)
        return Notice(str(envelope["id"]), NoticeKind.PAYMENT, standing, standing.merchant)
    if event.startswith("REFUND."):
        return Notice(str(envelope["id"]), NoticeKind.REFUND, reading.refund(document), str(document["mchid"]))
    raise ValueError("a notice of another kind")


def _check_currency(currency: str) -> None:
    if currency != CURRENCY:
        raise provider_refused(NAME, "CURRENCY_UNSUPPORTED")


def _cut(text: str, size: int) -> str:
    """At most so many bytes of UTF-8, and no half character."""
    return text.encode()[:size].decode(errors="ignore")


def _returning(url: str, return_url: str) -> str:
    return f"{url}&{urlencode({'redirect_url': return_url})}" if return_url else url
