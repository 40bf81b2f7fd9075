"""Where faults are made: the running suite, what is in it, and how to break its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import health
from deploy.local.folder import SERVICES
from deploy.local.rabbitmq import find
from deploy.local.suite import Running
from faults.cluster import Cluster
from faults.evidence import Evidence
from faults.record import Record
from faults.shop import Shop
from faults.standin import Original

_ASKED_SECONDS = 0.3
PATIENCE = 240.0
"""How long a process may take to be well again; other work may share the machine."""


@dataclass
class Arena:
    """A suite with a shop, and the record of the run that is under way."""

    suite: Running
    shop: Shop
    evidence: Evidence
    record: Record = field(default_factory=lambda: Record("none"))
    gateway: str = ""
    """Where the writers call."""
    cluster: Cluster | None = None
    """The nodes of the broker, where it has several."""

    def __post_init__(self) -> None:
        self.gateway = self.gateway or self.suite.gateway.removeprefix("http://")

    @property
    def scratch(self) -> Path:
        """A folder for whatever a fault needs."""
        path = self.suite.folder.root / "faults"
        path.mkdir(exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """Where something that a fault runs may write."""
        return self.scratch / f"{name}.log"

    @property
    def processes(self) -> list[str]:
        """Every process of the services."""
        return [f"{service}-{role}" for service in SERVICES for role in ("serve", "consume", "relay")]

    def kill_again_and_again(self, name: str, seconds: float) -> int:
        """Kill a process with -9, and again whenever it is well again, for so many seconds; how often."""
        over = threading.Event()
        timer = threading.Timer(seconds, over.set)
        timer.start()
        kills, killed = 0, 0
        try:
            while not over.wait(0.2):
                found = self.suite.process(name)
                if found.pid is not None and found.pid != killed and found.state == "ready":
                    os.kill(found.pid, signal.SIGKILL)
                    kills, killed = kills + 1, found.pid
        finally:
            timer.cancel()
        self.suite.wait_ready(name, other_than=killed, seconds=PATIENCE)
        return kills

    @contextmanager
    def away(self, name: str, *, signum: signal.Signals = signal.SIGKILL) -> Iterator[None]:
        """A process dies of a signal, and is not started again before the end of the block."""
        pid = self.suite.process(name).pid
        assert pid is not None  # noqa: S101 - every process runs when a fault begins
        if signum is signal.SIGKILL:
            # Frozen first: the supervisor learns that it is to stay away, and the process doesn't hear of it.
            os.kill(pid, signal.SIGSTOP)
            stopping = threading.Thread(target=self.suite.stop, args=(name,))
            stopping.start()
            time.sleep(_ASKED_SECONDS)
            os.kill(pid, signum)
            stopping.join()
        else:
            os.kill(pid, signum)
            self.suite.stop(name)
        try:
            yield
        finally:
            self.suite.start(name)
            self.suite.wait_ready(name, seconds=PATIENCE)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A process neither works nor dies until the end of the block."""
        pid = self.suite.process(name).pid
        assert pid is not None  # noqa: S101 - every process runs when a fault begins
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def metric(self, process: str, name: str, **labels: str) -> float:
        """The sum of a process's samples with some labels; 0 while it does not answer."""
        address = self.suite.state.process(process).metrics_address
        page = health.page(address or "", "/metrics") or ""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = (line for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(each in line for each in wanted))

    def rabbitmqctl(self, *arguments: str) -> str:
        """Run RabbitMQ's command line tool at the suite's own node; what it prints."""
        environment = Original.of(self.suite, "rabbitmq").environment
        command = [str(find().scripts / "rabbitmqctl"), "-q", *arguments]
        return subprocess.run(
            command, env=dict(environment), check=True, capture_output=True, text=True, timeout=PATIENCE
        ).stdout

    def well(self) -> bool:
        """Whether every process of the suite is ready, but for those that another stands in for."""
        return all(each.state in {"ready", "stopped"} for each in self.suite.processes())
