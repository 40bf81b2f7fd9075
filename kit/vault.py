"""Personal data at rest: sealed with a key per owner, which a master key wraps; found again by a keyed hash.

Each owner (a person, say) has a data key of their own. It is stored wrapped, that is encrypted by one of the master
keys of the keyring, beside the id of that key. Whoever destroys the wrapped key has destroyed all that was sealed with
it, also in copies (crypto-shredding). A master key is replaced by wrapping the data keys anew; what they sealed is not
touched. Everything is AES-256-GCM, bound to its owner and purpose, so that what was sealed for one is no use elsewhere.

What is looked up is stored by its hashes under all look-up keys that are current. So whoever knows one of them finds
it, and two who know one in common can't both be the first to store it: that is how such a key is replaced.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FIRST = "1"
"""The id of the look-up key of before there could be several."""

_KEY_BYTES = 32
_NONCE_BYTES = 12  # random: a data key seals few texts, and a master key may wrap 2**32 data keys
_FORMAT = b"\x01"
_KEY_PURPOSE = b"data key"


class Unreadable(Exception):
    """What is stored can't be opened: it was changed, belongs to another owner, or its master key is not here."""


class KeyringInvalid(ValueError):
    """The text is no keyring. Says what is wrong with it, never what is in it."""


class WrappedKey(NamedTuple):
    """A data key as it is stored: the id of the master key that wraps it, and the wrapped key."""

    key_id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Keyring:
    """The master keys by their id, which of them wraps new data keys, and the key from which secrets follow.

    `lookups` are the keys of the hashes for look-up by their id, the newest last; by default `lookup` is the only one.
    """

    primary: str
    keys: Mapping[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)
    lookups: Mapping[str, bytes] = field(repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.lookups:
            object.__setattr__(self, "lookups", {FIRST: self.lookup})
        if self.primary not in self.keys:
            raise KeyringInvalid("the keyring's primary key is not among its keys")
        if any(len(key) != _KEY_BYTES for key in (*self.keys.values(), self.lookup, *self.lookups.values())):
            raise KeyringInvalid(f"a key of the keyring has not {_KEY_BYTES} bytes")
        if self.lookups.get(FIRST, self.lookup) != self.lookup:
            raise KeyringInvalid(f"the look-up key {FIRST} is another one than lookup")

    @classmethod
    def fresh(cls, key_id: str = "1") -> Keyring:
        """A keyring of new random keys."""
        return cls(key_id, {key_id: secrets.token_bytes(_KEY_BYTES)}, secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read `{"primary": "1", "keys": {"1": "<base64>"}, "lookup": "<base64>"}`, and `lookups` if it is there.

        Raises KeyringInvalid.
        """
        try:
            document = json.loads(text)
            keys, lookups = (_decoded(document.get(name, {})) for name in ("keys", "lookups"))
            return cls(str(document["primary"]), keys, base64.b64decode(document["lookup"], validate=True), lookups)
        except KeyringInvalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError):
            raise KeyringInvalid("the keyring is not a JSON document with primary, keys and lookup") from None

    @classmethod
    def load(cls, path: str) -> Keyring:
        """Read a file. Raises KeyringInvalid."""
        try:
            return cls.parse(Path(path).read_text())
        except OSError as error:
            raise KeyringInvalid(f"the keyring {path} can't be read ({error.strerror})") from None

    def rotated(self, key_id: str) -> Keyring:
        """The keyring with a new primary key beside the old ones."""
        if key_id in self.keys:
            raise KeyringInvalid("the keyring has a key of this id already")
        return replace(self, primary=key_id, keys={**self.keys, key_id: secrets.token_bytes(_KEY_BYTES)})

    def looked_up_anew(self, key_id: str) -> Keyring:
        """The keyring with a new look-up key beside the old ones."""
        if key_id in self.lookups:
            raise KeyringInvalid("the keyring has a look-up key of this id already")
        return replace(self, lookups={**self.lookups, key_id: secrets.token_bytes(_KEY_BYTES)})

    def without_lookup(self, key_id: str) -> Keyring:
        """The keyring without one of several look-up keys."""
        return replace(self, lookups={name: key for name, key in self.lookups.items() if name != key_id})

    def dump(self) -> str:
        """The text that `parse` reads."""
        text: dict[str, object] = {
            "primary": self.primary,
            "keys": _encoded(self.keys),
            "lookup": base64.b64encode(self.lookup).decode(),
        }
        if self.lookups != {FIRST: self.lookup}:
            text["lookups"] = _encoded(self.lookups)
        return json.dumps(text, indent=2)


class Box:
    """What one data key can open and seal."""

    __slots__ = ("_cipher", "_owner")

    def __init__(self, key: bytes, owner: bytes) -> None:
        self._cipher = AESGCM(key)
        self._owner = owner

    def seal(self, text: bytes, purpose: bytes) -> bytes:
        """The text, sealed for one purpose of its owner."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, text, _bound(self._owner, purpose))

    def open(self, sealed: bytes, purpose: bytes) -> bytes:
        """What was sealed. Raises Unreadable."""
        return _decrypt(self._cipher, sealed, _bound(self._owner, purpose))


class Vault:
    """Seals and opens what belongs to owners, and hashes what they are found by."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keyring.keys.items()}

    @property
    def primary(self) -> str:
        """The id of the master key that wraps new data keys."""
        return self._keyring.primary

    @property
    def lookups(self) -> list[str]:
        """The ids of the look-up keys that are current, in their order."""
        return sorted(self._keyring.lookups)

    def create(self, owner: bytes) -> tuple[Box, WrappedKey]:
        """A new data key for an owner: what it can do, and how it is stored."""
        key = secrets.token_bytes(_KEY_BYTES)
        return Box(key, owner), self._wrap(key, owner)

    def box(self, stored: WrappedKey, owner: bytes) -> Box:
        """An owner's data key. Raises Unreadable."""
        return Box(self._unwrap(stored, owner), owner)

    def rewrapped(self, stored: WrappedKey, owner: bytes) -> WrappedKey:
        """The same data key under the primary master key. Raises Unreadable."""
        return self._wrap(self._unwrap(stored, owner), owner)

    def digest(self, *parts: str) -> str:
        """A keyed hash (HMAC-SHA-256) that is the same for equal parts without telling them, as 43 letters."""
        return _hash(self._keyring.lookup, parts)

    def hashes(self, *parts: str) -> list[str]:
        """The hashes by which equal parts are found: one for each look-up key, that of the newest last."""
        return [_hash(key, parts) for key in self._keyring.lookups.values()]

    def _wrap(self, key: bytes, owner: bytes) -> WrappedKey:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        primary = self._keyring.primary
        wrapped = self._ciphers[primary].encrypt(nonce, key, _bound(owner, _KEY_PURPOSE))
        return WrappedKey(primary, _FORMAT + nonce + wrapped)

    def _unwrap(self, stored: WrappedKey, owner: bytes) -> bytes:
        cipher = self._ciphers.get(stored.key_id)
        if cipher is None:
            raise Unreadable(f"the keyring has no key {stored.key_id}")
        return _decrypt(cipher, stored.wrapped, _bound(owner, _KEY_PURPOSE))


@lru_cache(maxsize=4)
def load(path: str) -> Vault:
    """The vault of a keyring file. Raises KeyringInvalid."""
    return Vault(Keyring.load(path))


def _decrypt(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    if sealed[:1] != _FORMAT:
        raise Unreadable("what is stored has no known form")
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], bound)
    except (InvalidTag, ValueError):
        raise Unreadable("what is stored was changed, or sealed by another key") from None


def _hash(key: bytes, parts: tuple[str, ...]) -> str:
    # Each part goes with its length, or ("ab", "c") would be found by ("a", "bc").
    message = "".join([f"{len(part)}:{part}" for part in parts]).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode()


def _encoded(keys: Mapping[str, bytes]) -> dict[str, str]:
    return {key_id: base64.b64encode(key).decode() for key_id, key in keys.items()}


def _decoded(keys: Mapping[str, str]) -> dict[str, bytes]:
    return {str(key_id): base64.b64decode(key, validate=True) for key_id, key in keys.items()}


def _bound(owner: bytes, purpose: bytes) -> bytes:
    return len(owner).to_bytes(4) + owner + purpose
