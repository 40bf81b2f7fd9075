"""Changes that are made only if nobody made another since."""

from __future__ import annotations

from kit import errors


def check(expected: int | None, version: int, name: str) -> None:
    """Raise a Fault when `name` is no longer at the version that the caller saw; None asks for no check."""
    if expected is not None and expected != version:
        raise errors.etag_mismatch(name)
