"""Codes to pick redemptions up with: 100 bits, derived from a secret of the service, so that none is ever stored.

Who repeats a request gets the same code, for it follows from the request id; what is kept is a keyed hash of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import UUID, uuid4

from services.members.domain.errors import mall as errors

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: what is easily confused in print is not in it, or means the same."""

_LENGTH = 20
_GROUP = 5
_ALIKE = str.maketrans("OIL", "011", " -")

Digest = Callable[..., str]
"""A keyed hash over texts, such as `kit.vault.Vault.digest`."""


class Codes:
    """Makes and reads codes."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest

    def make(self, redemption: UUID, request_id: str) -> str:
        """A code for a redemption; the same one for the same request."""
        secret = self._digest("redemption code", str(redemption), request_id or str(uuid4()))
        number = int.from_bytes(hashlib.sha256(secret.encode()).digest())
        letters = "".join(_LETTERS[number >> 5 * place & 31] for place in range(_LENGTH))
        return "-".join(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))

    def kept(self, code: str) -> str:
        """What is kept of a code, however it is written. Raises a Fault when it can't be one."""
        plain = code.upper().translate(_ALIKE)
        if len(plain) != _LENGTH or not set(plain) <= set(_LETTERS):
            raise errors.redemption_code_invalid("it must be 20 letters and digits")
        return self._digest("kept redemption code", plain)
