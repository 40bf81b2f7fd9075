"""Debian packages: installed as root, unpacked into a folder of the suite's own for an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.problem import Problem


def install(package: str) -> None:
    """Install a package on this machine; needs root."""
    apt = ["apt-get", "install", "-qy", "--no-install-recommends", package]
    try:
        _run(apt)
    except subprocess.CalledProcessError:
        # The lists of a fresh machine are empty or old.
        _run(["apt-get", "update", "-q"])
        _run(apt)


def unpack(package: str, into: Path) -> None:
    """Unpack a package, and what it needs and the machine lacks, into the folder `into`; needs no root."""
    draft = into.with_name(f"{into.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    state = draft / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True)
    own = [
        *("-o", f"Dir::State::Lists={state / 'lists'}", "-o", f"Dir::Cache={state / 'cache'}"),
        *("-o", "Debug::NoLocking=true", "-q"),
    ]
    _run(["apt-get", *own, "update"])
    _run(["apt-get", *own, "install", "-y", "--no-install-recommends", "--download-only", package])
    for archive in sorted((state / "cache" / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(archive), str(draft)])
    shutil.rmtree(state)
    draft.rename(into)


def obtain(package: str, into: Path, *, otherwise: str) -> Path:
    """The root of the file system that has `package`: the machine's own as root, else the folder `into`.

    Raises a Problem that ends with `otherwise`, another way out.
    """
    if not shutil.which("apt-get"):
        raise Problem(f"{package} is missing and there is no apt-get to get it with; install it, or {otherwise}.")
    try:
        if os.geteuid() == 0:
            install(package)
            return Path("/")
        if not into.exists():
            unpack(package, into)
        return into
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "no word").strip().splitlines()[-1]
        raise Problem(
            f"{package} is missing and `{' '.join(error.cmd[:2])}` could not get it ({said}); "
            f"check the network or install {package}, or {otherwise}."
        ) from error


def _run(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
