"""The network of a cluster on one machine: a namespace per pod, a bridge between them, names, and virtual addresses.

All of it lies in the network namespace of the test run itself, which `make chart-run` makes: no packet leaves it, and
all of it is gone with the run. The addresses are of TEST-NET-1, which is nobody's.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dnslib import QTYPE, RCODE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

HOST = "192.0.2.1"
DOMAIN = "kehu.svc.cluster.local"
_BRIDGE = "kehu0"
_TTL = 5  # seconds; what CoreDNS gives headless services

Endpoints = Callable[[str], Sequence[str]]
"""The addresses of the ready pods of a service, by its name."""


@dataclass(frozen=True)
class Interface:
    """A pod's own network: the namespace's path and the address in it."""

    name: str
    address: str

    @property
    def path(self) -> str:
        """Where the namespace can be joined."""
        return f"/run/netns/{self.name}"


@dataclass
class Network:
    """The bridge and what hangs on it."""

    _free: itertools.count[int] = field(default_factory=lambda: itertools.count(20))
    _made: list[Interface] = field(default_factory=list)

    def start(self) -> None:
        """Make the bridge; refuses to touch a network that is not the run's own."""
        links = _ip("-brief", "link").splitlines()
        if [line.split()[0] for line in links if not line.startswith("lo ")]:
            raise RuntimeError("This needs a network namespace of its own; run it by `make chart-run`.")
        _ip("link", "set", "lo", "up")
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HOST}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")

    def stop(self) -> None:
        """Remove what is left of the namespaces."""
        for interface in list(self._made):
            self.leave(interface)

    def join(self, name: str) -> Interface:
        """A namespace for one pod."""
        number = next(self._free)
        interface = Interface(name, f"192.0.2.{number}")
        _ip("netns", "add", name)
        self._made.append(interface)
        _ip("link", "add", f"veth{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"veth{number}", "master", _BRIDGE, "up")
        for command in (["addr", "add", f"{interface.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _ip("-n", name, *command)
        _ip("-n", name, "link", "set", "lo", "up")
        return interface

    def leave(self, interface: Interface) -> None:
        """The pod is gone."""
        self._made.remove(interface)
        _ip("netns", "delete", interface.name)

    def lend(self, address: str) -> None:
        """Give this machine one more address, for what is reached by a virtual one."""
        _ip("addr", "add", f"{address}/24", "dev", _BRIDGE)


class Names(BaseResolver):  # type: ignore[misc]
    """The cluster's DNS: a headless service has the addresses of its ready pods, another its virtual one."""

    def __init__(self, endpoints: Endpoints, virtual: Mapping[str, str]) -> None:
        self._endpoints = endpoints
        self._virtual = virtual
        self._server = DNSServer(self, address=HOST, port=53, logger=DNSLogger("-request,-reply"))

    def start(self) -> None:
        """Answer, in a thread."""
        self._server.start_thread()

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()
        self._server.server.server_close()

    def resolve(self, request: object, handler: object) -> object:
        """The answer to one question; IPv6 has none."""
        reply = request.reply()  # type: ignore[attr-defined]
        asked = request.q  # type: ignore[attr-defined]
        name, _, domain = str(asked.qname).rstrip(".").partition(".")
        addresses = [self._virtual[name]] if name in self._virtual else list(self._endpoints(name))
        if domain != DOMAIN or not addresses:
            reply.header.rcode = RCODE.NXDOMAIN
        elif asked.qtype == QTYPE.A:
            random.shuffle(addresses)
            reply.add_answer(*(RR(asked.qname, QTYPE.A, rdata=A(address), ttl=_TTL) for address in addresses))
        return reply


class Doors:
    """Virtual addresses: each new connection goes to one of the ready pods, or to something outside of the cluster."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def open(self, address: str, port: int, targets: Callable[[], Sequence[tuple[str, int]]]) -> None:
        """Listen on `address` and pass each connection on to one of `targets`."""

        async def serve() -> None:
            self._servers.append(await asyncio.start_server(lambda r, w: self._serve(r, w, targets), address, port))

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)

    def close(self) -> None:
        """End every connection."""

        async def end() -> None:
            for server in self._servers:
                server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        targets: Callable[[], Sequence[tuple[str, int]]],
    ) -> None:
        ready = list(targets())
        try:
            if ready:
                await _join(reader, writer, random.choice(ready))
        except (OSError, asyncio.CancelledError):
            pass  # there is nobody to tell: the caller sees that the connection ends
        finally:
            writer.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]) -> None:
    there_reader, there_writer = await asyncio.open_connection(*target)
    try:
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
    finally:
        there_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
