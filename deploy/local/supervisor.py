"""The supervisor: supervisord, told what to run, watched and asked.

Why supervisord: it restarts with a growing delay and gives up on what can't stay up, stops groups in order, keeps every
line of its children, and is a process of its own, so that the suite may be started from a test or a tool without
reaping that program's children (circus, in its caller's process, reaps them all).
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from shlex import join
from typing import Any

from deploy.local.account import Account
from deploy.local.folder import PROJECT
from deploy.local.problem import Problem

_USER = "kehu"
_ADMIN_URL = "KEHU_POSTGRES_URL"
"""Not for the services: each has a role of its own."""
_PATIENCE = 10.0
_QUICK = 10
"""A child that dies within so many seconds of its start is restarted after a delay that grows by a second a time."""


class Stage(IntEnum):
    """What is stopped first when the suite stops: services before what they stand on."""

    PLATFORM = 1
    SERVICES = 2


@dataclass(frozen=True)
class Child:
    """A process that must run as long as the suite does."""

    name: str
    stage: Stage
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    patience: int = 15
    """Seconds from the stop signal to SIGKILL."""


@dataclass(frozen=True)
class Status:
    """A child as the supervisor sees it."""

    name: str
    group: str
    state: str
    pid: int | None


class Remote:
    """A running supervisor, asked over XML-RPC."""

    def __init__(self, url: str) -> None:
        self._url = url

    def states(self) -> dict[str, Status]:
        """Every child by its name. `OSError` when there is no supervisor."""
        found = self._call("getAllProcessInfo")
        return {i["name"]: Status(i["name"], i["group"], i["statename"], i["pid"] or None) for i in found}

    def start(self, children: Iterable[Child]) -> None:
        """Start children, without waiting for them."""
        for child in children:
            self._call("startProcess", f"{_group(child.stage)}:{child.name}", False)

    def resume(self, name: str) -> None:
        """Start a child that was stopped."""
        self._call("startProcess", self._full(name), False)

    def stop(self, name: str) -> None:
        """Stop a child with its stop signal, and keep it stopped; returns when it is gone."""
        self._call("stopProcess", self._full(name))

    def _full(self, name: str) -> str:
        return f"{self.states()[name].group}:{name}"

    def _call(self, method: str, *arguments: object) -> Any:
        with xmlrpc.client.ServerProxy(self._url) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


@dataclass(frozen=True)
class Supervisor:
    """A supervisord on loopback, with the children that it has been told of. It starts them when asked."""

    configuration: Path
    logs: Path
    port: int
    password: str
    quick_deaths: int = 5
    """Quick deaths in a row after the first until it gives up on a child."""

    @property
    def url(self) -> str:
        """Where its XML-RPC interface is, with the password."""
        return f"http://{_USER}:{self.password}@127.0.0.1:{self.port}/RPC2"

    @property
    def log(self) -> Path:
        """What the supervisor itself says."""
        return self.logs / "supervisor.log"

    def launch(self, children: Sequence[Child], *, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the supervisor; it stops everything and goes when its parent dies.

        What is in `environment` its children get too.
        """
        for log in self.logs.glob("*.log"):
            log.unlink()
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(self._configuration(children))
        program = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)]
        with (self.logs / "supervisord.out").open("w") as out:
            process = subprocess.Popen(
                Account().run(program, death_signal="TERM"),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=PROJECT,
                env={name: value for name, value in os.environ.items() if name != _ADMIN_URL} | dict(environment),
                start_new_session=True,
            )
        self._wait(process)
        return process

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                Remote(self.url).states()
                return
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    said = (self.logs / "supervisord.out").read_text().strip()
                    raise Problem(f"The supervisor does not start; its last words: {said or error}") from error
                time.sleep(0.02)

    def _configuration(self, children: Sequence[Child]) -> str:
        groups = {stage: [child for child in children if child.stage is stage] for stage in Stage}
        sections = [
            _section(
                "supervisord",
                nodaemon="true",
                # Its log says everything; only what keeps it from starting is written to its output.
                silent="true",
                # Said outright, for otherwise it warns at every start as root.
                user=pwd.getpwuid(os.geteuid()).pw_name,
                logfile=self.log,
                logfile_maxbytes=0,
                pidfile=self.logs / "supervisord.pid",
                childlogdir=self.logs,
            ),
            _section("inet_http_server", port=f"127.0.0.1:{self.port}", username=_USER, password=self.password),
            _section(
                "rpcinterface:supervisor",
                **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
            *(
                _section(f"group:{_group(stage)}", programs=",".join(c.name for c in group), priority=int(stage))
                for stage, group in groups.items()
                if group
            ),
            *(self._program(child) for child in children),
        ]
        return "\n".join(sections)

    def _program(self, child: Child) -> str:
        return _section(
            f"program:{child.name}",
            command=join(child.command),
            environment=",".join(f'{name}="{value}"' for name, value in child.environment.items()),
            autostart="false",
            autorestart="true",
            startsecs=_QUICK,
            startretries=self.quick_deaths,
            stopsignal=child.stop_signal,
            stopwaitsecs=child.patience,
            stopasgroup="false",
            killasgroup="true",
            redirect_stderr="true",
            stdout_logfile=self.logs / f"{child.name}.log",
            stdout_logfile_maxbytes="50MB",
            stdout_logfile_backups=1,
        )


def _group(stage: Stage) -> str:
    return stage.name.lower()


def _section(title: str, **values: object) -> str:
    # A percent sign would begin an expansion.
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in values.items()]
    return "\n".join([f"[{title}]", *lines, ""])
