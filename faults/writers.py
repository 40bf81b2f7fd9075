"""Steady writers: journeys begin at their time whatever becomes of those before, in a thread of their own."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from types import TracebackType
from typing import Self

from faults import journeys
from faults.calls import Caller
from faults.journeys import Client
from faults.record import Record
from faults.shop import Shop

_MOST_AT_ONCE = 40
"""Clients wait for their answers; a suite that answers nobody must not fill the memory with them."""


class Writers:
    """Begin `rate` journeys a second until they are told to stop; then each goes on until its answer came."""

    def __init__(
        self, address: str, token: str, shop: Shop, record: Record, *, rate: float, patience: float, seed: int = 1
    ) -> None:
        self._address, self._token, self._shop, self._record = address, token, shop, record
        self._rate, self._patience = rate, patience
        self._dice = random.Random(seed)  # noqa: S311 - for a repeatable mix
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="writers")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Begin no more, and wait for what is under way."""
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except BaseException as error:  # noqa: BLE001 - raised again by `stop`, where somebody hears it
            self._error = error

    async def _write(self) -> None:
        caller = Caller(self._address, self._token, patience=self._patience)
        client = Client(caller, self._shop, self._record, self._dice)
        due, running = time.monotonic(), set[asyncio.Task[None]]()
        while not self._stopping.is_set():
            if len(running) < _MOST_AT_ONCE:
                running.add(asyncio.create_task(journeys.some(client)))
            for done in {task for task in running if task.done()}:
                running.remove(done)
                done.result()
            due += self._dice.expovariate(self._rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if running:
            await asyncio.gather(*running)
        await caller.close()
