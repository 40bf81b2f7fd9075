"""Alipay's OpenAPI gateway behind the provider port."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from kit.clock import Clock, utc_now
from kit.errors import Fault
from services.orders.domain.errors.provider import (
    charge_paid,
    notice_invalid,
    provider_refused,
    scene_unsupported,
)
from services.orders.providers import times
from services.orders.providers.alipay import bill, reading
from services.orders.providers.alipay.signing import NotProven, Signatures, raw_members
from services.orders.providers.calling import Answer, Line, Request
from services.orders.providers.port import (
    BillLine,
    Charge,
    Headers,
    Notice,
    Prepared,
    Refunding,
    RefundStanding,
    Reply,
    Scene,
    Standing,
    Status,
)
from services.orders.providers.yuan import CURRENCY, to_yuan

T = TypeVar("T")

NAME = "ALIPAY"
_PRODUCTS = {
    Scene.PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    Scene.WAP: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    Scene.PRECREATE: ("alipay.trade.precreate", "FACE_TO_FACE_PAYMENT"),
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8", "User-Agent": "kehu"}
_SUBJECT_LENGTH = 256
_REASON_LENGTH = 256
_FORBIDDEN = str.maketrans(dict.fromkeys("/=&,\r\n", " "))
"""Alipay allows the first three in no subject; the others would break a line of its bill."""
_OLDEST = timedelta(hours=26)
"""Alipay repeats a notice for 25 hours."""
_SKEW = timedelta(minutes=5)
_DONE = "10000"
_REFUSED_FOR_BUSINESS = "40004"
_UNKNOWN_TRADE = "ACQ.TRADE_NOT_EXIST"
_NO_BILL = "isp.bill_not_exist"


@dataclass(frozen=True, slots=True)
class Account:
    """An app of Alipay's open platform, and the merchant whom it takes money for."""

    app: str
    merchant: str
    """The merchant's user id (`seller_id`, 2088...)."""
    notice_url: str
    url: str


