"""The provider server: a buyer's hand by HTTP, and a courier who does not give up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.orders.domain.provider import Scene
from tests.support.builders.charges import charge
from tests.support.http import Reply, call
from tests.support.providers import providers_of
from tests.support.waiting import until
from tools.providers.keys import Keys
from tools.providers.server import ProviderServer, serving


class Merchant:
    """Takes notices, and says to each the next of what it has to say."""

    def __init__(self) -> None:
        self.says: list[int] = []
        self.bodies: list[bytes] = []
        self.notices = ""

    def hear(self, body: bytes) -> int:
        self.bodies.append(body)
        return self.says.pop(0) if self.says else 204


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    heard = Merchant()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(heard.hear(self.rfile.read(int(self.headers["Content-Length"]))))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.notices = f"http://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield heard
    listener.shutdown()
    listener.server_close()
    thread.join()


def order(server: ProviderServer, verb: str, **told: Any) -> Reply:
    """One order of the control API."""
    return call(server.address, "POST", f"/control/wechat_pay/{verb}", told, headers={})


async def opened(server: ProviderServer, merchant: Merchant) -> str:
    """A charge that waits for its buyer; its reference."""
    url = f"{merchant.notices}/wechatPay"
    provider = providers_of(server.keys, server.address, wechat_pay_notice_url=url)["WECHAT_PAY"]
    made = charge(Scene.NATIVE)
    await provider.prepare(made)
    await provider.aclose()
    return made.reference


async def test_a_notice_is_brought_until_it_is_accepted(provider_server: ProviderServer, merchant: Merchant) -> None:
    merchant.says = [500, 500]
    number = await opened(provider_server, merchant)
    assert order(provider_server, "pay", number=number).json == {"notice": 0}
    until(lambda: len(merchant.bodies) == 3)
    assert len(set(merchant.bodies)) == 1
    until(lambda: [d.accepted for d in provider_server.wechat_pay.courier.deliveries] == [False, False, True])


async def test_it_misbehaves_on_command(provider_server: ProviderServer, merchant: Merchant) -> None:
    number = await opened(provider_server, merchant)
    order(provider_server, "pay", number=number, amount=1, tell=False)
    order(provider_server, "pay", number=number, anyway=True, tell=False)
    order(provider_server, "tell", notices=[1, 0], times=2)
    until(lambda: len(merchant.bodies) == 4)
    assert len(set(merchant.bodies)) == 2
    order(provider_server, "forge", notice=0, how="signature")
    order(provider_server, "misbehave", call="query", fault="error", times=2)
    assert provider_server.wechat_pay.mischief.next("query") == "error"
    order(provider_server, "behave")
    assert provider_server.wechat_pay.mischief.next("query") == ""
    state = order(provider_server, "state").json
    assert [payment["amount"] for payment in state["trades"][0]["payments"]] == [1, 1005]


@pytest.mark.parametrize(
    ("verb", "told", "status"),
    [
        ("pay", {"number": "nobody_knows"}, 409),
        ("misbehave", {"call": "query", "fault": "rudeness"}, 400),
        ("dance", {}, 400),
        ("tell", {"notices": [9]}, 400),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    provider_server: ProviderServer, verb: str, told: dict[str, Any], status: int
) -> None:
    assert order(provider_server, verb, **told).status == status


async def test_a_buyer_cannot_pay_what_is_closed_unless_the_provider_misbehaves(
    provider_server: ProviderServer, merchant: Merchant
) -> None:
    number = await opened(provider_server, merchant)
    provider_server.wechat_pay.ledger.close(number)
    assert order(provider_server, "pay", number=number).json == {"refused": "closed"}
    assert order(provider_server, "pay", number=number, anyway=True, tell=False).status == 200


def test_two_servers_have_books_of_their_own(provider_keys: Keys) -> None:
    with serving(keys=provider_keys) as one, serving(keys=provider_keys) as other:
        assert one.address != other.address
        assert one.desk("alipay").ledger is not other.desk("alipay").ledger


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tools.providers", "--port", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_the_command_writes_the_settings_that_lead_to_it(process: subprocess.Popen[str], tmp_path: Path) -> None:
    assert process.stdout is not None
    said = process.stdout.readline()
    settings = dict(line.split("=", 1) for line in (tmp_path / "settings.env").read_text().splitlines())
    address = settings["KEHU_WECHAT_PAY_URL"].removeprefix("http://")
    assert f"http://{address}" in said
    assert json.loads(call(address, "GET", "/control/alipay", headers={}).body)["trades"] == []
    assert Path(settings["KEHU_ALIPAY_KEY_FILE"]).stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not (tmp_path / "settings.env").exists()
