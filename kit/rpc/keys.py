"""The public keys of an OIDC issuer: fetched in the background, kept while the issuer is away, fetched again when a
token names a key that is not among them.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from urllib.request import Request, urlopen

import jwt

from kit.telemetry import log

PublicKeys = dict[str, jwt.PyJWK]
"""Public keys by their ids."""

_TIMEOUT_SECONDS = 5.0
_LARGEST_BYTES = 1 << 20
_RETRY_SECONDS = 2.0
# A stranger can make up key ids as fast as calls; the issuer must not hear of each.
_LEAST_SECONDS = 5.0


def parsed(jwks: str | bytes) -> PublicKeys:
    """The keys of a JWKS document that sign. Raises `jwt.PyJWTError` or ValueError if it is none."""
    text = jwks if isinstance(jwks, str) else jwks.decode()
    return {key.key_id or "": key for key in jwt.PyJWKSet.from_json(text).keys if key.public_key_use in (None, "sig")}


class RemoteKeys:
    """The keys that an issuer shows. `changed` is called when one of them is gone."""

    def __init__(self, uri: str, *, ca_file: str = "", seconds: float, changed: Callable[[], None]) -> None:
        self.keys: PublicKeys = {}
        self._uri = uri
        self._context = ssl.create_default_context(cafile=ca_file or None)
        self._seconds = seconds
        self._changed = changed
        self._wanted = asyncio.Event()
        self._tried = -_LEAST_SECONDS

    def want(self) -> bool:
        """Ask for the keys anew, because one is missing. Whether they are fetched now; not if they just were."""
        if time.monotonic() - self._tried < _LEAST_SECONDS:
            return False
        self._wanted.set()
        return True

    async def fetch(self) -> bool:
        """Fetch the keys now; whether that worked. If not, those of the last time are kept."""
        self._tried = time.monotonic()
        self._wanted.clear()
        try:
            found = parsed(await asyncio.to_thread(self._read))
        except (OSError, ValueError, jwt.PyJWTError) as error:
            log.warning("the issuer's keys can't be had", error=type(error).__name__, kept=len(self.keys))
            return False
        if not _keeps(found, self.keys):
            self._changed()
        self.keys = found
        return True

    async def keep_fresh(self) -> None:
        """Fetch the keys again and again, for ever."""
        good = bool(self.keys)
        while True:
            try:
                async with asyncio.timeout(self._seconds if good else _RETRY_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            good = await self.fetch()

    def _read(self) -> bytes:
        request = Request(self._uri, headers={"accept": "application/json"})  # noqa: S310 - the settings allow http(s) only
        with urlopen(request, timeout=_TIMEOUT_SECONDS, context=self._context) as answer:  # noqa: S310 - as above
            read: bytes = answer.read(_LARGEST_BYTES + 1)
        if len(read) > _LARGEST_BYTES:
            raise ValueError("the issuer's answer is too long for a set of keys")
        return read


def _keeps(found: Mapping[str, jwt.PyJWK], before: Mapping[str, jwt.PyJWK]) -> bool:
    """Whether every key of before is still there, and the same."""
    return all(key_id in found and found[key_id].key == key.key for key_id, key in before.items())
