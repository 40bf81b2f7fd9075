"""Development tokens: what an identity provider issues elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path


def issue(key: Path, *, subject: str, roles: Sequence[str], org: str, ttl: timedelta) -> str:
    """A bearer token signed with the development issuer's key."""
    # Loaded here, for grpc comes with it, which most of those who import this module do not need.
    made = import_module("kit.rpc.identity").Tokens.from_file(str(key))
    return str(made.issue(subject, list(roles), org=org, seconds=int(ttl.total_seconds())))
