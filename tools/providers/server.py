"""The provider server: both protocols and the control API, on one address."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tools.providers import keys as own_keys
from tools.providers.alipay import Alipay
from tools.providers.courier import PAUSES, Courier
from tools.providers.desk import Desk
from tools.providers.exchange import SILENCE, Asked, Told
from tools.providers.keys import Keys
from tools.providers.ledger import Refused
from tools.providers.wechat import WeChatPay

_PATIENCE = 30.0
"""How long a call stays unanswered before its connection is closed."""


@dataclass
class ProviderServer:
    """Two providers, and where they answer."""

    address: str
    keys: Keys
    wechat_pay: Desk
    alipay: Desk
    pauses: Sequence[float]
    ended: threading.Event = field(default_factory=threading.Event)

    def settings(self, notices: str) -> dict[str, str]:
        """The environment of an orders service that uses this server; its notice URLs begin with `notices`."""
        return self.keys.settings(self.address, notices)

    def desk(self, name: str) -> Desk:
        """A provider by the name of its path."""
        return {"wechat_pay": self.wechat_pay, "alipay": self.alipay}[name]

    def forget(self) -> None:
        """Begin anew, with empty books and good manners, at the same address with the same keys."""
        self.close()
        self.wechat_pay, self.alipay = _desks(self.keys, self.pauses)

    def close(self) -> None:
        """Give up what isn't delivered."""
        self.wechat_pay.courier.close()
        self.alipay.courier.close()


@contextmanager
def serving(
    folder: Path | None = None, *, port: int = 0, keys: Keys | None = None, pauses: Sequence[float] = PAUSES
) -> Iterator[ProviderServer]:
    """A provider server until the end of the block. Its keys are made anew unless given."""
    with tempfile.TemporaryDirectory() as temporary:
        keys = keys or own_keys.generate(folder or Path(temporary))
        listener = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        listener.daemon_threads = True
        host, bound = listener.server_address[:2]
        server = ProviderServer(f"{host!s}:{bound}", keys, *_desks(keys, pauses), pauses)
        listener.providers = server  # type: ignore[attr-defined]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.close()
            listener.shutdown()
            listener.server_close()
            thread.join()


def _desks(keys: Keys, pauses: Sequence[float]) -> tuple[Desk, Desk]:
    return (
        Desk(WeChatPay(keys), Courier(_wechat_accepts, pauses)),
        Desk(Alipay(keys), Courier(_alipay_accepts, pauses)),
    )


def control(desk: Desk, verb: str, told: dict[str, Any]) -> object:
    """One order of the control API; the verbs are those of the table in docs/payments.md."""
    verbs: dict[str, Callable[[], object]] = {
        "state": desk.state,
        "visit": lambda: desk.visit(told["url"]),
        "pay": lambda: _numbered(desk, desk.pay(**told)),
        "settle": lambda: _numbered(desk, desk.settle(**told)),
        "tell": lambda: desk.tell(**told),
        "forge": lambda: desk.courier.send(desk.forge(desk.notices[told["notice"]], told["how"])).name,
        "misbehave": lambda: desk.mischief.expect(**told),
        "refunds": lambda: setattr(desk.ledger, "refund_state", told["state"]),
        "behave": desk.mischief.forget,
    }
    return verbs[verb]()


def _numbered(desk: Desk, _: object) -> dict[str, int]:
    return {"notice": len(desk.notices) - 1}


def _wechat_accepts(status: int, _: bytes) -> bool:
    return status in {200, 204}


def _alipay_accepts(status: int, body: bytes) -> bool:
    return status == 200 and body == b"success"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        server: ProviderServer = self.server.providers  # type: ignore[attr-defined]
        told: Told | None
        if asked.path.startswith("/control/"):
            told = _controlled(server, asked)
        elif asked.path.startswith("/v3/"):
            told = server.wechat_pay.provider.answer(asked)
        else:
            told = server.alipay.provider.answer(asked)
        if told is SILENCE:
            server.ended.wait(_PATIENCE)
        if told is None or told is SILENCE:
            self.close_connection = True
            return
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if told.status != 204:
            self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body)

    def log_message(self, *_: object) -> None:
        """The desk keeps what happened."""


def _controlled(server: ProviderServer, asked: Asked) -> Told:
    _, _, name, *verb = asked.path.split("/")
    try:
        told = json.loads(asked.body) if asked.body else {}
        done, status = control(server.desk(name), verb[0] if verb else "state", told), 200
    except Refused as refused:
        done, status = {"refused": refused.code}, 409
    except (KeyError, ValueError, TypeError, IndexError) as error:
        done, status = {"error": f"{type(error).__name__}: {error}"}, 400
    return Told(status, {"Content-Type": "application/json"}, json.dumps(done or {}).encode() + b"\n")
