"""Signatures over texts that others verify, with no more than the public key: JWS (RFC 7515), compact, by ES256."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_ALGORITHM = "ES256"


class SignatureInvalid(ValueError):
    """The signature does not prove the text. Says why."""


class Signer:
    """Signs with a private key (PEM, P-256)."""

    def __init__(self, private_key_pem: str) -> None:
        self._key = private_key_pem
        self.public_jwk = public_jwk(private_key_pem)

    def sign(self, text: str) -> str:
        """The text with its signature; the header names the key."""
        headers = {"typ": "JOSE", "kid": self.public_jwk["kid"]}
        return jwt.PyJWS().encode(text.encode(), self._key, algorithm=_ALGORITHM, headers=headers)


def verified(jws: str, jwks: str) -> str:
    """The payload of a signature made by one of the keys (a JWKS). Raises `SignatureInvalid`."""
    try:
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(jwks).keys}
        key_id = jwt.get_unverified_header(jws).get("kid")
        if key_id not in keys:
            raise SignatureInvalid(f"it was signed with the key {key_id}, which is not among those given")
        text: bytes = jwt.PyJWS().decode(jws, keys[key_id], algorithms=[_ALGORITHM])
    except (jwt.PyJWTError, ValueError) as error:
        raise SignatureInvalid(str(error)) from None
    return text.decode()


def payload(jws: str) -> str:
    """What a signature says of itself; nothing is verified."""
    part = jws.split(".")[1]
    return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


def public_jwk(private_key_pem: str) -> dict[str, str]:
    """The public half of a private key as a JWK; its id is its thumbprint (RFC 7638)."""
    key = load_pem_private_key(private_key_pem.encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("a key that signs is an elliptic curve key")
    members: dict[str, str] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    thumbprint = urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return {**members, "kid": thumbprint, "alg": _ALGORITHM, "use": "sig"}
