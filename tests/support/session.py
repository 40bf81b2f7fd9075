"""What a test run shares between its xdist workers: a folder, and a lifeline for the servers that it starts.

The lifeline is a named pipe that the run holds open: a server's guard reads the end of it when the run is over, however
it ends, and stops the server. So nothing is left behind, not even by a run that is killed.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FOLDER = pytest.StashKey[Path]()
_LIFELINE = pytest.StashKey[int]()
# A database's copy is hundreds of small files: made in memory it takes 20 ms, on an ext4 disk 150 to 500.
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder and a lifeline."""
    if hasattr(config, "workerinput"):
        config.stash[_FOLDER] = Path(config.workerinput["session_folder"])
        return
    made = Path(tempfile.mkdtemp(prefix="kehu-tests-", dir=_memory()))
    # A server may run as another account, which must pass through.
    made.chmod(0o711)
    os.mkfifo(made / "lifeline")
    config.stash[_FOLDER] = made
    config.stash[_LIFELINE] = os.open(made / "lifeline", os.O_RDWR | os.O_CLOEXEC)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the folder is."""
    node.workerinput["session_folder"] = str(node.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the lifeline: the last guard to stop removes the folder."""
    if _LIFELINE not in config.stash:
        return
    os.close(config.stash[_LIFELINE])
    if not any(config.stash[_FOLDER].glob("*/guard")):
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


@contextmanager
def shared(config: pytest.Config, name: str) -> Iterator[Path]:
    """The folder of one shared server, for as long as this worker alone looks whether it runs and starts it."""
    folder = config.stash[_FOLDER] / name
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def guard(
    folder: Path, *commands: Sequence[str], signal: str = "KILL", environment: Mapping[str, str] | None = None
) -> None:
    """Run servers until the run is over; then send them `signal`, and remove their folder."""
    (folder / "guard").touch()
    starts = "\n".join(f'{shlex.join(command)} </dev/null & pids="$pids $!"' for command in commands)
    script = f"""
        {starts}
        cat >/dev/null
        kill -{signal} $pids
        wait
        rm -rf {shlex.quote(str(folder))}
        rm -f {shlex.quote(str(folder.parent / "lifeline"))}
        rmdir {shlex.quote(str(folder.parent))} 2>/dev/null || true
    """
    # Opened without blocking, for the run may be over already; the guard then reads the end at once.
    lifeline = os.open(folder.parent / "lifeline", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(lifeline, True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", script],
            stdin=lifeline,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**os.environ, **(environment or {})},
        )
    os.close(lifeline)
    # The guard outlives this worker on purpose.
    process.returncode = 0


def _memory() -> Path | None:
    """The file system in memory, where it is there and roomy; a container's has often 64 MiB."""
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM
    return _MEMORY if roomy else None
