"""Pages by keyset (AIP-158): a token is a signed position, bound to the query it belongs to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

from kit.errors import Fault, Kind, Violation, invalid

DEFAULT_SIZE = 50
MAX_SIZE = 1000
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Page:
    """At most `size` rows that come after the position `after` (None: from the first)."""

    size: int
    after: tuple[str, ...] | None = None

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than shown tells whether there is a next page."""
        return self.size + 1


class Tokens:
    """Makes and reads page tokens, with the key that all replicas of a service share."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def read(self, page_size: int, page_token: str, query: str) -> Page:
        """The page that a request asks for. `query` stands for every other parameter of the request.

        Raises a Fault for a negative size, and for a token that is damaged or belongs to another query.
        """
        if page_size < 0:
            raise invalid("page_size", "must not be negative")
        size = min(page_size or DEFAULT_SIZE, MAX_SIZE)
        return Page(size, self._open(page_token, query) if page_token else None)

    def next(self, after: tuple[str, ...], query: str) -> str:
        """The token of the page after the row at `after`."""
        body = json.dumps(after, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body, query) + body).decode()

    def _open(self, token: str, query: str) -> tuple[str, ...]:
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except ValueError:
            raise page_token_invalid() from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, query)):
            raise page_token_invalid()
        return tuple(json.loads(body))

    def _mac(self, body: bytes, query: str) -> bytes:
        digest = hmac.new(self._key, query.encode() + b"\0" + body, hashlib.sha256)
        return digest.digest()[:_MAC_BYTES]


def page_token_invalid() -> Fault:
    """The token is damaged, or belongs to another query."""
    return Fault(
        Kind.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
        "page_token is damaged or belongs to another query",
        violations=[Violation("page_token", "is damaged or belongs to another query")],
    )
