"""Development keys: one that issues users' tokens, one that signs the services' own. Both are ES256.

In a cluster an identity provider issues the users' tokens and these files are mounted from a Secret.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from deploy.local.passwords import write_private


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

    def make(self) -> None:
        """Make what is missing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.issuer, self.service):
            if not path.exists():
                write_private(path, _private_key())
        jwks = {"keys": [public_jwk(path.read_text()) for path in (self.issuer, self.service)]}
        self.jwks.write_text(json.dumps(jwks, indent=2))


def public_jwk(pem: str) -> dict[str, str]:
    """The public half of a private key as a JWK; its id is its RFC 7638 thumbprint."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a development key is an elliptic curve key")
    members = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    return {**members, "kid": thumbprint, "alg": "ES256", "use": "sig"}


def _private_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
