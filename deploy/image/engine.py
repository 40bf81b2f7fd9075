"""The container engine of this machine: docker or podman, and what it must be told here."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deploy.local.problem import Problem

KNOWN = ("docker", "podman")
_PODMANS_LIMIT = 1_048_576  # of open files and of processes, that podman gives a container unless told


@dataclass(frozen=True)
class Engine:
    """One engine; its name is docker or podman."""

    path: str

    @property
    def name(self) -> str:
        """`docker` or `podman`."""
        return Path(self.path).name

    def run(self, *arguments: str, **options: Any) -> str:
        """Run a command of the engine to its end and answer what it printed; raises a Problem with its last line."""
        done = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **options,
        )
        if done.returncode != 0:
            raise Problem(
                f"`{self.name} {' '.join(arguments[:3])} ...` failed: {_last_line(done.stderr or done.stdout)}"
            )
        return str(done.stdout)

    def shown(self, *arguments: str, **options: Any) -> None:
        """Run a command of the engine to its end, its output shown; raises a Problem."""
        done = subprocess.run([*self.command, *arguments], check=False, stdin=subprocess.DEVNULL, **options)
        if done.returncode != 0:
            raise Problem(f"`{self.name} {arguments[0]}` failed with status {done.returncode}; its message is above.")

    def has_image(self, reference: str) -> bool:
        """Whether an image is there already."""
        command = [*self.command, "image", "inspect", reference]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def image(self, reference: str) -> dict[str, Any]:
        """What the engine knows of an image: its configuration, size and the steps it was built in."""
        (found,) = json.loads(self.run("image", "inspect", reference))
        steps = self.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", reference).splitlines()
        known: dict[str, Any] = {**found, "History": [{"created_by": step} for step in steps]}
        return known

    @cached_property
    def command(self) -> list[str]:
        """How the engine is called: with another runtime where its own can't work."""
        if self.name == "podman" and self._crun_is_lost():
            runc = shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
            if runc is None:
                raise Problem("crun can't work with this machine's cgroups; install runc and run this again.")
            return [self.path, "--runtime", runc]
        return [self.path]

    @cached_property
    def run_options(self) -> list[str]:
        """Options for `run` and `create` without which a container would not start here."""
        if self.name != "podman":
            return []
        limits = {
            "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            # podman lowers its own limit to this before it starts anything.
            "nproc": min(
                resource.getrlimit(resource.RLIMIT_NPROC)[1], int(Path("/proc/sys/kernel/pid_max").read_text())
            ),
        }
        lower = {name: most for name, most in limits.items() if 0 <= most < _PODMANS_LIMIT}
        return [part for name, most in lower.items() for part in ("--ulimit", f"{name}={most}:{most}")]

    @cached_property
    def build_options(self) -> list[str]:
        """The same for `build`; as root podman also needs no network of its own then."""
        return [*self.run_options, "--network", "host"] if self.name == "podman" else []

    def _crun_is_lost(self) -> bool:
        """Whether podman would use crun where two kinds of cgroups are mounted, which crun refuses."""
        done = subprocess.run([self.path, "info", "--format", "json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Problem(f"podman does not work here: {_last_line(done.stderr)}")
        host = json.loads(done.stdout)["host"]
        return host["ociRuntime"]["name"] == "crun" and Path("/sys/fs/cgroup/unified").exists()


def find(wanted: str = "") -> Engine:
    """The engine that is asked for, or the first that works: docker's client may be there without its daemon."""
    tried = []
    for name in [wanted] if wanted else KNOWN:
        path = shutil.which(name)
        if path is None:
            tried.append(f"there is no {name}")
            continue
        done = subprocess.run([path, "info"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return Engine(path)
        tried.append(f"{name} does not work ({_last_line(done.stderr)})")
    raise Problem(f"An image needs docker or podman: {'; '.join(tried)}. Install one (Debian: apt-get install podman).")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no word"])[-1]


def arguments(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Build arguments for `build`."""
    return [part for name, value in pairs for part in ("--build-arg", f"{name}={value}")]
