"""The hand behind a provider: pays as the buyer's app would, and makes it misbehave."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tools.providers.alipay import Alipay
from tools.providers.courier import Courier
from tools.providers.exchange import Asked, Post
from tools.providers.ledger import Payment
from tools.providers.wechat import WeChatPay

FORGERIES = ("signature", "key", "stale", "body", "probe")


class Desk:
    """One provider as a test, or a developer with `curl`, sees it."""

    def __init__(self, provider: WeChatPay | Alipay, courier: Courier) -> None:
        self.provider = provider
        self.ledger = provider.ledger
        self.mischief = provider.mischief
        self.courier = courier
        self.notices: list[Post] = []
        """Every notice there is to tell, in the order of what happened."""

    def visit(self, url: str) -> None:
        """The buyer's browser follows a cashier's URL."""
        parts = urlsplit(url)
        told = self.provider.answer(Asked("GET", f"{parts.path}?{parts.query}", {"host": parts.netloc}, b""))
        if told is None or not told.headers["Content-Type"].startswith("text/html; "):
            raise ValueError(f"the cashier refuses: {told.body.decode() if told else 'no answer'}")

    def pay(self, number: str, *, amount: int | None = None, anyway: bool = False, tell: bool = True) -> Post:
        """The buyer pays: perhaps another amount, perhaps a trade that is closed or paid already (`anyway`)."""
        if isinstance(self.provider, Alipay):
            self.provider.scan(number)
        payment = self.ledger.pay(number, datetime.now(UTC), amount=amount, anyway=anyway)
        return self._told(self._payment_notice(number, payment), tell=tell)

    def settle(self, refund: str, *, state: str = "done", tell: bool = True) -> Post:
        """A refund that is under way ends: `done` or `failed`."""
        found = self.ledger.find_refund(refund)
        found.state = state
        return self._told(self.provider.refund_notice(found), tell=tell)

    def tell(self, notices: Sequence[int], *, times: int = 1, delay: float = 0) -> None:
        """Deliver notices of the past by their numbers, in this order, each so many times."""
        for index in notices:
            for _ in range(times):
                self.courier.send(self.notices[index], delay=delay)

    def forge(self, post: Post, how: str) -> Post:
        """The notice as a swindler would send it: `signature`, `key`, `stale`, `body` or `probe`."""
        if how not in FORGERIES:
            raise ValueError(f"a forgery is one of {', '.join(FORGERIES)}")
        if isinstance(self.provider, Alipay):
            return self._forged_form(self.provider, post, how)
        return self._forged_document(self.provider, post, how)

    def state(self) -> dict[str, Any]:
        """What happened so far."""
        return {
            "trades": [
                {
                    "number": trade.number,
                    "amount": trade.amount,
                    "closed": trade.closed,
                    "payments": [{"transaction": paid.transaction, "amount": paid.amount} for paid in trade.payments],
                    "refunds": [
                        {"number": refund.number, "amount": refund.amount, "state": refund.state}
                        for refund in trade.refunds.values()
                    ],
                }
                for trade in self.ledger.trades.values()
            ],
            "notices": [post.url for post in self.notices],
            "deliveries": [{"status": told.status, "accepted": told.accepted} for told in self.courier.deliveries],
        }

    def _payment_notice(self, number: str, payment: Payment) -> Post:
        return self.provider.payment_notice(self.ledger.find(number), payment)

    def _told(self, post: Post, *, tell: bool) -> Post:
        self.notices.append(post)
        if tell:
            self.courier.send(post)
        return post

    def _forged_document(self, provider: WeChatPay, post: Post, how: str) -> Post:
        match how:
            case "key":
                return provider.signed_post(post.url, post.body, key=provider.keys.stranger)
            case "stale":
                return provider.signed_post(post.url, post.body, age=3600)
            case "body":
                return replace(post, body=post.body.replace(b"TRANSACTION", b"transaction"))
            case "probe":
                headers = {"Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{secrets.token_urlsafe(200)}"}
            case _:
                headers = {"Wechatpay-Signature": "A" * 342 + "=="}
        return replace(post, headers={**post.headers, **headers})

    def _forged_form(self, provider: Alipay, post: Post, how: str) -> Post:
        form = dict(parse_qsl(post.body.decode()))
        signature = form.pop("sign")
        del form["sign_type"]
        match how:
            case "key":
                return provider.notice(post.url, form, key=provider.keys.stranger)
            case "stale":
                return provider.notice(post.url, {**form, "notify_time": "2020-01-01 00:00:00"})
            case "body":
                return replace(post, body=post.body.replace(b"total_amount=", b"total_amount=9"))
        lie = signature[::-1].strip("=")
        return replace(post, body=post.body.partition(b"&sign=")[0] + b"&sign=" + lie.encode())
