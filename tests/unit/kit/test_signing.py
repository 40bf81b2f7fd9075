"""Signatures that others verify with the public key alone."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kit.signing import SignatureInvalid, Signer, verified


def pem() -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


SIGNER = Signer(pem())
JWKS = json.dumps({"keys": [SIGNER.public_jwk]})


def test_a_signature_carries_its_text_and_names_its_key() -> None:
    jws = SIGNER.sign('{"a":"é"}')
    assert verified(jws, JWKS) == '{"a":"é"}'
    assert jwt.get_unverified_header(jws) == {"alg": "ES256", "kid": SIGNER.public_jwk["kid"], "typ": "JOSE"}


def test_a_changed_text_is_refused() -> None:
    head, _, tail = SIGNER.sign("yes").split(".")
    _, other, _ = SIGNER.sign("no").split(".")
    with pytest.raises(SignatureInvalid):
        verified(f"{head}.{other}.{tail}", JWKS)


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="not among those given"):
        verified(Signer(pem()).sign("yes"), JWKS)


@pytest.mark.parametrize("jws", ["", "a.b.c", "....", "no"])
def test_what_is_no_signature_is_refused(jws: str) -> None:
    with pytest.raises(SignatureInvalid):
        verified(jws, JWKS)


def test_what_is_no_key_set_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        verified(SIGNER.sign("yes"), "no keys")
