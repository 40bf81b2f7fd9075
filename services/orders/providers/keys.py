"""The keys of a merchant account: ours to sign with, the provider's to verify with, each in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_LEAST_BITS = 2048


class KeyUnusable(ValueError):
    """A file does not hold the key it should. Names the file, never what is in it."""


class SigningKey:
    """Our private key, which signs what we send (RSA, PKCS #1 v1.5, SHA-256)."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def load(cls, path: str) -> SigningKey:
        """Read a PEM file, in PKCS #8 or PKCS #1. Raises KeyUnusable."""
        text = _read(Path(path))
        try:
            key = load_pem_private_key(text, password=None)
        except (ValueError, TypeError):
            raise KeyUnusable(f"{path} holds no private key (PEM, without a password)") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
            raise KeyUnusable(f"{path} holds no RSA key of {_LEAST_BITS} bits or more")
        return cls(key)

    def sign(self, text: bytes) -> bytes:
        """The signature over the text."""
        return self._key.sign(text, PKCS1v15(), SHA256())


class VerifyingKeys:
    """The provider's public keys by their ids: several while one takes over from another.

    They stand in a folder, a `.pem` file each. A certificate is known by its serial number, a bare public key by the
    name of its file. The folder is read again when a key is asked for that was not there, so that a new one is
    believed without a restart.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._keys = dict(_public_keys(self._folder))
        self._seen = self._state()
        if not self._keys:
            raise KeyUnusable(f"{folder} holds no public key (*.pem)")

    @property
    def ids(self) -> list[str]:
        """The ids, in order."""
        return sorted(self._keys)

    def verifies(self, key_id: str, text: bytes, signature: bytes) -> bool:
        """Whether the key of this id signed the text; one that isn't known signed nothing."""
        if key_id not in self._keys:
            self._refresh()
        key = self._keys.get(key_id)
        return key is not None and _verifies(key, text, signature)

    def any_verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether any of the keys signed the text, for a provider that doesn't say which."""
        if any(_verifies(key, text, signature) for key in self._keys.values()):
            return True
        return self._refresh() and any(_verifies(key, text, signature) for key in self._keys.values())

    def _refresh(self) -> bool:
        # Whoever sends nonsense must not make us parse keys each time.
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            self._keys = dict(_public_keys(self._folder))
        except KeyUnusable:
            return False  # half written: what we have goes on being believed
        return True

    def _state(self) -> Mapping[str, int]:
        try:
            return {path.name: path.stat().st_mtime_ns for path in self._folder.glob("*.pem")}
        except OSError:
            return {}  # a file went under our hands: unlike anything seen, so it is looked at again


def load_secret(path: str, size: int) -> bytes:
    """A symmetric key as the merchant platform shows it: `size` letters and digits. Raises KeyUnusable."""
    secret = _read(Path(path)).strip()
    if len(secret) != size:
        raise KeyUnusable(f"{path} holds no key of {size} characters")
    return secret


def _public_keys(folder: Path) -> Iterator[tuple[str, RSAPublicKey]]:
    for path in sorted(folder.glob("*.pem")):
        text = _read(path)
        try:
            name, key = _public_key(path.stem, text)
        except ValueError:
            raise KeyUnusable(f"{path} holds no public key or certificate (PEM)") from None
        if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
            raise KeyUnusable(f"{path} holds no RSA key of {_LEAST_BITS} bits or more")
        yield name, key


def _public_key(stem: str, text: bytes) -> tuple[str, object]:
    if b"BEGIN CERTIFICATE" not in text:
        return stem, load_pem_public_key(text)
    certificate = x509.load_pem_x509_certificate(text)
    number = f"{certificate.serial_number:X}"
    return number.zfill(len(number) + len(number) % 2), certificate.public_key()  # whole bytes, as everybody writes it


def _verifies(key: RSAPublicKey, text: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"{path} can't be read ({error.strerror})") from None
