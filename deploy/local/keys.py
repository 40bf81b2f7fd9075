"""Development keys: one that issues users' tokens, one that signs the services' own, both ES256; and the keyring.

In a cluster an identity provider issues the users' tokens and these files are mounted from a Secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local.passwords import write_private
from kit.vault import Keyring


@dataclass(frozen=True)
class Keys:
    """The files in a folder of keys."""

    folder: Path

    @property
    def issuer(self) -> Path:
        """Private key (PEM) of users' tokens."""
        return self.folder / "issuer.pem"

    @property
    def service(self) -> Path:
        """Private key (PEM) of the services' tokens."""
        return self.folder / "service.pem"

    @property
    def jwks(self) -> Path:
        """The public halves of both, as a JWKS document."""
        return self.folder / "jwks.json"

    @property
    def keyring(self) -> Path:
        """What members seals personal data with."""
        return self.folder / "keyring.json"

    @property
    def certificate(self) -> Path:
        """What the gateway shows on its TLS port."""
        return self.folder / "gateway.crt"

    @property
    def certificate_key(self) -> Path:
        """The key of that."""
        return self.folder / "gateway.key"

    def make(self) -> None:
        """Make them, unless they are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.keyring.exists():
            write_private(self.keyring, Keyring.fresh().dump())
        if all(path.exists() for path in (self.issuer, self.service, self.jwks)):
            return
        for path in (self.issuer, self.service):
            write_private(path, _private_key())
        # Loaded here, for grpc comes with it.
        public_jwk = import_module("kit.signing").public_jwk
        jwks = {"keys": [public_jwk(path.read_text()) for path in (self.issuer, self.service)]}
        self.jwks.write_text(json.dumps(jwks, indent=2))


def _private_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
