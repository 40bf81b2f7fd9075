"""A base image from Debian's packages, for machines that can't pull one: debootstrap fills it.

Two images come of one folder: the one that runs Kehu has Python, the one that builds it also pip and venv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.image.engine import Engine
from deploy.local.problem import Problem

SUITE = "bookworm"
RUNS = f"localhost/kehu-base:{SUITE}"
BUILDS = f"localhost/kehu-base-build:{SUITE}"
_PACKAGES = ("python3", "python3-venv", "ca-certificates")
# What pip and venv need and a service does not.
_ONLY_TO_BUILD = (
    *("python3-venv", "python3.11-venv", "python3-pip-whl", "python3-setuptools-whl"),
    *("python3-distutils", "python3-lib2to3"),
)


@dataclass(frozen=True)
class Bases:
    """References of both images."""

    runs: str = RUNS
    builds: str = BUILDS


def make(engine: Engine) -> Bases:
    """Make both images unless they are there; needs root and Debian's debootstrap."""
    if engine.has_image(RUNS) and engine.has_image(BUILDS):
        return Bases()
    if os.geteuid() != 0:
        raise Problem("A base image is made with debootstrap, which needs root.")
    with TemporaryDirectory(prefix="kehu-base-") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", SUITE, str(root), mirror()]
        _run(command)
        for leftover in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log"):
            shutil.rmtree(root / leftover, ignore_errors=True)
            (root / leftover).mkdir(parents=True)
        _import(engine, root, BUILDS)
        _run(["chroot", str(root), "dpkg", "--purge", *_ONLY_TO_BUILD])
        _import(engine, root, RUNS)
    return Bases()


def mirror() -> str:
    """Where this machine's apt gets Debian from."""
    form = "$(ORIGIN) $(LABEL) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise Problem(
            "A base image is made of Debian's packages, and there is no apt here to say where from."
        ) from error
    return chosen(listed)


def chosen(listed: str) -> str:
    """The address of the suite itself among what apt lists; its updates and security have other names."""
    for line in listed.splitlines():
        words = line.split()
        if words[:4] == ["Debian", "Debian", SUITE, "main"]:
            return words[4]
    raise Problem(f"apt knows no source of Debian's {SUITE}; run `apt-get update` and this again.")


def _import(engine: Engine, root: Path, reference: str) -> None:
    tar = subprocess.Popen(["tar", "--one-file-system", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    done = subprocess.run(
        [*engine.command, "import", "-", reference], stdin=tar.stdout, capture_output=True, check=False
    )
    if tar.wait() != 0 or done.returncode != 0:
        raise Problem(f"{engine.name} could not import {reference}: {done.stderr.decode(errors='replace').strip()}")


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    path = f"{environment.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**environment, "PATH": path})
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise Problem(f"`{command[0]}` failed: {' / '.join(said)}")
