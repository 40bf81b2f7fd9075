"""旺店通's `sales.TradeQuery.queryWithDetail`, as its documentation has it: signed calls whose time is right, at most
60 minutes, pages from 0. What it shows is what changed in the window, oldest first, as it is now."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

BEIJING = timezone(timedelta(hours=8))
EPOCH = 1_325_347_200
SKEW = 120
WIDEST = timedelta(minutes=60)
METHOD = "sales.TradeQuery.queryWithDetail"

MISCHIEF = (
    "throttle",  # "too many calls in this minute"
    "error",  # status 500
    "garbage",  # no JSON
    "drop",  # the connection breaks before the answer
    "repeat",  # each order of the page twice: as it was before, then as it is
    "shuffle",  # the page upside down
)


@dataclass
class Trade:
    """An order there. `show` is from when on queries find its last change."""

    told: dict[str, Any]
    modified: datetime
    show: datetime
    before: dict[str, Any] | None = None


@dataclass
class WangDianTong:
    """A seller's account with one shop."""

    clock: Callable[[], datetime]
    sid: str = "kehu"
    key: str = "kehu-test"
    secret: str = "secret-of-tests"  # noqa: S105 - its own
    salt: str = "salt-of-tests"
    shop: str = "S1"
    trades: dict[str, Trade] = field(default_factory=dict)
    mischief: deque[str] = field(default_factory=deque)
    """What goes wrong with the next calls, one each; an empty word for nothing."""
    between: Callable[[], None] = lambda: None
    """Happens after each answer: something changes before the next page."""
    calls: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def change(self, told: dict[str, Any], *, late: timedelta = timedelta()) -> None:
        """An order is there, or is another one now; queries find that only after a while."""
        with self.lock:
            now, known = self.clock(), self.trades.get(told["trade_no"])
            version = int(known.told["version_id"]) + 1 if known else 1
            stamp = now.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
            told = {**told, "shop_no": self.shop, "modified": stamp, "version_id": version}
            self.trades[told["trade_no"]] = Trade(
                told, now.replace(microsecond=0), now + late, known.told if known else None
            )

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Answer a call; status 0 for none at all."""
        with self.lock:
            self.calls += 1
            trick = self.mischief.popleft() if self.mischief else ""
            if trick == "drop":
                return 0, b""
            if trick == "error":
                return 500, b"<html>Bad Gateway</html>"
            if trick == "garbage":
                return 200, b"<html>It works!</html>"
            if trick == "throttle":
                return _refused(100, "超过每分钟最大调用频率限制，请稍后重试")
            answer = self._query(target, body, trick)
        self.between()
        return answer

    def _query(self, target: str, body: bytes, trick: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        refusal = self._refusal(parts.path, asked, body.decode())
        if refusal is not None:
            return refusal
        (wanted,) = json.loads(body)
        start, end = (_instant(wanted[name]) for name in ("start_time", "end_time"))
        if end - start > WIDEST:
            return _refused(100, "您的查询时间过宽,查询时间不能大于60分钟")
        found = self._found(start, end) if wanted.get("shop_no") == self.shop else []
        size, page = int(asked["page_size"]), int(asked["page_no"])
        told = [each for trade in found[page * size : (page + 1) * size] for each in _told(trade, trick)]
        if trick == "shuffle":
            told.reverse()
        data = {"order": told, "total_count": len(found)}
        return 200, json.dumps({"status": 0, "data": data}, ensure_ascii=False).encode()

    def _found(self, start: datetime, end: datetime) -> list[Trade]:
        now = self.clock()
        found = [each for each in self.trades.values() if each.show <= now and start <= each.modified < end]
        return sorted(found, key=lambda each: (each.modified, each.told["trade_no"]))

    def _refusal(self, path: str, asked: dict[str, str], body: str) -> tuple[int, bytes] | None:
        if path != "/openapi" or asked.get("method") != METHOD:
            return _refused(100, "权限不足")
        if asked.get("v") != "1.0":
            return _refused(8, "版本错误")
        if (asked.get("sid"), asked.get("key"), asked.get("salt")) != (self.sid, self.key, self.salt):
            return _refused(1, "app auth fail")
        if abs(int(self.clock().timestamp()) - EPOCH - int(asked["timestamp"])) > SKEW:
            return _refused(7, "时间戳错误")
        signed = {**asked, "body": body}
        text = "".join(name + signed[name] for name in sorted(signed) if name != "sign")
        wanted = hashlib.md5(f"{self.secret}{text}{self.secret}".encode(), usedforsecurity=False).hexdigest()
        return None if asked.get("sign") == wanted else _refused(1, "验证失败")


def _told(trade: Trade, trick: str) -> list[dict[str, Any]]:
    return [trade.before, trade.told] if trick == "repeat" and trade.before else [trade.told]


def _refused(status: int, message: str) -> tuple[int, bytes]:
    return 200, json.dumps({"status": status, "message": message}, ensure_ascii=False).encode()


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)
