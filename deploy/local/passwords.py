"""Passwords of the suite on this machine: generated once, kept beside the data that they open."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.folder import SERVICES


@dataclass(frozen=True)
class Passwords:
    """Every secret that is not a key file."""

    postgres: str
    broker: str
    supervisor: str
    page_tokens: str
    roles: dict[str, str]


def keep(path: Path) -> Passwords:
    """The passwords kept in `path`, made on the first use."""
    if not path.exists():
        fresh = Passwords(
            postgres=_fresh(),
            broker=_fresh(),
            supervisor=_fresh(),
            page_tokens=_fresh(),
            roles={service: _fresh() for service in SERVICES},
        )
        write_private(path, json.dumps(asdict(fresh), indent=2))
    return Passwords(**json.loads(path.read_text()))


def _fresh() -> str:
    return secrets.token_hex(16)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)
