"""Prometheus and promtool: the machine's own, or Debian's, unpacked into the project. Nothing is installed or started.

`python -m deploy.observability.programs` gets them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian
from deploy.local.folder import PROJECT
from deploy.local.problem import explained

_PACKAGE = "prometheus"


@dataclass(frozen=True)
class Programs:
    """Where the two are."""

    prometheus: Path
    promtool: Path


def find() -> Programs:
    """The programs, fetched if need be. A Problem when that can't be done."""
    installed = [shutil.which(name) for name in ("prometheus", "promtool")]
    if all(installed):
        return Programs(*(Path(name) for name in installed if name))
    root = PROJECT / ".run" / "prometheus"
    if not root.exists():
        debian.unpack(_PACKAGE, root, otherwise=f"install Debian's package {_PACKAGE}", finish=lambda _: None)
    return Programs(root / "usr/bin/prometheus", root / "usr/bin/promtool")


if __name__ == "__main__":
    with explained():
        find()
