"""Brings notices to the merchant, again and again until it accepts them."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tools.providers.exchange import Post

PAUSES = (0.2, 1, 5, 15, 60)

Accepts = Callable[[int, bytes], bool]


@dataclass(frozen=True)
class Delivery:
    """One attempt, and what the merchant said; status 0 is a connection that failed."""

    post: Post
    status: int
    body: bytes
    accepted: bool


@dataclass
class Courier:
    """Delivers in threads of its own."""

    accepts: Accepts
    pauses: Sequence[float]
    """How long it waits before each repetition, in seconds."""
    deliveries: list[Delivery] = field(default_factory=list)
    _closed: threading.Event = field(default_factory=threading.Event)

    def send(self, post: Post, *, delay: float = 0) -> threading.Thread:
        """Deliver in the background, with repetitions."""
        thread = threading.Thread(target=self._insist, args=(post, delay), daemon=True, name="courier")
        thread.start()
        return thread

    def bring(self, post: Post) -> Delivery:
        """Deliver once, now."""
        parts = urlsplit(post.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        try:
            connection.request("POST", parts.path, post.body, dict(post.headers))
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            status, body = 0, b""
        finally:
            connection.close()
        delivery = Delivery(post, status, body, self.accepts(status, body))
        self.deliveries.append(delivery)
        return delivery

    def close(self) -> None:
        """Give up what isn't delivered."""
        self._closed.set()

    def _insist(self, post: Post, delay: float) -> None:
        time.sleep(delay)
        for pause in (*self.pauses, None):
            if self._closed.is_set() or self.bring(post).accepted or pause is None:
                return
            self._closed.wait(pause)
