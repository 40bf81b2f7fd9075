"""What processes cost, as the kernel counts it: CPU seconds, memory, connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """CPU seconds that a process has used so far, all its threads together; 0 when it is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def cpu_with_ended_children(pid: int) -> float:
    """The same with what its ended children used."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def memory(pid: int) -> float:
    """Resident memory now, in MiB; 0 when the process is gone."""
    return _status(pid, "VmRSS:")


def peak_memory(pid: int) -> float:
    """The most resident memory so far, in MiB; 0 when the process is gone."""
    return _status(pid, "VmHWM:")


def children(pid: int) -> Iterator[tuple[int, str]]:
    """The processes that a process started, and what each calls itself."""
    for process in psutil.Process(pid).children(recursive=True):
        title = _read(process.pid, "cmdline").replace("\0", " ").strip()
        if title:
            yield process.pid, title


def connections(pid: int, port: int) -> int:
    """How many TCP connections a process has to a port."""
    try:
        found = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return 0
    return sum(1 for each in found if each.raddr and each.raddr.port == port)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds by the kind of process."""

    seconds: dict[str, float]

    def since(self, earlier: Usage) -> dict[str, float]:
        """What was used since then."""
        return {kind: max(0.0, now - earlier.seconds.get(kind, 0.0)) for kind, now in self.seconds.items()}


def postgres(pid: int) -> dict[str, float]:
    """CPU seconds of a PostgreSQL server: one figure for each database, and `shared` for everything else."""
    used: dict[str, float] = {}
    for child, title in children(pid):
        database = database_of(title)
        used[database] = used.get(database, 0.0) + cpu(child)
    used["shared"] = used.get("shared", 0.0) + cpu_with_ended_children(pid)
    return used


def database_of(title: str) -> str:
    """The database that a PostgreSQL process serves, by its title; `shared` for one that serves them all.

    A backend calls itself `postgres: role database address state`.
    """
    words = title.split()
    return words[2] if len(words) > 3 and words[0] == "postgres:" and "(" in words[3] else "shared"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/pid/stat after the name, which may have blanks in it: index 11 is utime."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _status(pid: int, name: str) -> float:
    lines = _read(pid, "status").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
