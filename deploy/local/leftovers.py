"""Processes that a killed suite left behind: found by the mark that each carries in its environment, and ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import psutil

from deploy.local.folder import Folder

_MARK = "KEHU_SUITE"
_SECONDS = 10.0


def mark(folder: Folder) -> dict[str, str]:
    """The environment variable that every process of the suite inherits."""
    return {_MARK: str(folder.root)}


def remove(folder: Folder, *, seconds: float = _SECONDS) -> int:
    """End what is left of an earlier run, gently at first; how many processes there were."""
    left = list(_marked(folder))
    for process in left:
        _send(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=seconds)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=seconds)
    return len(left)


def _marked(folder: Folder) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARK) == str(folder.root):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def _send(process: psutil.Process, signum: signal.Signals) -> None:
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return
