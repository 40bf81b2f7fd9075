"""The history of a real retailer, imported through the gateway, and how long its effects take."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from deploy.local.problem import Problem

_PACKAGE = "lifetimes"
_FILE = "lifetimes/datasets/CDNOW_master.txt"


def cdnow_file() -> Path:
    """CDNOW's purchases: a file of a Python package of which nothing else is used."""
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix() == _FILE and (path := Path(str(file.locate()))).exists():
            return path
    raise Problem(f"The Python package {_PACKAGE} with CDNOW's purchases is missing; run `make setup`.")
