"""What lies where under `.run/`: everything that the suite makes on this machine, and nothing outside of it."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import Problem

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = ("members", "orders", "pipeline", "campaigns")


@dataclass(frozen=True)
class Folder:
    """The root of it, and the names of the rest."""

    root: Path

    def make(self) -> None:
        """Make it, or say why it can't be used."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except PermissionError:
            self.check_owner()
            raise Problem(f"{self.root} can't be written to; make it and its parent folder writable.") from None
        except OSError as error:
            raise Problem(f"{self.root} can't be made ({error.strerror}); make its parent folder writable.") from error
        self.check_owner()

    def check_owner(self, *, root_may: bool = False) -> None:
        """Raise a Problem when it is another user's. `root_may`: look, and end what runs, but make nothing there."""
        owner, caller = self.root.stat().st_uid, os.geteuid()
        if caller != owner and not (root_may and caller == 0):
            name = _name(owner)
            raise Problem(
                f"{self.root} belongs to {name}, who ran the suite before; "
                f"run this as {name} again, or remove the folder with `sudo make clean`."
            )

    @property
    def logs(self) -> Path:
        """One file per process, and `all.log` with their lines together."""
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        """Development keys."""
        return self.root / "keys"

    @property
    def lock(self) -> Path:
        """Held for as long as a suite runs; says its process id."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """The addresses of a running suite."""
        return self.root / "suite.json"

    @property
    def secrets(self) -> Path:
        """Generated passwords."""
        return self.root / "secrets.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.root / "postgres" / "data"

    @property
    def rabbitmq(self) -> Path:
        """RabbitMQ's data and configuration."""
        return self.root / "rabbitmq"

    @property
    def gateway(self) -> Path:
        """Envoy's configuration."""
        return self.root / "gateway.json"

    @property
    def supervisor(self) -> Path:
        """The supervisor's configuration."""
        return self.root / "supervisord.conf"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
