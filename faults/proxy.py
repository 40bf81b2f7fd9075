"""A TCP proxy that misbehaves when told to: it delays, it swallows, it refuses. No root is needed for it.

Swallowing is a black hole as the network makes them: connections stay open, bytes go in, nothing comes out, and nobody
is told. What was under way when the hole closes arrives late.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 65_536


class Proxy:
    """Listens on loopback, and passes on to another port of loopback: the first of them where somebody listens.

    Runs in a thread of its own.
    """

    def __init__(self, *targets: int, listen: int = 0) -> None:
        self._targets, self._listen = targets, listen
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._delay = 0.0
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self.port = 0
        self.connections = 0
        """How many there were."""

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Cut every connection and listen no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def swallow(self) -> None:
        """Let nothing through, and tell nobody."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def delay(self, seconds: float) -> None:
        """Let each chunk wait, in both directions together so long."""
        self._delay = seconds / 2

    def heal(self) -> None:
        """Behave."""
        self._delay = 0.0
        self._loop.call_soon_threadsafe(self._open.set)

    def cut(self) -> None:
        """Reset every connection there is."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._open = asyncio.Event()
        self._open.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self._listen))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._abort()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._open.wait()
            far_reader, far_writer = await self._reach()
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except asyncio.CancelledError:
            return  # the proxy stops; asyncio would complain of a task that was cancelled
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for target in self._targets[:-1]:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", target)
        return await asyncio.open_connection("127.0.0.1", self._targets[-1])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on in their order; each chunk waits for itself alone, so that a delay is no limit of the rate."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)
        writing = asyncio.create_task(self._write(line, writer))
        try:
            with suppress(OSError):
                while data := await reader.read(_CHUNK):
                    await line.put((self._loop.time() + self._delay, data))
            await line.put((0.0, b""))
            await writing
        finally:
            writing.cancel()

    async def _write(self, line: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due, data = await line.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._open.wait()
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()


@contextmanager
def proxy(*targets: int, listen: int = 0) -> Iterator[Proxy]:
    """A proxy until the end of the block."""
    made = Proxy(*targets, listen=listen)
    made.start()
    try:
        yield made
    finally:
        made.stop()