class Alipay:
    """A merchant account of Alipay."""

    name = NAME
    scenes = frozenset(_PRODUCTS)

    def __init__(self, account: Account, signatures: Signatures, line: Line, clock: Clock = utc_now) -> None:
        self.merchant = account.merchant
        self._account = account
        self._signatures = signatures
        self._line = line
        self._clock = clock

    async def prepare(self, charge: Charge) -> Prepared:
        """Open a charge: a QR code is asked for; a cashier in the browser is a URL that only has to be signed.

        Of the latter Alipay knows nothing until the buyer follows it, so `close` can't keep the buyer from doing so
        until `expire_time`: money that comes all the same comes late.
        """
        if charge.scene not in _PRODUCTS:
            raise scene_unsupported(self.name, charge.scene)
        method, product = _PRODUCTS[charge.scene]
        _check_currency(charge.amount.currency)
        content = {
            "out_trade_no": charge.reference,
            "total_amount": to_yuan(charge.amount),
            "subject": charge.subject.translate(_FORBIDDEN)[:_SUBJECT_LENGTH],
            "product_code": product,
            "time_expire": times.plain(charge.expire_time),
        }
        if charge.scene is Scene.PRECREATE:
            answer = await self._ask("prepare", method, content, reading.whole, notified=True)
            return Prepared({"code_url": str(answer["qr_code"])})
        signed = self._signed(method, content, notified=True, return_url=charge.return_url)
        return Prepared({"url": f"{self._account.url}?{urlencode(signed)}"})

    async def query(self, reference: str) -> Standing:
        """How a charge stands."""
        try:
            return await self._ask("query", "alipay.trade.query", {"out_trade_no": reference}, reading.trade)
        except Fault as fault:
            if fault.metadata.get("code") == _UNKNOWN_TRADE:
                return Standing(reference, Status.NOT_FOUND)
            raise

    async def close(self, reference: str) -> None:
        """Make sure that a charge can't be paid any more, as far as Alipay knows of it."""
        try:
            await self._ask("close", "alipay.trade.close", {"out_trade_no": reference}, reading.whole)
        except Fault as fault:
            if fault.transient:
                raise
            # Three codes say "not in a state to be closed", which may mean paid or closed.
            standing = await self.query(reference)
            if standing.status is Status.SUCCEEDED:
                raise charge_paid(self.name, reference) from fault
            if standing.status is Status.PENDING:
                raise

    async def refund(self, refunding: Refunding) -> RefundStanding:
        """Give money back, by the reference of the refund once."""
        _check_currency(refunding.amount.currency)
        content = {
            "out_trade_no": refunding.charge_reference,
            "out_request_no": refunding.reference,
            "refund_amount": to_yuan(refunding.amount),
            "refund_reason": refunding.reason[:_REASON_LENGTH],
        }

        answer = await self._ask("refund", "alipay.trade.refund", content, reading.whole)
        if answer.get("fund_change") == "Y":
            transaction = str(answer.get("trade_no") or refunding.transaction)
            return RefundStanding(refunding.reference, Status.SUCCEEDED, transaction, refunding.amount, self._clock())
        # No money moved now; only the query tells whether it moved before.
        standing = await self.query_refund(refunding.reference, refunding.charge_reference)
        if standing.status is Status.NOT_FOUND:
            raise self._line.unknown("refund", "no money moved, and the refund is not known")
        return standing

    async def query_refund(self, reference: str, charge_reference: str) -> RefundStanding:
        """How a refund stands."""
        content = {
            "out_trade_no": charge_reference,
            "out_request_no": reference,
            "query_options": ["gmt_refund_pay"],
        }

        def standing(document: Mapping[str, Any]) -> RefundStanding:
            # Of a refund that it does not know, Alipay answers with nothing at all.
            return reading.refund({"out_request_no": reference, **document})

        try:
            return await self._ask("query_refund", "alipay.trade.fastpay.refund.query", content, standing)
        except Fault as fault:
            if fault.metadata.get("code") == _UNKNOWN_TRADE:
                return RefundStanding(reference, Status.NOT_FOUND)
            raise

    def read(self, headers: Headers, body: bytes, *, now: datetime) -> Notice:  # noqa: ARG002 - of the port
        """A notice whose signature holds, of our app, not older than Alipay's last repetition."""
        try:
            form = self._signatures.form(body)
            self._check_addressee(form, now)
            notice = reading.notice(form)
        except NotProven as refusal:
            raise notice_invalid(self.name, str(refusal)) from None
        except (KeyError, ValueError, TypeError):
            raise notice_invalid(self.name, "it says nothing that we know") from None
        return notice

    def accepted(self) -> Reply:
        """These seven letters and nothing else."""
        return Reply(200, "text/plain", b"success")

    def refused(self) -> Reply:
        """Send it again."""
        return Reply(200, "text/plain", b"fail")

    async def bill(self, day: date) -> Sequence[BillLine]:
        """What moved on a day: first where the file is, then the file."""
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        try:
            found = await self._ask(
                "find_bill", "alipay.data.dataservice.bill.downloadurl.query", content, reading.whole
            )
        except Fault as fault:
            if fault.metadata.get("code") != _NO_BILL:
                raise
            if self._clock() < times.bill_due(day):
                raise self._line.unknown("find_bill", "the bill is not due yet") from None
            return []
        url = str(found["bill_download_url"])

        def lines(answer: Answer) -> list[BillLine]:
            if answer.status != 200:
                raise self._line.unknown("fetch_bill", f"status {answer.status}")
            try:
                return bill.lines(bill.table(answer.body))
            except bill.BillUnreadable as unreadable:
                raise self._line.unknown("fetch_bill", str(unreadable)) from None

        return await self._line.call("fetch_bill", lambda: Request("GET", url), lines)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._line.aclose()

    def _check_addressee(self, form: Mapping[str, str], now: datetime) -> None:
        if form["app_id"] != self._account.app:
            raise NotProven("it is for another app")
        if not -_SKEW <= now - times.from_plain(form["notify_time"]) <= _OLDEST:
            raise NotProven("it was not sent within the last 26 hours")

    def _signed(
        self, method: str, content: Mapping[str, Any], *, notified: bool = False, return_url: str = ""
    ) -> dict[str, str]:
        return self._signatures.signed(
            {
                "app_id": self._account.app,
                "method": method,
                "format": "JSON",
                "charset": "utf-8",
                "sign_type": "RSA2",
                "timestamp": times.plain(self._clock()),
                "version": "1.0",
                "notify_url": self._account.notice_url if notified else "",
                "return_url": return_url,
                "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            }
        )

    async def _ask(
        self,
        name: str,
        method: str,
        content: Mapping[str, Any],
        read: Callable[[reading.Document], T],
        *,
        notified: bool = False,
    ) -> T:
        def request() -> Request:
            signed = self._signed(method, content, notified=notified)
            return Request("POST", self._account.url, _FORM, urlencode(signed).encode())

        node = f"{method.replace('.', '_')}_response"
        return await self._line.call(name, request, lambda answer: self._understood(name, node, answer, read))

    def _understood(self, name: str, node: str, answer: Answer, read: Callable[[reading.Document], T]) -> T:
        """The document of an answer that Alipay signed; what isn't signed may be anybody's."""
        if answer.status != 200:
            raise self._line.unknown(name, f"status {answer.status}")
        try:
            members = raw_members(answer.body.decode())
            # Some amounts come as numbers: as their text they stay exact.
            document = json.loads(members.get(node) or members["error_response"], parse_float=str, parse_int=str)
            code = str(document["code"])
            if "sign" not in members:
                # So Alipay answers who can't prove to be the app: mending the settings mends it.
                raise self._line.unknown(name, f"{code} {document.get('sub_code', '')} without a signature")
            self._signatures.check(members[node].encode(), json.loads(members["sign"]))
            if code == _DONE:
                return read(document)
            refusal = str(document["sub_code"])
        except NotProven as refused:
            raise self._line.unknown(name, str(refused)) from None
        except (KeyError, ValueError, TypeError, AttributeError):
            raise self._line.unknown(name, "an answer without sense") from None
        if code != _REFUSED_FOR_BUSINESS or refusal.endswith("SYSTEM_ERROR"):
            raise self._line.unknown(name, refusal)
        raise provider_refused(self.name, refusal)


def _check_currency(currency: str) -> None:
    if currency != CURRENCY:
        raise provider_refused(NAME, "CURRENCY_UNSUPPORTED")
