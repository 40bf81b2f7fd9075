"""A process of the suite, run by the harness in its place or beside it: with other settings, or under another program.

It has the command and the environment of the one it stands in for, so it is the real thing.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

from deploy.local import health
from deploy.local.account import Account
from deploy.local.folder import PROJECT
from deploy.local.suite import Running
from faults.waiting import until

_AS_IT_IS: Mapping[str, str] = MappingProxyType({})
_START_SECONDS = 240.0
_STOP_SECONDS = 90.0


@dataclass(frozen=True)
class Original:
    """What is needed to run a process of the suite once more."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, suite: Running, name: str) -> Original:
        """As it runs now."""
        pid = suite.process(name).pid
        running = psutil.Process(pid)
        return cls(name, tuple(running.cmdline()), running.environ())


@dataclass
class StandIn:
    """A process of ours."""

    original: Original
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where it serves gRPC."""
        return self.environment["KEHU_GRPC_ADDRESS"]

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal and wait for the end; its exit status."""
        self.process.send_signal(signum)
        return self.process.wait(_STOP_SECONDS)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @property
    def healthy(self) -> bool:
        """Whether it runs and says that it is well."""
        return self.process.poll() is None and health.http(self.environment["KEHU_METRICS_ADDRESS"], "/healthz")


def start(
    original: Original, log: Path, settings: Mapping[str, str] = _AS_IT_IS, *, project: Path = PROJECT
) -> StandIn:
    """Start one, without waiting for it; `project` is where its code is."""
    environment = {**original.environment, **settings}
    if project != PROJECT:
        environment["PYTHONPATH"] = f"{project}:{project / 'gen'}"
    with log.open("ab") as out:
        process = subprocess.Popen(
            Account().run(original.command, death_signal="KILL"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=project,
            env=environment,
        )
    return StandIn(original, process, environment)


def finish(standin: StandIn) -> None:
    """End it gracefully; with force if that takes too long."""
    if standin.process.poll() is not None:
        return
    standin.process.terminate()
    try:
        standin.process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        standin.process.kill()
        standin.process.wait()


@contextmanager
def standing_in(
    suite: Running, name: str, log: Path, settings: Mapping[str, str] = _AS_IT_IS, *, project: Path = PROJECT
) -> Iterator[StandIn]:
    """Stop a process of the suite, and run it with other settings until the end of the block; then it runs again."""
    original = Original.of(suite, name)
    suite.stop(name)
    try:
        made = start(original, log, settings, project=project)
        try:
            until(lambda: made.healthy, within=_START_SECONDS, what=f"{name} with other settings")
            yield made
        finally:
            finish(made)
    finally:
        suite.start(name)
        suite.wait_ready(name, seconds=_START_SECONDS)
