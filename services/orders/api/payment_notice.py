"""Notices of providers: believed by their signature alone, stored as they came, answered in the provider's own form."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from kit import names
from kit.clock import Clock
from kit.errors import Fault
from kit.telemetry import log
from kit.vault import Unreadable, Vault, WrappedKey
from services.orders import metrics
from services.orders.domain.payment_notice import PaymentNotice, Sealed
from services.orders.domain.provider import Notice, Standing
from services.orders.usecases import payment_notice as usecases
from services.orders.usecases.paying import Paying, Transactions
from services.orders.usecases.payment_intent import PaymentSaid
from services.orders.usecases.provider_refund import RefundSaid

_LARGEST = 64 * 1024
"""No provider sends more; the gateway refuses what is larger, and so do we."""
_AT_ONCE = 50
_PATIENCE_SECONDS = 2.0
"""Providers wait some 5 s for an answer; what is not applied by then is applied afterwards."""
_PURPOSE = b"payment notice"
_PROOF = ("wechatpay-", "content-type")
"""The headers that a notice is proved by, or read with."""


class Reply(Protocol):
    """What a provider's notice is answered with, to the letter."""

    @property
    def status(self) -> int:
        """The status of HTTP."""

    @property
    def content_type(self) -> str:
        """The type of the body."""

    @property
    def body(self) -> bytes:
        """The body."""


class Reader(Protocol):
    """A provider, as its notices need it."""

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """A message that came to our callback URL. Raises NOTICE_INVALID unless it is the provider's, and fresh."""

    def accepted(self) -> Reply:
        """The answer to a notice that was stored."""

    def refused(self) -> Reply:
        """The answer to a notice that was not; the provider sends it again."""


class Notices:
    """Takes the notices of providers, told by their tender.

    What proves nothing is counted and leaves no row: else strangers could fill the disk. What is proved is stored in a
    transaction of its own before anything follows from it, so it can be applied again, and repeats have no effect.
    """

    def __init__(
        self, transactions: Transactions, paying: Paying, readers: Mapping[str, Reader], *, vault: Vault, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._paying = paying
        self._readers = readers
        self._vault = vault
        self._clock = clock

    async def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take a notice. Raises a Fault only when no account of the provider is set up."""
        self._paying.provider(provider)
        reader = self._readers[provider]
        try:
            notice = self._read(reader, headers, body)
        except Fault as fault:
            return _refused(reader, provider, "forged", fault)
        try:
            fresh = await self._transactions.write(usecases.store_notice, self._stored(provider, notice, headers, body))
        except Fault as fault:
            return _refused(reader, provider, "not_stored", fault)
        metrics.NOTICES.labels(provider, "stored" if fresh else "repeated").inc()
        if fresh:
            await self._try(provider, notice)
        return reader.accepted()

    async def sweep(self) -> int:
        """Apply what was stored and had no effect; answers how many."""
        due = await self._transactions.write(usecases.due_notices, _AT_ONCE)
        for stored in due:
            try:
                headers, body = self._opened(stored)
                # It was fresh when it came; its signature still holds.
                notice = self._readers[stored.provider].read(headers, body, now=stored.receive_time)
            except (Fault, Unreadable, KeyError) as error:
                log.error("stored notice can't be read", notice=str(stored.id), error=type(error).__name__)
                continue
            await self._try(stored.provider, notice)
        return len(due)

    def _read(self, reader: Reader, headers: Mapping[str, str], body: bytes) -> Notice:
        if len(body) > _LARGEST:
            return reader.read({}, b"", now=self._clock())  # no provider signed that
        return reader.read(headers, body, now=self._clock())

    async def _try(self, provider: str, notice: Notice) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._apply(provider, notice)
        except (Fault, TimeoutError) as error:
            reason = error.reason if isinstance(error, Fault) else "TIMEOUT"
            log.warning("notice not applied yet", provider=provider, reason=reason)

    async def _apply(self, provider: str, notice: Notice) -> None:
        if isinstance(notice.standing, Standing):
            await self._paying.settle(PaymentSaid(provider, notice.standing, notice.merchant))
        else:
            await self._paying.settle_refund(RefundSaid(provider, notice.standing))
        await self._transactions.write(usecases.mark_applied, provider, notice.id)

    def _stored(self, provider: str, notice: Notice, headers: Mapping[str, str], body: bytes) -> PaymentNotice:
        proof = {key.lower(): value for key, value in headers.items() if key.lower().startswith(_PROOF)}
        text = json.dumps({"headers": proof, "body": base64.b64encode(body).decode()}).encode()
        notice_id = names.new_id()
        box, key = self._vault.create(notice_id.bytes)
        return PaymentNotice.received(
            notice_id,
            provider=provider,
            said=notice.id,
            kind=notice.kind.value,
            reference=notice.standing.reference,
            sealed=Sealed(key.key_id, key.wrapped, box.seal(text, _PURPOSE)),
            now=self._clock(),
        )

    def _opened(self, stored: PaymentNotice) -> tuple[Mapping[str, str], bytes]:
        key = WrappedKey(stored.sealed.key_id, stored.sealed.wrapped)
        document = json.loads(self._vault.box(key, stored.id.bytes).open(stored.sealed.text, _PURPOSE))
        return document["headers"], base64.b64decode(document["body"])


def _refused(reader: Reader, provider: str, outcome: str, fault: Fault) -> Reply:
    metrics.NOTICES.labels(provider, outcome).inc()
    log.warning("notice refused", provider=provider, reason=fault.reason, cause=fault.metadata.get("cause", ""))
    return reader.refused()
