"""Debian packages: installed as root, unpacked into a folder of the project's own for an ordinary user."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.problem import Problem

_POLICY = Path("/usr/sbin/policy-rc.d")
_PATIENT = ("-o", "DPkg::Lock::Timeout=120")


def install(package: str, *, otherwise: str) -> None:
    """Install a package on this machine, without starting what it brings; needs root.

    Raises a Problem that ends with `otherwise`, another way out.
    """
    apt = ["apt-get", *_PATIENT, "install", "-qy", "--no-install-recommends", package]
    with _explained(package, otherwise), _nothing_started():
        try:
            _run(apt)
        except subprocess.CalledProcessError:
            # The lists of a fresh machine are empty or old.
            _run(["apt-get", *_PATIENT, "update", "-q"])
            _run(apt)


def unpack(package: str, into: Path, *, otherwise: str, finish: Callable[[Path], None]) -> None:
    """Unpack a package, and what it needs and the machine lacks, into the folder `into`; needs no root.

    `finish` mends what knows where it was to be installed. Raises a Problem that ends with `otherwise`.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with _explained(package, otherwise), into.with_suffix(".lock").open("w") as lock:
        # Another program may be unpacking it just now.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not into.exists():
            _unpack(package, into, finish)


def _unpack(package: str, into: Path, finish: Callable[[Path], None]) -> None:
    draft = into.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    lists, cache = draft / "apt" / "lists", draft / "apt" / "cache"
    for folder in (lists, cache / "archives"):
        (folder / "partial").mkdir(parents=True)
    own = ["-o", "Debug::NoLocking=true", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    try:
        _run(["apt-get", "-q", *own, "update"])
        _run(["apt-get", "-q", *own, "install", "-y", "--no-install-recommends", "--download-only", package])
        for archive in sorted((cache / "archives").glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(draft)])
        shutil.rmtree(draft / "apt")
        finish(draft)
        draft.rename(into)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _explained(package: str, otherwise: str) -> Iterator[None]:
    if not shutil.which("apt-get"):
        raise Problem(f"{package} is missing and there is no apt-get to get it with; install it, or {otherwise}.")
    sys.stdout.write(f"Getting {package} from Debian, this once.\n")
    sys.stdout.flush()
    try:
        yield
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "no word").strip().splitlines()[-1]
        raise Problem(
            f"{package} is missing and {error.cmd[0]} could not get it ({said}); "
            f"check the network or install {package}, or {otherwise}."
        ) from error


@contextmanager
def _nothing_started() -> Iterator[None]:
    """Keep a package from starting its service: the suite runs a node of its own."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _run(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
