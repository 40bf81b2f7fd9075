"""What is written down of a running suite, so that other programs find it; and the lock that says that it runs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.folder import Folder
from deploy.local.passwords import write_private
from deploy.local.problem import Problem


@dataclass(frozen=True)
class Process:
    """One process of the suite, as others find it."""

    name: str
    service: str | None
    role: str
    grpc_address: str | None
    metrics_address: str | None
    log: str


@dataclass(frozen=True)
class State:
    """Where everything of a suite is. Addresses are host:port, the gateway's is a URL."""

    ready: bool
    gateway: str
    gateway_admin: str
    broker_url: str
    postgres_url: str
    databases: dict[str, str]
    jwks_file: str
    issuer_key_file: str
    service_key_file: str
    supervisor_url: str
    processes: tuple[Process, ...]
    keyring_file: str = ""
    """None was written down before there was one."""

    def process(self, name: str) -> Process:
        """A process by its name, for example `members-serve`."""
        return next(process for process in self.processes if process.name == name)

    def write(self, path: Path) -> None:
        """Write it down, for the owner's eyes: there are passwords in it."""
        write_private(path, json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> State:
        """What was written down."""
        raw = json.loads(path.read_text())
        processes = tuple(Process(**process) for process in raw.pop("processes"))
        return cls(**raw, processes=processes)


@contextmanager
def running(folder: Folder) -> Iterator[None]:
    """Hold the lock of a running suite. A Problem if another holds it."""
    # Not truncated before the lock is held: the holder's process id stands in it.
    with os.fdopen(os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                f"The suite already runs here (process {lock.read()}); `make status` says where, `make down` stops it."
            ) from None
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            folder.state.unlink(missing_ok=True)
            lock.truncate(0)


def holder(folder: Folder) -> int | None:
    """The process id of the suite that runs in a folder; None if none does."""
    if not folder.lock.exists():
        return None
    folder.check_owner(root_may=True)
    with folder.lock.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0) or None
        return None
