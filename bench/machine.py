"""What the figures were measured on: the machine, the versions of what matters, and how busy it was before."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deploy.local import rabbitmq
from deploy.local.postgres import binaries

_PACKAGES = ("grpcio", "protobuf", "asyncpg", "psycopg2", "sqlalchemy", "nameko", "eventlet", "pydantic")
_BUSY = 0.5
"""A load average above which the machine had something else to do."""


def describe() -> dict[str, object]:
    """The machine and the versions."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": _output(str(binaries() / "postgres"), "--version").rpartition(" ")[2],
        "rabbitmq": _rabbitmq(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
    }


def busy() -> tuple[float, bool]:
    """The load average of the last minute, and whether it is too high for figures that mean something."""
    load = os.getloadavg()[0]
    return round(load, 2), load > _BUSY


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _rabbitmq() -> str:
    """The release, by the name of the folder that holds its programs."""
    return rabbitmq.find().scripts.resolve().parent.name.partition("-")[2]


def _version(name: str) -> str | None:
    for candidate in (name, f"{name}-binary"):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return done.stdout.strip()
