"""旺店通's open API: the orders of one shop that changed in a period, page by page."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from kit.clock import Clock
from kit.errors import Fault, Kind
from services.orders.domain.errors.provider import provider_refused
from services.orders.domain.pull import Page, Period
from services.orders.providers.calling import Answer, Line, Request
from services.orders.providers.wangdiantong import reading
from services.orders.providers.wangdiantong.signing import EPOCH, Account, sign

NAME = "WANGDIANTONG"
PAGE_SIZE = 100
_METHOD = "sales.TradeQuery.queryWithDetail"
_TIME = "%Y-%m-%d %H:%M:%S"
_SECOND = timedelta(seconds=1)
_THROTTLED = ("频率限制", "并发次数限制")
"""What its refusals say when it is asked too often; they have no code of their own."""
_LEFT_ALONE = timedelta(minutes=5)
"""How long it wants to be left alone then."""


class WangDianTong:
    """One shop, told by its number, of an account."""

    name = NAME

    def __init__(
        self, account: Account, *, url: str, shop: str, line: Line, clock: Clock, page_size: int = PAGE_SIZE
    ) -> None:
        self._account = account
        self._url = f"{url.rstrip('/')}/openapi"
        self._shop = shop
        self._line = line
        self._clock = clock
        self._page_size = page_size

    async def changed(self, period: Period, page: int) -> Page:
        """A page of the orders that changed in a period of at most 60 minutes; the first is 0."""
        end = period.end.astimezone(reading.BEIJING)
        if end.microsecond:  # it knows whole seconds; the next round asks for this one again
            end = end.replace(microsecond=0) + _SECOND
        asked = {
            "start_time": period.start.astimezone(reading.BEIJING).strftime(_TIME),
            "end_time": end.strftime(_TIME),
            "shop_no": self._shop,
            "time_type": 1,
        }
        data = await self._line.call("orders", lambda: self._request(asked, page), self._read)
        rows = tuple((str(told.get("trade_no")), reading.order(told)) for told in data["order"])
        return Page(rows, data["total"], self._page_size)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._line.aclose()

    def _request(self, asked: dict[str, Any], page: int) -> Request:
        body = json.dumps([asked], ensure_ascii=False, separators=(",", ":"))
        parameters = {
            "sid": self._account.sid,
            "key": self._account.key,
            "salt": self._account.salt,
            "method": _METHOD,
            "v": "1.0",
            "timestamp": str(int(self._clock().timestamp()) - EPOCH),
            "page_size": str(self._page_size),
            "page_no": str(page),
            "calc_total": "1",
        }
        parameters["sign"] = sign(parameters, body, self._account.secret)
        headers = {"Content-Type": "application/json"}
        return Request("POST", f"{self._url}?{urlencode(parameters)}", headers, body.encode())

    def _read(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            raise self._line.unknown("orders", f"status {answer.status}")
        try:
            told = reading.parsed(answer.body)
            status, message = int(told["status"]), str(told.get("message") or "")
            if status == 0:
                return {
                    "order": [dict(each) for each in told["data"]["order"]],
                    "total": int(told["data"]["total_count"]),
                }
        except (ValueError, KeyError, TypeError):
            raise self._line.unknown("orders", "no answer that can be read") from None
        if any(words in message for words in _THROTTLED):
            raise Fault(
                Kind.UNAVAILABLE,
                "UNAVAILABLE",
                f"{NAME} is asked too often",
                metadata={"dependency": NAME},
                retry_after=_LEFT_ALONE,
            )
        raise provider_refused(NAME, str(status))
