"""Personal data at rest: sealed with a key per owner, which a master key wraps; found again by a keyed hash.

Each owner (a person, say) has a data key of their own. It is stored wrapped, that is encrypted by one of the master
keys of the keyring, beside the id of that key. Whoever destroys the wrapped key has destroyed all that was sealed with
it, also in copies (crypto-shredding). A master key is replaced by wrapping the data keys anew; what they sealed is not
touched. Everything is AES-256-GCM, bound to its owner and purpose, so that what was sealed for one is no use elsewhere.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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
    """The master keys by their id, which of them wraps new data keys, and the key of the hashes for look-up."""

    primary: str
    keys: Mapping[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.primary not in self.keys:
            raise KeyringInvalid("the keyring's primary key is not among its keys")
        if any(len(key) != _KEY_BYTES for key in (*self.keys.values(), self.lookup)):
            raise KeyringInvalid(f"a key of the keyring has not {_KEY_BYTES} bytes")

    @classmethod
    def fresh(cls, key_id: str = "1") -> Keyring:
        """A keyring of new random keys."""
        return cls(key_id, {key_id: secrets.token_bytes(_KEY_BYTES)}, secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read `{"primary": "1", "keys": {"1": "<base64>"}, "lookup": "<base64>"}`. Raises KeyringInvalid."""
        try:
            document = json.loads(text)
            keys = {str(key_id): base64.b64decode(key, validate=True) for key_id, key in document["keys"].items()}
            return cls(str(document["primary"]), keys, base64.b64decode(document["lookup"], validate=True))
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
        return Keyring(key_id, {**self.keys, key_id: secrets.token_bytes(_KEY_BYTES)}, self.lookup)

    def dump(self) -> str:
        """The text that `parse` reads."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()}
        lookup = base64.b64encode(self.lookup).decode()
        return json.dumps({"primary": self.primary, "keys": keys, "lookup": lookup}, indent=2)


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
        """A keyed hash (HMAC-SHA-256) by which equal parts are found without telling them, as 43 letters."""
        # Each part goes with its length, or ("ab", "c") would be found by ("a", "bc").
        message = "".join([f"{len(part)}:{part}" for part in parts]).encode("utf-8", "surrogatepass")
        code = hmac.digest(self._keyring.lookup, message, "sha256")
        return base64.urlsafe_b64encode(code).rstrip(b"=").decode()

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


def _bound(owner: bytes, purpose: bytes) -> bytes:
    return len(owner).to_bytes(4) + owner + purpose
