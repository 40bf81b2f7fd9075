"""Who calls: bearer tokens (JWT) are verified here too, not only at the gateway, so that no header is trusted and a
direct call is as safe as one through Envoy. Verified tokens are remembered until they expire.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt

from kit.errors import Fault, Kind
from kit.rpc.call import Identity
from kit.signing import public_jwk

ISSUER = "kehu"
AUDIENCE = "kehu"
ALGORITHMS = ["ES256", "RS256"]
_LEEWAY_SECONDS = 60
_REMEMBERED = 10_000
_SERVICE_TOKEN_SECONDS = 600


class Verifier:
    """Verifies tokens against a set of public keys (JWKS)."""

    def __init__(self, jwks: str) -> None:
        self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(jwks).keys}
        self._known: dict[str, Identity] = {}

    @classmethod
    def from_file(cls, path: str) -> Verifier:
        """Read the keys from a file."""
        return cls(Path(path).read_text())

    def verify(self, authorization: str) -> Identity:
        """The caller behind an `authorization` header. Raises a Fault when it proves nothing."""
        known = self._known.get(authorization)
        if known is not None and known.expires + _LEEWAY_SECONDS > time.time():
            return known
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("a bearer token is needed")
        identity = self._decode(token)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[authorization] = identity
        return identity

    def _decode(self, token: str) -> Identity:
        try:
            key = self._keys[jwt.get_unverified_header(token).get("kid")]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "sub"]},
            )
        except KeyError:
            raise unauthenticated("the token is signed with an unknown key") from None
        except jwt.ExpiredSignatureError:
            raise unauthenticated("the token has expired") from None
        except jwt.PyJWTError:
            raise unauthenticated("the token can't be verified") from None
        roles = claims.get("roles", [])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise unauthenticated("the token's roles are not a list of names")
        return Identity(str(claims["sub"]), tuple(roles), str(claims.get("org", "/")), float(claims["exp"]))


class Tokens:
    """Makes tokens, signed with a private key: for development, and for a service's own calls."""

    def __init__(self, private_key_pem: str, key_id: str) -> None:
        self._key = private_key_pem
        self._key_id = key_id
        self._service: tuple[float, str] = (0.0, "")

    @classmethod
    def from_file(cls, path: str) -> Tokens:
        """Read the key from a file."""
        pem = Path(path).read_text()
        return cls(pem, public_jwk(pem)["kid"])

    def issue(self, subject: str, roles: list[str], *, org: str = "/", seconds: int = 3600) -> str:
        """A token for `subject` that is good for `seconds`."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": roles,
            "org": org,
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})

    def for_service(self, service: str) -> str:
        """The service's own token, made anew when half of its life is over."""
        expires, token = self._service
        if expires - _SERVICE_TOKEN_SECONDS / 2 < time.time():
            token = self.issue(f"service:{service}", ["service"], seconds=_SERVICE_TOKEN_SECONDS)
            self._service = (time.time() + _SERVICE_TOKEN_SECONDS, token)
        return token


def unauthenticated(why: str) -> Fault:
    """The call proves no identity."""
    return Fault(Kind.UNAUTHENTICATED, "UNAUTHENTICATED", why)
