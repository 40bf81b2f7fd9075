"""A network and a table of mounts of one's own: packets may be lost and disks be small, and nobody else notices.

It needs root. Everything that the harness starts lives in it, so that nothing is left on the machine afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from faults.catalogue.network import PRIVATE

_TOOLS = ("unshare", "ip", "mount", "umount")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def possible() -> bool:
    """Whether this machine lets us."""
    if os.geteuid() != 0 or not all(shutil.which(tool, path=_PATH) for tool in _TOOLS):
        return False
    tried = subprocess.run(["/usr/bin/unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def entered() -> bool:
    """Whether this program runs in such a place."""
    return bool(os.environ.get(PRIVATE))


def enter(module: str) -> None:
    """Run this module again in such a place, unless it is there already or can't be. Returns only then."""
    if entered() or not possible():
        return
    inside = ["/bin/sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable, "-m", module, *sys.argv[1:]]
    os.environ |= {PRIVATE: "1", "PATH": f"{os.environ['PATH']}:{_PATH}"}
    os.execv("/usr/bin/unshare", ["unshare", "--net", "--mount", "--", *inside])  # noqa: S606 - ourselves


def unmount(folder: str) -> None:
    """Take it away again."""
    subprocess.run(["/usr/bin/umount", "--lazy", folder], check=True, capture_output=True)


def mount_small(folder: str, mebibytes: int) -> None:
    """A disk of so many MiB in memory, on a folder; gone with the namespace."""
    size = f"size={mebibytes}m"
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True, capture_output=True)
