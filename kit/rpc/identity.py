"""Who calls: bearer tokens (JWT) are verified here too, not only at the gateway, so that no header is trusted and a
direct call is as safe as one through Envoy. Verified tokens are remembered until they expire.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt

from kit.rpc.call import Identity
from kit.rpc.issuer import Issuer, path_of, unauthenticated
from kit.rpc.keys import RemoteKeys, parsed
from kit.settings import Settings
from kit.signing import public_jwk

ISSUER = "kehu"
AUDIENCE = "kehu"
ALGORITHMS = ["ES256", "ES384", "RS256", "PS256"]
_LEEWAY_SECONDS = 60
_REMEMBERED = 10_000
_SERVICE_TOKEN_SECONDS = 600


class Verifier:
    """Verifies tokens: our own against a set of public keys (JWKS), those of an OIDC issuer against its own."""

    def __init__(self, jwks: str, settings: Settings | None = None) -> None:
        self._keys = parsed(jwks)
        self._known: dict[str, Identity] = {}
        self._issuer = Issuer.of(settings, forgotten=self._known.clear) if settings and settings.jwks_uri else None

    @classmethod
    def from_file(cls, path: str) -> Verifier:
        """Read the keys from a file."""
        return cls(Path(path).read_text())

    @classmethod
    def of(cls, settings: Settings) -> Verifier:
        """What the settings say."""
        return cls(Path(settings.jwks_file).read_text(), settings)

    @property
    def remote(self) -> RemoteKeys | None:
        """The keys of the OIDC issuer, to be kept fresh; None without one."""
        return self._issuer.keys if self._issuer else None

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
            unverified = jwt.decode_complete(token, options={"verify_signature": False})
            key_id = str(unverified["header"].get("kid", ""))
            foreign = self._issuer if self._issuer and unverified["payload"].get("iss") == self._issuer.name else None
            claims: dict[str, Any] = jwt.decode(
                token,
                foreign.key(key_id) if foreign else self._keys[key_id],
                algorithms=ALGORITHMS,
                audience=list(foreign.audiences) if foreign else AUDIENCE,
                issuer=foreign.name if foreign else ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "sub"]},
            )
        except KeyError:
            raise unauthenticated("the token is signed with an unknown key") from None
        except jwt.ExpiredSignatureError:
            raise unauthenticated("the token has expired") from None
        except jwt.PyJWTError:
            raise unauthenticated("the token can't be verified") from None
        return foreign.identity(claims) if foreign else _own(claims)


def _own(claims: dict[str, Any]) -> Identity:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise unauthenticated("the token's roles are not a list of names")
    return Identity(str(claims["sub"]), tuple(roles), path_of(claims.get("org", "/")), float(claims["exp"]))


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
