"""A running suite, for programs: the demo, the end-to-end tests, the harnesses.

with Suite(Path("/somewhere")) as suite:
    requests.get(f"{suite.gateway}/v1/...", headers={"authorization": f"Bearer {suite.token('admin')}"})
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import status, tokens
from deploy.local.account import Account
from deploy.local.folder import PROJECT, Folder
from deploy.local.problem import Problem
from deploy.local.state import State, holder
from deploy.local.status import Found
from deploy.local.supervisor import Remote
from kit import vault
from kit.vault import Vault

_STOP_SECONDS = 120.0
_LOOK_SECONDS = 0.1


class Running:
    """A suite that runs in a folder, whoever started it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder.resolve())
        if holder(self.folder) is None or not self.folder.state.exists():
            raise Problem(f"No suite runs in {self.folder.root}; `kehu up` starts one.")

    @property
    def state(self) -> State:
        """Every address of it."""
        return State.read(self.folder.state)

    @property
    def gateway(self) -> str:
        """The gateway's URL, for REST and gRPC-Web; without the scheme it is the gRPC target."""
        return self.state.gateway

    def database_url(self, service: str) -> str:
        """The database of a service, as its role."""
        return self.state.databases[service]

    @property
    def broker_url(self) -> str:
        """The broker."""
        return self.state.broker_url

    def token(self, *roles: str, subject: str = "dev", org: str = "/", ttl: timedelta = timedelta(hours=12)) -> str:
        """A bearer token with these roles, of the development issuer."""
        return tokens.issue(Path(self.state.issuer_key_file), subject=subject, roles=roles, org=org, ttl=ttl)

    def vault(self) -> Vault:
        """What members seals personal data with, and the hashes that it finds members by."""
        return vault.load(self.state.keyring_file)

    def processes(self) -> list[Found]:
        """Every process as it is now."""
        return status.look(self.state)

    def process(self, name: str) -> Found:
        """One process as it is now, for example `members-serve`."""
        return next(process for process in self.processes() if process.name == name)

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process; the supervisor starts it again when it dies of it. The process id it had."""
        pid = self.process(name).pid
        if pid is None:
            raise Problem(f"{name} does not run.")
        os.kill(pid, signum)
        return pid

    def stop(self, name: str) -> None:
        """Stop a process gracefully, and keep it stopped."""
        self._supervisor.stop(name)

    def start(self, name: str) -> None:
        """Start a process that was stopped."""
        self._supervisor.resume(name)

    def restart(self, name: str, *, seconds: float = 60.0) -> None:
        """Stop a process gracefully, start it again, and wait until it is ready."""
        self.stop(name)
        self.start(name)
        self.wait_ready(name, seconds=seconds)

    def wait_ready(self, name: str, *, other_than: int | None = None, seconds: float = 60.0) -> Found:
        """Wait until a process is ready and, after a kill, is another process than `other_than`."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.process(name)
            if found.state == status.READY and found.pid != other_than:
                return found
            if time.monotonic() > deadline:
                raise Problem(f"{name} is {found.state} after {seconds:.0f} s; its log is {found.log}.")
            time.sleep(_LOOK_SECONDS)

    @property
    def _supervisor(self) -> Remote:
        return Remote(self.state.supervisor_url)


class Suite(Running):
    """A suite of one's own: started on entering, stopped on leaving, gone at the latest when this program dies."""

    def __init__(self, folder: Path, *, gateway_port: int = 0, environment: dict[str, str] | None = None) -> None:
        self.folder = Folder(folder.resolve())
        self._environment = {
            **os.environ,
            **(environment or {}),
            "KEHU_RUN_FOLDER": str(self.folder.root),
            "KEHU_GATEWAY_PORT": str(gateway_port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.make()
        out = self.folder.root / "suite.out"
        with out.open("w") as file:
            # In a session of its own: Ctrl-C is for this program, which then stops the suite in order.
            self._process = subprocess.Popen(
                Account().run([sys.executable, "-m", "deploy.local"], death_signal="TERM"),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=PROJECT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self._wait(self._process, out)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait(self, process: subprocess.Popen[bytes], out: Path) -> None:
        while not self._ready():
            if process.poll() is not None:
                words = out.read_text().strip().splitlines() or ["The suite ended without a word."]
                raise Problem(words[-1])
            time.sleep(_LOOK_SECONDS)

    def _ready(self) -> bool:
        return self.folder.state.exists() and self.state.ready

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(_STOP_SECONDS)
        self._process = None
